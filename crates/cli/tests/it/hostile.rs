//! Repositories and clones made to fool a reader.

use std::fs;
use std::path::Path;

use ripcord_testkit::Output;

use crate::stage::{Stage, json, overlay, payments};
use crate::ugly::{assert_rolls_back, everything, from_clone};

const ROLLBACK: [&str; 4] = ["rollback", "payments", "production", "--yes"];

/// The control characters in a text, but for line ends.
fn controls(output: &Output) -> String {
    let text = format!("{}{}", output.stdout, output.stderr);
    text.chars()
        .filter(|c| c.is_control() && *c != '\n')
        .collect()
}

#[test]
fn control_characters_in_file_names_do_not_reach_the_terminal() {
    let stage = Stage::payments();
    from_clone(&stage, b"odd names", |clone| {
        for folder in ["services/payments/overlays/production", "services"] {
            let name = "\u{1b}]0;owned\u{7}\u{1b}[2J\r.yaml";
            fs::write(clone.join(folder).join(name), "a: [\n").unwrap();
        }
    });
    for format in ["text", "wide"] {
        for output in everything(&stage, format) {
            assert_eq!(controls(&output), "", "{output:?}");
        }
    }
}

#[test]
fn control_characters_in_people_and_messages_do_not_reach_the_terminal() {
    let stage = Stage::with(|infra| {
        payments(infra);
        infra.set_version("payments", "production", "worse22");
        let commit = infra.commit("deploy: \u{1b}[2J\u{7}payments");
        commit
            .by("\u{1b}[31mMallory\u{1b}]0;x\u{7}", "m@acme.io")
            .land()
            .unwrap();
    });
    for format in ["text", "wide"] {
        for output in everything(&stage, format) {
            assert_eq!(controls(&output), "", "{output:?}");
        }
    }
}

#[test]
fn control_characters_in_versions_do_not_reach_the_terminal() {
    let file = overlay("payments", "production");
    let stage = Stage::with(|infra| {
        payments(infra);
        let text = infra
            .read(&file)
            .unwrap()
            .replace("bad1111", "\"v1\\e[2J\\a\"");
        infra
            .write(&file, text)
            .commit("deploy: odd")
            .land()
            .unwrap();
    });
    for format in ["text", "wide"] {
        for output in everything(&stage, format) {
            assert_eq!(controls(&output), "", "{output:?}");
        }
    }
}

#[test]
fn a_file_that_cannot_be_read_is_listed_and_stops_nobody_else() {
    let stage = Stage::with(|infra| {
        infra.write(
            "services/orders/overlays/production/broken.yaml",
            "kind: Deployment\nspec: [\n",
        );
        infra.write(
            "services/orders/overlays/production/latin1.yaml",
            b"kind: \xe9\xff\n",
        );
        infra.write(
            "services/orders/overlays/production/tabs.yaml",
            "kind: Deployment\n\tspec: 1\n",
        );
        payments(infra);
    });
    let status = json(stage.run(&["status", "-o", "json"]), 0);
    assert!(
        status["unreadable"].to_string().contains("broken.yaml"),
        "{status:#}"
    );
    assert_rolls_back(&stage);
}

#[test]
fn an_alias_bomb_stops_nobody_else() {
    let mut bomb =
        "kind: Deployment\na0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for n in 1..12 {
        let last = format!("*a{}", n - 1);
        let line = format!("a{n}: &a{n} [{}]\n", [last.as_str(); 9].join(", "));
        bomb.push_str(&line);
    }
    let deep = format!("kind: Deployment\nx: {}\n", "[".repeat(100_000));
    let stage = Stage::with(|infra| {
        infra.write("services/bomb/overlays/production/bomb.yaml", &bomb);
        infra.write("services/payments/overlays/production/bomb.yaml", &bomb);
        infra.write("services/payments/overlays/production/deep.yaml", &deep);
        payments(infra);
    });
    assert_rolls_back(&stage);
}

/// In this clone the bad deploy looks as if it came right after the first commit, of another service.
#[track_caller]
fn rolls_back_in_a_lying_clone(lie: impl FnOnce(&Stage, &Path)) {
    let stage = Stage::payments();
    let clone = stage.clone("mine");
    lie(&stage, &clone);
    let tip = stage.tip();
    let _ = stage.run_in(&clone, &ROLLBACK).assert_code(0);
    assert_eq!(stage.live(), "good000");
    stage.assert_one_on_top_of(&tip);
}

#[test]
fn replaced_commits_are_not_believed() {
    rolls_back_in_a_lying_clone(|stage, clone| {
        let _ = stage.git(clone, &["replace", "--graft", "HEAD", "HEAD~2"]);
    });
}

#[test]
fn replaced_files_are_not_pushed() {
    rolls_back_in_a_lying_clone(|stage, clone| {
        let file = overlay("payments", "production");
        let good = stage.git(clone, &["rev-parse", &format!("HEAD~1:{file}")]);
        let text = fs::read_to_string(clone.join(&file)).unwrap();
        fs::write(clone.join("evil"), text.replace("bad1111", "evil666")).unwrap();
        let evil = stage.git(clone, &["hash-object", "-w", "evil"]);
        let _ = stage.git(clone, &["replace", &good, &evil]);
    });
}

#[test]
fn grafts_are_not_believed() {
    rolls_back_in_a_lying_clone(|stage, clone| {
        let ids = stage.git(clone, &["rev-parse", "HEAD", "HEAD~2"]);
        fs::create_dir_all(clone.join(".git/info")).unwrap();
        fs::write(
            clone.join(".git/info/grafts"),
            ids.replace('\n', " ") + "\n",
        )
        .unwrap();
    });
}
