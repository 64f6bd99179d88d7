//! Repositories as nobody would make them on purpose.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use ripcord_testkit::{InfraRepo, Output};

use crate::stage::{Stage, assert_says, deploy, json, live, overlay, payments};

const ROLLBACK: [&str; 4] = ["rollback", "payments", "production", "--yes"];

/// Commits what `change` does in a clone, and pushes it.
pub(crate) fn from_clone(stage: &Stage, message: &[u8], change: impl FnOnce(&Path)) {
    let clone = stage.clone("writer");
    change(&clone);
    let file = stage.scratch.path().join("message");
    fs::write(&file, message).unwrap();
    stage.git(&clone, &["add", "--all"]);
    let file = file.display().to_string();
    stage.git(
        &clone,
        &["commit", "--quiet", "--cleanup=verbatim", "-F", &file],
    );
    stage.git(&clone, &["push", "--quiet"]);
    fs::remove_dir_all(clone).unwrap();
}

/// Everything that can be asked, and the rollback, in one format.
pub(crate) fn everything(stage: &Stage, format: &str) -> Vec<Output> {
    let all: [&[&str]; 5] = [
        &["status"],
        &["history", "payments"],
        &["init", "--print"],
        &["plan", "payments"],
        &ROLLBACK,
    ];
    let run = |args: &&[&str]| stage.run(&[*args, &["-o", format]].concat());
    all.iter().map(run).collect()
}

#[track_caller]
pub(crate) fn assert_rolls_back(stage: &Stage) {
    let tip = stage.tip();
    for output in everything(stage, "json") {
        let _ = json(output, 0);
    }
    assert_eq!(stage.live(), "good000");
    stage.assert_one_on_top_of(&tip);
    // And nothing else changed.
    stage.assert_only_payments_changed_since(&tip);
}

#[test]
fn line_ends_of_another_system_stay() {
    let file = overlay("payments", "production");
    let text =
        |tag: &str| ripcord_testkit::overlay("payments", "production", tag).replace('\n', "\r\n");
    let stage = Stage::with(|infra| {
        payments(infra);
        for tag in ["good000", "bad1111"] {
            infra
                .write(&file, text(tag))
                .commit("from a PC")
                .land()
                .unwrap();
        }
    });
    assert_rolls_back(&stage);
    assert_eq!(stage.infra.read(&file).unwrap(), text("good000"));
}

#[test]
fn file_names_that_are_no_text_are_kept() {
    let stage = Stage::payments();
    from_clone(&stage, b"odd names", |clone| {
        for folder in [
            "services/payments/overlays/production",
            "services/payments/base",
            ".",
        ] {
            let name = OsStr::from_bytes(b"caf\xe9 \xff.yaml");
            fs::write(clone.join(folder).join(name), "kind: ConfigMap\n").unwrap();
        }
    });
    assert_rolls_back(&stage);
}

#[test]
fn a_deploy_whose_message_is_no_text_is_found() {
    let stage = Stage::with(|infra| {
        deploy(infra, "orders", "production", "o1");
        deploy(infra, "payments", "production", "good000");
    });
    from_clone(
        &stage,
        b"deploy: caf\xe9 \xff\n\nRequested-By: Jos\xe9\n",
        |clone| {
            let file = clone.join(overlay("payments", "production"));
            let text = fs::read_to_string(&file).unwrap();
            fs::write(file, text.replace("good000", "bad1111")).unwrap();
        },
    );
    assert_rolls_back(&stage);
}

#[test]
fn links_and_submodules_stay_as_they_are() {
    let stage = Stage::with(|infra| {
        infra.link(
            "services/payments/overlays/production/link.yaml",
            "kustomization.yaml",
        );
        infra.link("services/dangling", "../nowhere");
        infra.link("services/loop", "loop");
        infra.link("services/root", "/etc");
        payments(infra);
    });
    let clone = stage.clone("writer");
    let submodule = format!(
        "160000,{},services/payments/overlays/production/vendor",
        stage.tip()
    );
    stage.git(
        &clone,
        &["update-index", "--add", "--cacheinfo", &submodule],
    );
    stage.git(&clone, &["commit", "--quiet", "-m", "add a submodule"]);
    stage.git(&clone, &["push", "--quiet"]);
    assert_rolls_back(&stage);
}

#[test]
fn an_overlay_that_became_a_link_is_not_written_through() {
    let stage = Stage::with(|infra| {
        payments(infra);
        let file = overlay("payments", "production");
        infra
            .write("elsewhere.yaml", "x: 1\n")
            .remove(&file)
            .link(&file, "../../../../elsewhere.yaml");
        infra.commit("link it").land().unwrap();
    });
    let tip = stage.tip();
    let output = stage.roll_back();
    assert!(
        output.code != 70 && !output.stderr.contains("panicked"),
        "{output:?}"
    );
    assert!(
        stage.tip() == tip || stage.live() == "good000",
        "{output:?}"
    );
    assert_eq!(stage.infra.read("elsewhere.yaml").unwrap(), "x: 1\n");
}

#[test]
fn odd_service_names_are_names_everywhere() {
    let names = [
        "pay.ments",
        "pay[",
        "pay*",
        "pay ments",
        "päy",
        "-pay",
        "pay\\d",
    ];
    let stage = Stage::with(|infra| {
        for version in ["good000", "bad1111"] {
            for name in names {
                infra.set_version(name, "production", version);
            }
            infra.commit("deploy: all").land().unwrap();
        }
    });
    for name in names {
        let history = json(stage.run(&["history", "-o", "json", "--", name]), 0);
        assert_eq!(history["deploys"][0]["to"], "bad1111", "{name}");
        let _ = stage.run(&["rollback", "--yes", "--", name]).assert_code(0);
        assert_eq!(live(&stage.infra, name, "production"), "good000", "{name}");
    }
    assert_eq!(stage.commits(), 2 + names.len());
}

