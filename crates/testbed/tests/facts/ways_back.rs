//! The ways back, each as it is usually tried.

use std::time::Duration;

use serde_json::json;

use crate::incident::{A_WHILE, BAD, GOOD, Incident};

#[test]
fn a_revert_that_is_pushed_alone_changes_nothing_for_a_while() {
    let mut incident = Incident::new("way-push");
    incident.revert();
    assert_eq!(incident.versions_for(A_WHILE), [BAD]);
}

#[test]
fn a_revert_with_a_refresh_is_durable() {
    let mut incident = Incident::new("way-refresh");
    let reverted = incident.revert();
    incident.refresh();
    incident.wait_until_durable(&reverted);
    assert_eq!(incident.versions_for(A_WHILE), [GOOD]);
}

#[test]
fn a_revert_with_an_operation_and_a_refresh_is_durable() {
    let mut incident = Incident::new("way-operation");
    let reverted = incident.revert();
    incident.sync_to(&reverted);
    incident.wait_until_durable(&reverted);
    assert_eq!(incident.versions_for(A_WHILE), [GOOD]);
}

#[test]
fn a_revert_whose_push_a_webhook_tells_of_is_durable() {
    let mut incident = Incident::new("way-webhook");
    let reverted = incident.revert();
    incident.scene.notify(&reverted).unwrap();
    incident.acted();
    incident.wait_until_durable(&reverted);
    assert_eq!(incident.versions_for(A_WHILE), [GOOD]);
}

#[test]
fn kubectl_rollout_undo_is_undone_by_self_heal() {
    let incident = Incident::new("way-undo");
    incident.undo();
    let seen = incident.versions_for(A_WHILE);
    assert_eq!(seen.last().map(String::as_str), Some(BAD), "{seen:?}");
}

#[test]
fn at_the_same_commit_self_heal_waits_longer_each_time() {
    let incident = Incident::new("way-undo-again");
    // Not by undo, which asks for a history that may not be written yet.
    let image = format!("main=acme/{}:{GOOD}", incident.service);
    let deployment = format!("deployment/{}", incident.service);
    let go_back = || incident.kubectl(&["set", "image", &deployment, &image]);
    for _ in 0..2 {
        go_back();
        incident.wait_for_version(BAD);
        incident.wait("nothing runs", |app| app["operation"].is_null());
    }
    go_back();
    assert_eq!(incident.versions_for(Duration::from_secs(3)), [GOOD]);
    incident.wait_for_version(BAD);
}

#[test]
fn kubectl_rollout_undo_stays_without_self_heal_and_is_drift() {
    let incident = Incident::of("auto", "way-undo-drift", crate::incident::SERVICE);
    incident.undo();
    assert_eq!(incident.versions_for(A_WHILE), [GOOD]);
    incident.wait("drift", |app| {
        app["status"]["sync"]["status"] == "OutOfSync"
    });
}

#[test]
fn the_rollback_of_argo_cds_api_is_refused_under_auto_sync() {
    let incident = Incident::new("way-rollback");
    let app = incident.app();
    let first = &app["status"]["history"][0]["id"];
    let refused = incident.refused("/rollback", &json!({"id": first}));
    assert_eq!(refused.status, 400);
    let why = "rollback cannot be initiated when auto-sync is enabled";
    assert!(refused.message.contains(why), "{refused:?}");
}

#[test]
fn the_rollback_of_argo_cds_api_without_auto_sync_is_drift() {
    let incident = Incident::new("way-rollback-off");
    let mut spec = incident.app()["spec"].clone();
    spec["syncPolicy"]["automated"] = serde_json::Value::Null;
    incident.allowed("PUT", "/spec?validate=false", &spec);
    let first = incident.app()["status"]["history"][0]["id"].clone();
    incident.allowed("POST", "/rollback", &json!({"id": first, "prune": true}));
    incident.wait_for_version(GOOD);
    incident.wait("drift", |app| {
        app["status"]["sync"]["status"] == "OutOfSync"
    });
    assert_eq!(incident.versions_for(A_WHILE), [GOOD]);
}

#[test]
fn auto_sync_that_is_switched_on_again_without_a_refresh_deploys_the_bad_version() {
    let mut incident = Incident::new("way-on-again");
    let automated = incident.app()["spec"]["syncPolicy"]["automated"].clone();
    incident.merge(&json!({"spec": {"syncPolicy": {"automated": null}}}));
    incident.undo();
    incident.wait("it is drift", |app| {
        app["status"]["sync"]["status"] == "OutOfSync"
    });
    // Pushed, and Argo CD has not looked.
    incident.revert();
    incident.merge(&json!({"spec": {"syncPolicy": {"automated": automated}}}));
    incident.wait_for_version(BAD);
}

#[test]
fn auto_sync_that_is_switched_on_again_with_a_refresh_does_not() {
    let mut incident = Incident::new("way-on-refreshed");
    let mut reverted = String::new();
    incident.without_auto_sync(|incident| {
        incident.undo();
        incident.wait("it is drift", |app| {
            app["status"]["sync"]["status"] == "OutOfSync"
        });
        reverted = incident.revert();
    });
    assert_eq!(incident.versions_for(A_WHILE), [GOOD]);
    incident.wait_until_durable(&reverted);
}

#[test]
fn a_sync_without_a_revision_by_the_api_is_durable() {
    let mut incident = Incident::new("way-api-tip");
    let reverted = incident.revert();
    incident.allowed("POST", "/sync", &json!({"prune": true}));
    incident.wait_until_durable(&reverted);
    assert_eq!(incident.versions_for(A_WHILE), [GOOD]);
}

#[test]
fn a_sync_to_a_revision_by_the_api_is_refused_under_auto_sync() {
    let incident = Incident::new("way-api-sync");
    let refused = incident.refused("/sync", &json!({"revision": incident.good}));
    assert_eq!(refused.status, 400);
    let why = "auto-sync currently set to";
    assert!(refused.message.contains(why), "{refused:?}");
}

#[test]
fn an_operation_to_the_old_commit_does_not_last_while_the_tip_is_bad() {
    let incident = Incident::new("way-old-commit");
    incident.sync_to(&incident.good);
    incident.wait_for_version(GOOD);
    incident.wait_for_version(BAD);
}

#[test]
fn a_revert_that_comes_after_an_operation_to_the_old_commit_is_not_seen() {
    let mut incident = Incident::new("way-old-late");
    incident.sync_to(&incident.good);
    incident.wait_for_version(GOOD);
    incident.wait_for_version(BAD);
    incident.revert();
    assert_eq!(incident.versions_for(A_WHILE), [BAD]);
}
