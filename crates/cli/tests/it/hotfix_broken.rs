//! Receiving and shipping that is cut off: killed, without a network, on a full disk, two at once.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::hotfix_start::Workshop;
use crate::stage::{Stage, assert_says};

const NOW: &str = "2026-11-20T17:15:00Z";

/// A normal deploy, asked for on a branch whose server takes its time.
fn asked(workshop: &Workshop) -> Value {
    let main = workshop.source.rev("main").unwrap();
    workshop.normal("v3", &main)
}

fn command(stage: &Stage, payload: &Value) -> Command {
    let file = stage.scratch.path().join("killed.json");
    fs::write(&file, payload.to_string()).unwrap();
    let url = stage.url();
    let args = ["receive", "--repo", &url, "--event", file.to_str().unwrap()];
    let mut command = stage.ripcord().at(NOW).command(args);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

#[test]
fn a_receiver_that_is_killed_at_any_time_leaves_one_deploy_or_none_and_can_run_again() {
    for milliseconds in [20, 60, 120, 250, 500] {
        let workshop = Workshop::new();
        let slow = "#!/bin/sh\nsleep 0.2\n";
        let server = &workshop.stage.server;
        server
            .install_hook("infra.git", "pre-receive", slow)
            .unwrap();
        let payload = asked(&workshop);
        let before = workshop.stage.commits();
        let mut child = command(&workshop.stage, &payload).spawn().unwrap();
        let until = Instant::now() + Duration::from_millis(milliseconds);
        while Instant::now() < until && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = child.kill();
        child.wait().unwrap();
        let _ = workshop.receive(&payload, NOW).assert_code(0);
        assert_eq!(
            workshop.stage.commits(),
            before + 1,
            "after {milliseconds} ms"
        );
        assert_eq!(workshop.stage.live(), "v3");
    }
}

#[test]
fn without_a_network_nothing_is_claimed_and_the_same_again_lands() {
    let workshop = Workshop::new();
    let payload = asked(&workshop);
    let before = workshop.stage.tip();
    let file = workshop.stage.scratch.path().join("payload.json");
    fs::write(&file, payload.to_string()).unwrap();
    let nowhere = "http://127.0.0.1:9/infra.git";
    let args = [
        "receive",
        "--repo",
        nowhere,
        "--event",
        file.to_str().unwrap(),
    ];
    let output = workshop.stage.ripcord().run(args).unwrap().assert_code(6);
    assert_says(&output, &["127.0.0.1:9"]);
    assert_eq!(workshop.stage.tip(), before);
    let _ = workshop.receive(&payload, NOW).assert_code(0);
}

#[test]
fn on_a_full_disk_nothing_is_pushed_and_that_is_said() {
    let workshop = Workshop::new();
    let payload = asked(&workshop);
    let before = workshop.stage.tip();
    let ripcord = command(&workshop.stage, &payload);
    let mut full = workshop.stage.scratch.command("sh");
    full.args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\""])
        .arg(ripcord.get_program())
        .args(ripcord.get_args());
    for (name, value) in ripcord.get_envs() {
        if let Some(value) = value {
            full.env(name, value);
        }
    }
    let output = full.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && output.status.code().is_some(),
        "{output:?}"
    );
    assert!(said.contains("error: "), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    assert_eq!(workshop.stage.tip(), before);
    let _ = workshop.receive(&payload, NOW).assert_code(0);
}

#[test]
fn of_two_hotfixes_at_once_the_second_hears_of_the_first() {
    let mut workshop = Workshop::new();
    let fixes = [("INC-31", "hotfix-31"), ("INC-32", "hotfix-32")].map(|(name, tag)| {
        let branch = format!("hotfix/{name}");
        let full = format!("refs/heads/{branch}");
        let begin = ["update-ref", &full, &workshop.released];
        workshop.source.git(&begin).unwrap();
        let content = format!("package main // {name}\n");
        workshop.source.write("pay.go", content);
        let commit = workshop.source.commit(name).on(&branch).land().unwrap();
        let mut payload = workshop.normal(tag, &commit);
        payload["hotfix"] = json!({"name": name});
        let mut gate = crate::receive::gate_of(payload["digest"].as_str().unwrap(), &commit);
        gate["hotfix"] = json!(name);
        gate["tag"] = json!(tag);
        payload["gate"] = gate;
        payload
    });
    let before = workshop.stage.commits();
    let outcomes = std::thread::scope(|scope| {
        let all: Vec<_> = fixes
            .iter()
            .map(|payload| {
                let name = payload["hotfix"]["name"].as_str().unwrap();
                let file = workshop.stage.scratch.path().join(name);
                fs::write(&file, payload.to_string()).unwrap();
                let url = workshop.stage.url();
                let ripcord = workshop.stage.ripcord().at(NOW);
                scope.spawn(move || {
                    let args = ["receive", "--repo", &url, "--event", file.to_str().unwrap()];
                    ripcord.run(args).unwrap()
                })
            })
            .collect();
        all.into_iter()
            .map(|one| one.join().unwrap())
            .collect::<Vec<_>>()
    });
    let mut codes: Vec<i32> = outcomes.iter().map(|output| output.code).collect();
    codes.sort_unstable();
    assert_eq!(codes, [0, 3], "{outcomes:?}");
    let refused = outcomes.iter().find(|output| output.code == 3).unwrap();
    assert_says(refused, &["would remove hotfix INC-3"]);
    assert_eq!(workshop.stage.commits(), before + 1);
}
