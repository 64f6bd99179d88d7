//! This machine and its clones, when they fail.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ripcord_testkit::Running;

use crate::stage::{BINARY, Stage, assert_says};

const ROLLBACK: [&str; 4] = ["rollback", "payments", "production", "--yes"];

/// Waits, without a clock, until the server has seen `requests` or the process is gone.
fn wait_for_requests(stage: &Stage, running: &Running, requests: u64) {
    let status = PathBuf::from(format!("/proc/{}/stat", running.id()));
    let alive = || fs::read_to_string(&status).is_ok_and(|text| !text.contains(") Z "));
    while stage.server.traffic().requests < requests && alive() {
        std::thread::yield_now();
    }
}

#[test]
fn a_kill_at_any_moment_leaves_nothing_that_stops_the_next_run() {
    for requests in 1..=6 {
        let stage = Stage::payments();
        stage.server.set_latency(Duration::from_millis(15));
        let url = stage.url();
        let running = stage
            .ripcord()
            .spawn(["--repo", &url].iter().chain(&ROLLBACK))
            .unwrap();
        wait_for_requests(&stage, &running, requests);
        let _ = running.kill().unwrap();
        stage.server.set_latency(Duration::ZERO);
        let again = stage.roll_back();
        assert_eq!(again.code, 0, "killed at request {requests}: {again:?}");
        assert_eq!(
            (stage.live(), stage.commits()),
            ("good000".into(), 4),
            "killed at request {requests}"
        );
    }
}

#[test]
fn a_kill_in_a_clone_leaves_the_clone_as_it_was() {
    for requests in 1..=4 {
        let stage = Stage::payments();
        let clone = stage.clone("mine");
        let before = stage.snapshot(&clone);
        stage.server.set_latency(Duration::from_millis(15));
        stage.server.reset_traffic();
        let running = stage.ripcord().in_dir(&clone).spawn(ROLLBACK).unwrap();
        wait_for_requests(&stage, &running, requests);
        let _ = running.kill().unwrap();
        stage.server.set_latency(Duration::ZERO);
        before.assert_same(&stage.snapshot(&clone));
        let _ = stage.run_in(&clone, &ROLLBACK).assert_code(0);
        assert_eq!((stage.live(), stage.commits()), ("good000".into(), 4));
    }
}

/// The private repository of the stage's URL, made by a first run.
fn cached(stage: &Stage) -> PathBuf {
    let _ = stage.run(&["status"]).assert_code(0);
    let folder = stage.scratch.cache().join("ripcord/repositories");
    let mut found = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    found.find(|path| path.join("HEAD").exists()).unwrap()
}

#[test]
fn a_half_made_private_repository_is_made_again() {
    let breakages: [fn(&Path); 3] = [
        |folder| fs::remove_file(folder.join("ripcord-ready")).unwrap(),
        |folder| {
            fs::remove_file(folder.join("ripcord-ready")).unwrap();
            fs::remove_file(folder.join("HEAD")).unwrap();
            fs::remove_dir_all(folder.join("objects")).unwrap();
        },
        |folder| {
            let leftover = folder.with_file_name(".infra-dead.git.1");
            fs::create_dir(&leftover).unwrap();
            fs::write(leftover.join("HEAD"), "half").unwrap();
        },
    ];
    for (number, breakage) in breakages.iter().enumerate() {
        let stage = Stage::payments();
        breakage(&cached(&stage));
        let output = stage.roll_back();
        assert_eq!(output.code, 0, "breakage {number}: {output:?}");
        assert_eq!(stage.live(), "good000");
    }
}

/// Whatever is broken in a private repository: it is made again, or said to be this machine's trouble.
#[track_caller]
fn local_or_healed(breakage: impl Fn(&Path)) {
    let stage = Stage::payments();
    breakage(&cached(&stage));
    let output = stage.roll_back();
    assert!([0, 7].contains(&output.code), "{output:?}");
    assert!(!output.stderr.contains("panicked"), "{output:?}");
}

#[test]
fn a_private_repository_without_objects_is_local_trouble_or_healed() {
    local_or_healed(|folder| fs::remove_dir_all(folder.join("objects")).unwrap());
}

#[test]
fn a_private_repository_with_an_empty_head_is_local_trouble_or_healed() {
    local_or_healed(|folder| fs::write(folder.join("HEAD"), "").unwrap());
}

#[test]
fn a_private_repository_with_a_broken_config_is_local_trouble_or_healed() {
    local_or_healed(|folder| fs::write(folder.join("config"), "[core\n").unwrap());
}

#[test]
fn a_private_repository_with_damaged_packs_is_local_trouble_or_healed() {
    local_or_healed(|folder| {
        for entry in fs::read_dir(folder.join("objects/pack")).unwrap() {
            let path = entry.unwrap().path();
            fs::remove_file(&path).unwrap();
            fs::write(&path, "damaged").unwrap();
        }
    });
}

#[test]
fn a_private_repository_with_an_empty_ref_is_local_trouble_or_healed() {
    local_or_healed(|folder| fs::write(folder.join("refs/ripcord/tips/main"), "").unwrap());
}

#[test]
fn a_cache_that_cannot_be_made_is_local_trouble() {
    let stage = Stage::payments();
    let file = stage.scratch.path().join("a-file");
    fs::write(&file, "").unwrap();
    let ripcord = stage
        .ripcord()
        .env("XDG_CACHE_HOME", file.display().to_string());
    let url = stage.url();
    let output = ripcord
        .run(["--repo", &url].iter().chain(&ROLLBACK))
        .unwrap()
        .assert_code(7);
    assert_says(&output, &["a-file"]);
    assert_eq!(stage.live(), "bad1111");
}

