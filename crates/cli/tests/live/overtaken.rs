//! Somebody deploys something else while a recovery is under way, away, or forgotten.

use std::net::TcpListener;

use ripcord_gitserver::{Fault, GitServer, Options, Step};
use serde_json::json;

use crate::followed::At;
use crate::outage::{BAD, GOOD, Outage, PAYMENTS};

/// The hotfix that somebody else deploys.
const HOTFIX: &str = "v16";

fn assert_nothing_is_held(outage: &Outage<'_>) {
    let released = outage.ripcord().run(["release"]).unwrap();
    let said = released.assert_code(0).stdout;
    assert!(said.contains("nothing is held"), "{said}");
}

fn assert_runs_hotfix(outage: &Outage<'_>) {
    outage.wait("the hotfix runs", |outage| outage.runs(HOTFIX));
    outage.assert_stays(HOTFIX);
    assert_nothing_is_held(outage);
}

#[test]
fn a_resume_rolled_back_a_hotfix_that_was_deployed_while_git_was_away() {
    let mut outage = Outage::of("auto-heal", "late-hotfix", PAYMENTS);
    outage.point_clone_at("http://127.0.0.1:9/nowhere.git");
    let _ = outage.rollback(&["--wait", "3s"]).assert_code(8);
    outage.point_clone_back();
    let hotfix = outage.deploy(HOTFIX);
    let output = outage.run(&["resume"]).assert_code(4);
    assert!(
        output.stderr.contains("deployed by somebody else"),
        "{output:?}"
    );
    assert_eq!(outage.scene.infra().tip().unwrap(), hotfix);
    assert_runs_hotfix(&outage);
}

#[test]
fn a_push_that_was_tried_again_rolled_back_a_hotfix() {
    let mut outage = Outage::of("auto-heal", "tried-again", PAYMENTS);
    let folder = outage.bed.git().path("tried-again.git");
    let server = GitServer::start(folder.parent().unwrap(), Options::default()).unwrap();
    outage.point_clone_at(&server.url("tried-again.git"));
    server.fail(Step::Push, Fault::Status(503), 4);
    let mut running = outage.follow(&outage.rollback_args(&[]));
    running.until("undo", At::Ended);
    let hotfix = outage.deploy(HOTFIX);
    let ended = running.end();
    assert_eq!(ended.code, Some(4), "{ended:#?}");
    assert_eq!(outage.scene.infra().tip().unwrap(), hotfix);
    assert_runs_hotfix(&outage);
}

#[test]
fn a_hotfix_after_our_push_was_fought_until_patience_ended() {
    let mut outage = Outage::of("auto-heal", "fights", PAYMENTS);
    outage.break_it("v17");
    // Pods that never get ready keep it waiting after the push.
    let args = ["--to", BAD, "--wait", "60s"];
    let mut running = outage.follow(&outage.rollback_args(&args));
    running.until("push", At::Ended);
    let hotfix = outage.deploy(HOTFIX);
    let ended = running.end();
    assert_eq!(ended.code, Some(4), "{ended:#?}");
    let last = &ended.events.last().unwrap()["recovery"];
    assert_eq!(last["standing"], "gave_way", "{last:#}");
    assert_eq!(outage.scene.infra().tip().unwrap(), hotfix);
    assert_runs_hotfix(&outage);
}

#[test]
fn a_hotfix_while_it_is_watched_was_called_a_relapse() {
    let mut outage = Outage::of("auto-heal", "watched-fix", PAYMENTS);
    let mut running = outage.follow(&outage.rollback_args(&["--watch", "60s"]));
    running.until("watch", At::Begun);
    outage.deploy(HOTFIX);
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let notes: Vec<String> = ended.events.iter().map(|e| e["what"].to_string()).collect();
    let notes = notes.join("\n");
    assert!(notes.contains("deployed something else"), "{notes}");
    assert_runs_hotfix(&outage);
}

#[test]
fn a_run_that_was_killed_before_a_newer_deploy_was_gone_on_with() {
    let mut outage = Outage::of("auto-heal", "stale", PAYMENTS);
    outage.killed_after_undo_and_push();
    // The next bad deploy, and the same words again.
    outage.deploy("v16-crash");
    let output = outage.rollback(&["-o", "json"]).assert_code(0);
    let recovery = Outage::recovery(&output);
    assert_eq!(recovery["services"][0]["from"], "v16-crash");
    outage.assert_restored(GOOD);
    assert_nothing_is_held(&outage);
}

#[test]
fn what_was_left_and_is_back_in_git_stays_out_of_production() {
    let mut outage = Outage::of("auto-heal", "back-again", PAYMENTS);
    outage.killed_after_undo_and_push();
    outage.deploy(BAD);
    let output = outage.run(&["resume"]).assert_code(4);
    assert!(output.stderr.contains("is back since"), "{output:?}");
    outage.wait("the good version serves", |outage| outage.runs(GOOD));
    outage.assert_stays(GOOD);
    let _ = outage.rollback(&[]).assert_code(0);
    outage.assert_restored(GOOD);
    assert_nothing_is_held(&outage);
}

