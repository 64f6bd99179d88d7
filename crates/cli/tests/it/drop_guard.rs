//! What would take a hotfix out: seen by `guard`, by a server's hook, and by the plan of a rollback.

use std::fs;

use ripcord_testkit::Output;
use serde_json::Value;

use crate::guard::{OVERLAY, Proposal};
use crate::hotfix_start::Workshop;
use crate::stage::{BINARY, assert_says, deploy, json};

const SHIPPED: &str = "2026-11-20T17:15:00Z";
const LATER: &str = "2026-11-21T07:20:00Z";
const RECORD: &str = ".ripcord/hotfixes/payments/production/INC-31-double-charge.hotfix";

fn guard(change: &Proposal<'_>, args: &[&str]) -> Output {
    let ripcord = change.stage.ripcord().in_dir(&change.clone).at(LATER);
    ripcord.run([&["guard"], args].concat()).unwrap()
}

/// What `guard` says of hotfixes, as its schema has it.
#[track_caller]
fn drops(change: &Proposal<'_>, code: i32) -> Vec<Value> {
    let schema = json(change.stage.ripcord().run(["schema", "guard"]).unwrap(), 0);
    let verdict = json(guard(change, &["-o", "json"]), code);
    assert!(jsonschema::is_valid(&schema, &verdict), "{verdict}");
    verdict["drops"].as_array().unwrap().clone()
}

/// The hotfix is shipped; beside main without it there is a merge of both.
fn shipped() -> (Workshop, String) {
    let mut workshop = Workshop::new();
    workshop.ship(SHIPPED);
    let main = workshop.source.rev("main").unwrap();
    let _ = workshop.normal("v3", &main);
    let merge = workshop.source.merge_commit("Merge", super::debts::FIX);
    let merged = merge.land().unwrap();
    let _ = workshop.normal("v4", &merged);
    (workshop, merged)
}

#[test]
fn a_change_that_takes_a_hotfix_out_is_refused_and_one_that_holds_it_passes() {
    let (workshop, _) = shipped();
    let change = Proposal::on(&workshop.stage, "dev");
    assert!(drops(&change, 0).is_empty());
    change.replace(OVERLAY, "hotfix-1", "v3");
    let found = drops(&change, 3);
    assert_eq!(found[0]["hotfix"], "INC-31-double-charge", "{found:?}");
    assert_eq!(found[0]["is_refused"], true);
    assert_eq!(found[0]["path"], OVERLAY);
    let words = [
        "payments in production: v3: this would remove hotfix INC-31-double-charge of INC-31, live for 14 h",
        "merge `hotfix/INC-31-double-charge`",
        "Drops-Hotfix: INC-31-double-charge",
    ];
    assert_says(&guard(&change, &[]).assert_code(3), &words);
    let said = guard(&change, &["--annotations", "github"]).assert_code(3);
    assert_says(
        &said,
        &[&format!("::error file={OVERLAY},title=hotfix::payments")],
    );
    let said = guard(&change, &["--annotations", "gitlab"]).assert_code(3);
    assert_says(&said, &["ripcord/hotfix", "blocker"]);
    change.replace(OVERLAY, "v3", "v4");
    assert!(drops(&change, 0).is_empty());
}

#[test]
fn who_removes_the_record_with_the_hotfix_is_refused_all_the_same() {
    let (workshop, _) = shipped();
    let change = Proposal::on(&workshop.stage, "dev");
    fs::remove_file(change.clone.join(RECORD)).unwrap();
    change.replace(OVERLAY, "hotfix-1", "v3");
    assert_eq!(drops(&change, 3).len(), 1);
    // In a commit of its own, seen by everybody, it is somebody's decision.
    let alone = Proposal::on(&workshop.stage, "other");
    fs::remove_file(alone.clone.join(RECORD)).unwrap();
    alone.write("README.md", "INC-31 was something else\n");
    assert!(drops(&alone, 0).is_empty());
}