#[test]
fn files_that_cannot_grow_are_said_and_nothing_is_pushed() {
    let stage = Stage::payments();
    let clone = stage.clone("full");
    // With the signal ignored a write fails as it does on a full disk.
    let script = "trap '' XFSZ; ulimit -f 0; exec \"$@\"";
    for args in [vec![], vec!["--repo".to_owned(), stage.url()]] {
        let mut command = stage.scratch.command("sh");
        command
            .args(["-c", script, "sh", BINARY])
            .args(&args)
            .args(ROLLBACK)
            .current_dir(&clone);
        let output = command.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        let code = output.status.code();
        assert!(matches!(code, Some(6 | 7)), "{args:?} {code:?} {stderr}");
        assert!(
            stderr.starts_with("error: ") && !stderr.contains("panicked"),
            "{stderr}"
        );
        assert_eq!((stage.live(), stage.commits()), ("bad1111".into(), 3));
    }
}

/// A clone with every object in a file of its own, and the file of one of them.
fn loose(stage: &Stage, spec: &str) -> (PathBuf, PathBuf) {
    let clone = stage.clone("loose");
    let objects = clone.join(".git/objects");
    let id = stage.git(&clone, &["rev-parse", spec]);
    for entry in fs::read_dir(objects.join("pack")).unwrap() {
        let path = entry.unwrap().path();
        let aside = stage.scratch.path().join(path.file_name().unwrap());
        fs::rename(&path, &aside).unwrap();
        if aside.extension().is_some_and(|ending| ending == "pack") {
            let mut command = stage.scratch.command("git");
            command.args(["unpack-objects", "-q"]).current_dir(&clone);
            command.stdin(fs::File::open(&aside).unwrap());
            assert!(command.status().unwrap().success());
        }
    }
    let file = objects.join(&id[..2]).join(&id[2..]);
    assert!(file.exists());
    (clone, file)
}

const OVERLAY: &str = "origin/main:services/payments/overlays/production/kustomization.yaml";

#[test]
fn a_missing_object_is_local_trouble() {
    for spec in [OVERLAY, "origin/main^{tree}", "origin/main~1"] {
        let stage = Stage::payments();
        let (clone, file) = loose(&stage, spec);
        fs::remove_file(file).unwrap();
        let output = stage.ripcord().in_dir(&clone).run(ROLLBACK).unwrap();
        assert_eq!(output.code, 7, "{spec}: {output:?}");
        assert_says(&output, &["git fsck"]);
        assert_eq!(stage.live(), "bad1111");
    }
}

#[test]
fn a_damaged_object_is_local_trouble() {
    for spec in [OVERLAY, "origin/main^{tree}", "origin/main~1"] {
        let stage = Stage::payments();
        let (clone, file) = loose(&stage, spec);
        fs::remove_file(&file).unwrap();
        fs::write(&file, "no zlib").unwrap();
        let output = stage.ripcord().in_dir(&clone).run(ROLLBACK).unwrap();
        assert_eq!(output.code, 7, "{spec}: {output:?}");
        assert_says(&output, &["git fsck"]);
        assert_eq!(stage.live(), "bad1111");
    }
}

#[test]
fn an_empty_repository_has_nothing_to_roll_back() {
    let stage = Stage::empty();
    let output = stage.roll_back().assert_code(1);
    assert_says(&output, &["is empty"]);
    let clone = stage.clone("empty");
    let output = stage.run_in(&clone, &ROLLBACK).assert_code(1);
    assert_says(&output, &["is empty"]);
}

#[test]
fn an_unknown_branch_is_a_wrong_name() {
    let mut stage = Stage::payments();
    stage
        .infra
        .write("x", "x")
        .commit("x")
        .on("release")
        .land()
        .unwrap();
    for args in [
        &["--branch", "releas"][..],
        &["--branch", "nothing-like-it"],
    ] {
        let output = stage.run(&[args, &ROLLBACK[..]].concat()).assert_code(2);
        assert_says(&output, &["has no branch", "--branch NAME"]);
    }
    let output = stage.run(&[&["--branch", "releas"], &ROLLBACK[..]].concat());
    assert_says(&output, &["did you mean release?"]);
}

#[test]
fn a_folder_that_is_no_repository_is_told_what_to_name() {
    let stage = Stage::payments();
    let output = stage
        .ripcord()
        .in_dir(stage.scratch.home())
        .run(ROLLBACK)
        .unwrap()
        .assert_code(2);
    assert_says(&output, &["not inside a git repository", "--repo"]);
    let output = stage
        .ripcord()
        .run(["--repo", "/no/such/clone", "status"])
        .unwrap();
    assert_says(&output.assert_code(2), &["/no/such/clone"]);
}

#[test]
fn without_an_identity_the_commands_that_set_one_are_shown() {
    let stage = Stage::payments();
    fs::write(
        stage.scratch.git_config(),
        "[user]\n\tuseConfigOnly = true\n",
    )
    .unwrap();
    let output = stage.roll_back().assert_code(7);
    assert_says(&output, &["git config --global user.name", "user.email"]);
    assert_eq!(stage.live(), "bad1111");
}