/// Main starts anew: nothing of the old history is in it.
fn rewrite(infra: &mut InfraRepo) {
    infra.git(&["update-ref", "-d", "refs/heads/main"]).unwrap();
    deploy(infra, "payments", "production", "new0000");
    deploy(infra, "payments", "production", "new1111");
}

#[test]
fn a_rewritten_branch_is_read_anew_by_url() {
    let mut stage = Stage::payments();
    let _ = stage.run(&["plan", "payments"]).assert_code(0);
    let _ = stage.run(&["status"]).assert_code(0);
    rewrite(&mut stage.infra);
    let _ = stage.roll_back().assert_code(0);
    assert_eq!((stage.live(), stage.commits()), ("new0000".into(), 3));
}

#[test]
fn a_rewritten_branch_is_read_anew_in_a_clone() {
    let mut stage = Stage::payments();
    let clone = stage.clone("mine");
    let _ = stage.run_in(&clone, &["plan", "payments"]).assert_code(0);
    rewrite(&mut stage.infra);
    let _ = stage.run_in(&clone, &ROLLBACK).assert_code(0);
    assert_eq!((stage.live(), stage.commits()), ("new0000".into(), 3));
}

#[test]
fn dates_out_of_order_do_not_change_the_order() {
    let stage = Stage::with(|infra| {
        for (version, date) in [
            ("v1", "2026-09-03T09:00:00Z"),
            ("v2", "2026-09-01T09:00:00Z"),
            ("v3", "2030-01-01T00:00:00Z"),
            ("v4", "1980-01-01T00:00:00Z"),
        ] {
            infra
                .deploy("payments", "production", version)
                .at(date)
                .land()
                .unwrap();
        }
    });
    let history = json(stage.run(&["history", "payments", "-o", "json"]), 0);
    let deploys = history["deploys"].as_array().unwrap();
    let order: Vec<&str> = deploys
        .iter()
        .map(|entry| entry["to"].as_str().unwrap())
        .collect();
    assert_eq!(order, ["v4", "v3", "v2", "v1"]);
    assert!(
        deploys
            .iter()
            .all(|entry| entry["served_seconds"].as_i64() >= Some(0))
    );
    let _ = stage.roll_back().assert_code(0);
    assert_eq!(stage.live(), "v3");
}

/// Signing with an ssh key is on; gives the private key.
fn sign(stage: &Stage) -> PathBuf {
    let key = stage.scratch.path().join("signing");
    let mut keygen = stage.scratch.command("ssh-keygen");
    keygen
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&key);
    assert!(keygen.status().unwrap().success());
    let public = fs::read_to_string(key.with_extension("pub")).unwrap();
    let signers = stage.scratch.path().join("signers");
    fs::write(&signers, format!("olga@acme.io {public}")).unwrap();
    let config = fs::read_to_string(stage.scratch.git_config()).unwrap();
    let more = format!(
        "[gpg]\n\tformat = ssh\n[gpg \"ssh\"]\n\tallowedSignersFile = {}\n[user]\n\tsigningkey = {}\n[commit]\n\tgpgsign = true\n",
        signers.display(),
        key.display()
    );
    fs::write(stage.scratch.git_config(), config + &more).unwrap();
    key
}

#[test]
fn the_commit_is_signed_where_git_signs() {
    let stage = Stage::payments();
    let _ = sign(&stage);
    let _ = stage.roll_back().assert_code(0);
    let _ = stage.infra.git(&["verify-commit", "main"]).unwrap();
    let _ = stage.run(&["undo", "--yes"]).assert_code(0);
    let _ = stage.infra.git(&["verify-commit", "main"]).unwrap();
}

#[test]
fn a_commit_that_cannot_be_signed_is_not_pushed() {
    let stage = Stage::payments();
    fs::remove_file(sign(&stage)).unwrap();
    let output = stage.roll_back().assert_code(7);
    assert_says(&output, &["could not be signed", "commit.gpgsign"]);
    assert_eq!((stage.live(), stage.commits()), ("bad1111".into(), 3));
}

/// Three deploys, the middle one from a machine whose clock was a day behind.
fn a_clock_behind(infra: &mut InfraRepo) {
    for (version, date) in [
        ("v1", "2026-09-01T09:00:00Z"),
        ("v2", "2026-08-31T09:10:00Z"),
        ("v3", "2026-09-01T09:20:00Z"),
    ] {
        let deploy = infra.deploy("payments", "production", version);
        deploy.at(date).land().unwrap();
    }
}

#[test]
fn a_moment_around_which_clocks_were_wrong_is_not_guessed_at() {
    let stage = Stage::with(a_clock_behind);
    let back = |time: &str| {
        let args = [
            "rollback",
            "-e",
            "production",
            "--deployed-since",
            time,
            "--yes",
        ];
        stage.run(&args)
    };
    // Did v2 come before or after 08:00 of the first of September?
    let output = back("2026-08-31T20:00:00Z").assert_code(2);
    assert_says(&output, &["clocks were wrong", "--to COMMIT"]);
    assert_eq!(stage.commits(), 3);
    // Before or after both it does not matter.
    let _ = back("2026-09-01T09:10:00Z").assert_code(0);
    assert_eq!(stage.live(), "v2");
}
