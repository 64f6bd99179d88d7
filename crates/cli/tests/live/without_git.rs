//! What production gets while Git cannot be written: all that needs no Git.

use ripcord_gitserver::{Fault, GitServer, Options, Step};
use serde_json::Value;

use crate::followed::At;
use crate::outage::{GOOD, Outage, PAYMENTS};

const NOWHERE: &str = "http://127.0.0.1:9/nowhere.git";

fn has_step(recovery: &Value, kind: &str) -> bool {
    let steps = recovery["steps"].as_array().unwrap().iter();
    let mut done = steps.filter(|step| step["kind"] == kind && step["state"] == "done");
    done.next().is_some()
}

/// A rollback that ends half done, because Git is away, while the pods are good all the same.
fn good_without_git(outage: &mut Outage<'_>, step: &str) {
    outage.point_clone_at(NOWHERE);
    let mut running = outage.follow(&outage.rollback_args(&["--wait", "40s"]));
    running.until(step, At::Ended);
    outage.wait("the good version serves", |outage| outage.runs(GOOD));
    let ended = running.end();
    assert_eq!(ended.code, Some(8), "{ended:#?}");
    let good = ended.events.iter().find(|event| event["event"] == "good");
    assert!(good.is_some(), "{ended:#?}");
    outage.point_clone_back();
    let _ = outage.run(&["resume"]).assert_code(0);
    outage.assert_restored(GOOD);
}

#[test]
fn a_promoted_canary_is_promoted_back() {
    let mut outage = Outage::promoted("canary", "away-canary", "checkout");
    good_without_git(&mut outage, "promote");
}

#[test]
fn a_stuck_pod_of_a_stateful_set_is_deleted() {
    let mut outage = Outage::of("statefulset", "away-set", "sessions");
    good_without_git(&mut outage, "unstick");
}

#[test]
fn an_undo_alone_promotes_too_and_says_that_git_is_as_it_was() {
    let outage = Outage::promoted("canary", "undo-canary", "checkout");
    let args = ["--method", "undo", "-o", "json"];
    let output = outage.rollback(&args).assert_code(8);
    let recovery = Outage::recovery(&output);
    assert!(has_step(&recovery, "promote"), "{recovery:#}");
    assert_eq!(recovery["missing"][0]["code"], "git_unchanged");
    assert!(outage.runs(GOOD), "{:?}", outage.pods());
}

#[test]
fn a_push_that_fails_for_a_while_is_made_by_the_same_run() {
    let mut outage = Outage::of("auto-heal", "nags", PAYMENTS);
    let folder = outage.bed.git().path("nags.git");
    let server = GitServer::start(folder.parent().unwrap(), Options::default()).unwrap();
    outage.point_clone_at(&server.url("nags.git"));
    server.fail(Step::Push, Fault::Status(503), 3);
    let output = outage.rollback(&["-o", "json"]).assert_code(0);
    assert!(
        output.stdout.contains("Git cannot be written yet"),
        "{output:?}"
    );
    outage.point_clone_back();
    outage.assert_restored(GOOD);
    assert_eq!(outage.scene.infra().rev("main^").unwrap(), outage.bad);
}

#[test]
fn a_run_that_was_killed_after_its_push_had_landed_does_not_push_again() {
    let mut outage = Outage::of("auto-heal", "landed", PAYMENTS);
    let git = outage.bed.git();
    git.install_hook("landed.git", "post-receive", "#!/bin/sh\nsleep 3\n")
        .unwrap();
    let running = outage.follow(&outage.rollback_args(&[]));
    let bad = outage.bad.clone();
    outage.wait("it has landed", |outage| {
        let tip = outage.bed.git().path("landed.git").join("refs/heads/main");
        std::fs::read_to_string(tip).is_ok_and(|tip| tip.trim() != bad)
    });
    running.kill();
    let output = outage.run(&["resume", "-o", "json"]).assert_code(0);
    assert_eq!(Outage::recovery(&output)["standing"], "restored");
    outage.assert_restored(GOOD);
    assert_eq!(outage.scene.infra().rev("main^").unwrap(), bad);
}