#[test]
fn a_commit_that_says_so_takes_the_hotfix_out() {
    let (workshop, _) = shipped();
    let change = Proposal::on(&workshop.stage, "dev");
    change.replace(OVERLAY, "hotfix-1", "v3");
    let message = "Back to main\n\nDrops-Hotfix: INC-31-double-charge";
    let amend = ["commit", "-q", "--amend", "-m", message];
    workshop.stage.git(&change.clone, &amend);
    assert!(drops(&change, 0).is_empty());
    let other = "Back to main\n\nDrops-Hotfix: INC-32";
    let amend = ["commit", "-q", "--amend", "-m", other];
    workshop.stage.git(&change.clone, &amend);
    assert_eq!(drops(&change, 3).len(), 1);
}

#[test]
fn what_is_not_known_is_refused_while_the_hotfix_serves_and_only_said_when_it_does_not() {
    let (mut workshop, _) = shipped();
    let change = Proposal::on(&workshop.stage, "dev");
    // No image of this tag was ever pushed.
    change.replace(OVERLAY, "hotfix-1", "v9");
    let found = drops(&change, 3);
    let message = found[0]["message"].as_str().unwrap();
    assert!(message.contains("is not known"), "{message}");
    // What runs now says nothing of what it was built of either.
    deploy(&mut workshop.stage.infra, "payments", "production", "v5");
    let change = Proposal::on(&workshop.stage, "after");
    change.replace(OVERLAY, "v5", "v9");
    let found = drops(&change, 0);
    assert_eq!(found[0]["is_refused"], false, "{found:?}");
    assert_says(&guard(&change, &[]).assert_code(0), &["note: "]);
}

#[test]
fn a_change_of_another_service_asks_nobody() {
    let (mut workshop, _) = shipped();
    deploy(&mut workshop.stage.infra, "orders", "production", "o1");
    let change = Proposal::on(&workshop.stage, "dev");
    change.replace(&crate::stage::overlay("orders", "production"), "o1", "o2");
    let asked = workshop.registry.requests();
    assert!(drops(&change, 0).is_empty());
    assert_eq!(workshop.registry.requests(), asked);
}

#[test]
fn a_servers_hook_takes_no_push_that_removes_a_hotfix_and_takes_ripcords_rollback() {
    let (workshop, _) = shipped();
    let stage = &workshop.stage;
    let cache = stage.scratch.path().join("hook-cache");
    let hook = format!(
        "#!/bin/sh\nRIPCORD_NOW={LATER} RIPCORD_CACHE_DIR={} exec {BINARY} guard --pre-receive\n",
        cache.display()
    );
    let server = &stage.server;
    server
        .install_hook("infra.git", "pre-receive", &hook)
        .unwrap();
    let change = Proposal::on(stage, "dev");
    change.replace(OVERLAY, "hotfix-1", "v3");
    let push = ["push", "origin", "HEAD:main"];
    let before = stage.tip();
    let output = stage.scratch.try_git(&change.clone, &push).unwrap();
    assert!(!output.succeeded(), "{output:?}");
    assert_says(&output, &["would remove hotfix INC-31-double-charge"]);
    assert_eq!(stage.tip(), before);
    let plan = stage
        .run(&["plan", "payments", "production"])
        .assert_code(0);
    assert_says(&plan, &["this would remove hotfix INC-31-double-charge"]);
    // Once, and not by its name again.
    assert!(
        !format!("{plan:?}").contains("takes a hotfix back"),
        "{plan:?}"
    );
    let _ = stage.roll_back().assert_code(0);
    let message = stage
        .infra
        .git(&["log", "-1", "--format=%B", "main"])
        .unwrap();
    assert!(
        message.contains("Drops-Hotfix: INC-31-double-charge"),
        "{message}"
    );
    assert_eq!(stage.live(), "v2");
}

#[test]
fn a_record_that_cannot_be_read_stops_no_rollback_and_is_said() {
    let (mut workshop, _) = shipped();
    workshop.stage.infra.write(RECORD, "torn");
    workshop.stage.infra.commit("Tear").land().unwrap();
    let output = workshop.stage.roll_back().assert_code(0);
    assert_says(&output, &[RECORD]);
    assert_eq!(workshop.stage.live(), "v2");
}