#[test]
fn a_hold_of_an_earlier_recovery_outlived_the_next_one() {
    let mut outage = Outage::of("auto-heal", "left-hold", PAYMENTS);
    let git = outage.bed.git();
    let refuses = "#!/bin/sh\necho no >&2\nexit 1\n";
    git.install_hook("left-hold.git", "pre-receive", refuses)
        .unwrap();
    let _ = outage.rollback(&[]).assert_code(8);
    git.install_hook("left-hold.git", "pre-receive", "#!/bin/sh\nexit 0\n")
        .unwrap();
    // Other words: it is another recovery.
    let _ = outage.rollback(&["--to", GOOD]).assert_code(0);
    outage.assert_restored(GOOD);
    assert_nothing_is_held(&outage);
}

#[test]
fn a_recovery_is_resumed_only_where_it_belongs() {
    let outage = Outage::of("auto-heal", "one-place", PAYMENTS);
    outage.killed_after("undo");
    let other = Outage::none_yet("auto", "another-place", PAYMENTS, "another-place");
    let elsewhere = outage.ripcord().in_dir(other.clone_dir());
    let refused = elsewhere.run(["resume", "--watch", "1s"]).unwrap();
    let refused = refused.assert_code(2);
    assert!(refused.stderr.contains("here is"), "{refused:?}");
    // The same words in another repository are another recovery.
    let output = elsewhere
        .run(["rollback", PAYMENTS, "production", "--dry-run", "-ojson"])
        .unwrap();
    assert!(!output.stdout.contains("\"undo\""), "{output:?}");
    let mut outage = outage;
    let _ = outage.run(&["resume"]).assert_code(0);
    outage.assert_restored(GOOD);
}

#[test]
fn a_key_of_something_else_was_taken_for_the_same_request() {
    let outage = Outage::of("auto-heal", "other-key", PAYMENTS);
    let _ = outage
        .rollback(&["--idempotency-key", "click-7"])
        .assert_code(0);
    let output = outage
        .rollback(&["--to", "v13", "--idempotency-key", "click-7"])
        .assert_code(2);
    assert!(output.stderr.contains("click-7"), "{output:?}");
}

#[test]
fn an_application_that_is_deleted_while_it_is_watched_ends_the_record() {
    let outage = Outage::of("auto-heal", "gone-watched", PAYMENTS);
    let mut running = outage.follow(&outage.rollback_args(&["--watch", "60s"]));
    running.until("watch", At::Begun);
    let name = format!("application/{}", outage.application);
    outage
        .bed
        .kubectl("argocd", &["delete", &name, "--wait=false"])
        .unwrap();
    let ended = running.end();
    assert_eq!(ended.code, Some(8), "{ended:#?}");
    let last = &ended.events.last().unwrap()["recovery"];
    assert_eq!(last["missing"][0]["code"], "not_watched", "{last:#}");
}

#[test]
fn a_git_server_that_says_nothing_kept_production_waiting() {
    let mut outage = Outage::of("auto-heal", "silent-git", PAYMENTS);
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = silent.local_addr().unwrap();
    outage.point_clone_at(&format!("http://{address}/infra.git"));
    let mut running = outage.follow(&outage.rollback_args(&["--wait", "30s"]));
    running.until("undo", At::Ended);
    outage.wait("the good version serves", |outage| outage.runs(GOOD));
    let ended = running.end();
    assert_eq!(ended.code, Some(8), "{ended:#?}");
    assert!(ended.stderr.contains("has not answered"), "{ended:#?}");
    outage.point_clone_back();
    let _ = outage.run(&["resume"]).assert_code(0);
    outage.assert_restored(GOOD);
}

#[test]
fn an_application_that_cannot_be_looked_at_kept_git_from_being_put_right() {
    let mut outage = Outage::of("auto-heal", "unseen", PAYMENTS);
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "unseen"},
        "rules": [{"apiGroups": ["argoproj.io"], "resources": ["*"], "verbs": ["*"]}],
    });
    let args = outage.rollback_args(&["--watch", "1s", "--wait", "20s"]);
    let ripcord = outage.ripcord_as("unseen", &role);
    let output = ripcord.run(args).unwrap().assert_code(8);
    assert!(output.stderr.contains("was not observed"), "{output:?}");
    assert_ne!(outage.scene.infra().tip().unwrap(), outage.bad);
}

#[test]
fn a_method_that_finds_nothing_to_do_waited_in_vain() {
    let outage = Outage::of("auto-heal", "no-canary", PAYMENTS);
    let output = outage.rollback(&["--method", "abort"]).assert_code(1);
    assert!(output.stderr.contains("nothing to do"), "{output:?}");
    assert_nothing_is_held(&outage);
}
