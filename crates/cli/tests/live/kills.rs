//! A run that is killed, and what the next one makes of it.

use serde_json::Value;

use crate::followed::At;
use crate::outage::{GOOD, NO_REGISTRY, Outage, PAYMENTS};

/// The steps at which a run is killed that every recovery has.
const KILLED: [(&str, At); 10] = [
    ("hold", At::Begun),
    ("hold", At::Ended),
    ("undo", At::Begun),
    ("undo", At::Ended),
    ("push", At::Ended),
    ("operate", At::Begun),
    ("operate", At::Ended),
    ("release", At::Begun),
    ("release", At::Ended),
    ("converge", At::Begun),
];

/// Runs a rollback that is killed at the first of these steps, and one after the other resumes that are
/// killed at the next ones. The last resume ends it: what it says.
fn resumed(outage: &mut Outage<'_>, rollback: &[&str], kills: &[(&str, At)]) -> Value {
    let (first, others) = kills.split_first().unwrap();
    outage.kill(&outage.rollback_args(rollback), *first);
    for kill in others {
        outage.kill(&["resume"], *kill);
    }
    let output = outage.run(&["resume", "-o", "json"]).assert_code(0);
    let recovery = Outage::recovery(&output);
    assert_eq!(recovery["standing"], "restored", "{kills:?} {recovery:#}");
    outage.assert_restored(GOOD);
    let parent = outage.scene.infra().rev("main^").unwrap();
    assert_eq!(parent, outage.bad, "one commit only, {kills:?}");
    recovery
}

/// How often a step was done to its end.
fn done(recovery: &Value, kind: &str) -> usize {
    let steps = recovery["steps"].as_array().unwrap().iter();
    steps
        .filter(|step| step["kind"] == kind && step["state"] == "done")
        .count()
}

#[test]
fn a_run_that_was_killed_after_any_step_is_resumed() {
    for (at, kill) in KILLED.into_iter().enumerate() {
        let mut outage = Outage::of("auto-heal", &format!("kill-{at}"), PAYMENTS);
        resumed(&mut outage, &[], &[kill]);
    }
}

#[test]
fn a_canary_whose_evidence_and_abort_were_cut_short_is_aborted_and_its_evidence_kept() {
    let mut outage = Outage::none_yet("canary", "kill-canary", "checkout", "kill-canary");
    // Its pods are ready: else there is no analysis.
    outage.break_it("v15");
    outage.wait("its analysis has begun", |outage| {
        let runs = outage.scene.kubectl(&["get", "analysisruns", "-o", "name"]);
        runs.unwrap().contains("analysisrun")
    });
    let kills = [("evidence", At::Begun), ("abort", At::Ended)];
    let recovery = resumed(&mut outage, &[], &kills);
    let runs = &recovery["evidence"][0]["analysis_runs"];
    assert!(!runs.as_array().unwrap().is_empty(), "{recovery:#}");
    assert_eq!(done(&recovery, "abort"), 1, "{recovery:#}");
}

#[test]
fn a_promotion_that_was_cut_short_is_made_up_for() {
    let mut outage = Outage::promoted("canary", "kill-promote", "checkout");
    // After the undo the good version is on its way already, through all steps of its canary.
    let kills = [
        ("undo", At::Ended),
        ("promote", At::Begun),
        ("promote", At::Ended),
    ];
    resumed(&mut outage, &[], &kills[..2]);
    let mut outage = Outage::promoted("canary", "kill-promoted", "checkout");
    resumed(&mut outage, &[], &kills[2..]);
}

#[test]
fn a_canary_that_was_to_be_replayed_is_not_promoted_by_the_resume() {
    let outage = Outage::promoted("canary", "kill-replay", "checkout");
    outage.kill(
        &outage.rollback_args(&["--replay-canary"]),
        ("undo", At::Ended),
    );
    let output = outage.run(&["resume", "-o", "json", "--wait", "8s"]);
    let recovery = Outage::recovery(&output);
    assert_eq!(done(&recovery, "promote"), 0, "{recovery:#}");
}

#[test]
fn a_sync_whose_end_was_cut_short_is_ended() {
    let mut outage = Outage::none_yet("hooks", "kill-hook", "ledger", "kill-hook");
    outage.hang_in_hook();
    let kills = [("terminate", At::Begun), ("terminate", At::Ended)];
    resumed(&mut outage, &[], &kills);
}

#[test]
fn a_stuck_pod_that_was_left_is_deleted() {
    let mut outage = Outage::of("statefulset", "kill-set", "sessions");
    let kills = [("unstick", At::Begun), ("unstick", At::Ended)];
    resumed(&mut outage, &[], &kills[..1]);
    let mut outage = Outage::of("statefulset", "kill-stuck", "sessions");
    resumed(&mut outage, &[], &kills[1..]);
}

#[test]
fn a_sync_to_the_last_good_commit_that_was_cut_short_is_followed_by_the_push() {
    let mut outage = Outage::of("auto-heal", "kill-old", PAYMENTS);
    let by_argo_cd = ["--method", "argocd"];
    let recovery = resumed(&mut outage, &by_argo_cd, &[("sync_old", At::Begun)]);
    assert_eq!(done(&recovery, "push"), 1, "{recovery:#}");
}

#[test]
fn a_watch_that_was_cut_short_is_taken_up_again() {
    let mut outage = Outage::of("auto-heal", "kill-watch", PAYMENTS);
    let recovery = resumed(&mut outage, &["--watch", "1m"], &[("watch", At::Begun)]);
    assert_eq!(done(&recovery, "watch"), 1, "{recovery:#}");
}

#[test]
fn the_same_command_after_a_kill_goes_on_with_the_same_recovery() {
    let mut outage = Outage::of("auto-heal", "kill-again", PAYMENTS);
    outage.killed_after("hold");
    let output = outage.rollback(&["-o", "json"]).assert_code(0);
    let recovery = Outage::recovery(&output);
    let known = outage
        .ripcord()
        .run(["recoveries", "-o", "json"])
        .unwrap()
        .json()
        .unwrap();
    assert_eq!(known.as_array().unwrap().len(), 1, "{known:#}");
    assert_eq!(known[0]["id"], recovery["id"]);
    outage.assert_restored(GOOD);
}

#[test]
fn a_hold_that_a_killed_run_left_is_shown_and_can_be_let_go() {
    let outage = Outage::of("sync-windows", "left-hold", PAYMENTS);
    let before = outage.windows("left-hold");
    outage.killed_after("hold");
    let status = outage.ripcord().run(["status"]).unwrap();
    assert!(status.assert_code(0).stdout.contains("is held until"));
    let sick = outage.doctor(NO_REGISTRY);
    assert!(sick.assert_code(1).stdout.contains("ripcord release r-"));
    let released = outage.ripcord().run(["release"]).unwrap();
    assert!(released.assert_code(0).stdout.contains("let go"));
    assert_eq!(outage.windows("left-hold"), before);
}
