//! What keeps Argo CD from putting the bad version back while the commit is on its way.

use std::time::Duration;

use ripcord_testbed::{REFRESH, operation};
use serde_json::json;

use crate::incident::{A_WHILE, BAD, GOOD, Incident, SERVICE};

#[test]
fn under_a_deny_window_an_undo_stays_until_the_commit_is_there() {
    let mut incident = Incident::of("sync-windows", "hold-window", SERVICE);
    incident.close(true);
    incident.undo();
    assert_eq!(incident.versions_for(A_WHILE), [GOOD]);
    let reverted = incident.revert();
    incident.sync_to(&reverted);
    incident.wait("the sync is done under the window", |app| {
        app["status"]["operationState"]["phase"] == "Succeeded"
            && app["status"]["operationState"]["syncResult"]["revision"] == *reverted
    });
    incident.close(false);
    incident.refresh();
    incident.wait_until_durable(&reverted);
    assert_eq!(incident.versions_for(A_WHILE), [GOOD]);
}

#[test]
fn under_a_deny_window_the_old_commit_stays_until_the_new_one_is_there() {
    let mut incident = Incident::of("sync-windows", "hold-old", SERVICE);
    incident.close(true);
    incident.sync_to(&incident.good);
    incident.wait_for_version(GOOD);
    assert_eq!(incident.versions_for(A_WHILE), [GOOD]);
    let reverted = incident.revert();
    incident.sync_to(&reverted);
    incident.wait("the sync is done under the window", |app| {
        app["status"]["operationState"]["phase"] == "Succeeded"
            && app["status"]["sync"]["revision"] == *reverted
    });
    incident.close(false);
    incident.refresh();
    incident.wait_until_durable(&reverted);
    assert_eq!(incident.versions_for(A_WHILE), [GOOD]);
}

#[test]
fn under_a_deny_window_the_api_syncs_to_the_tip_and_still_refuses_the_rest() {
    let mut incident = Incident::of("sync-windows", "hold-api", SERVICE);
    incident.close(true);
    let first = incident.app()["status"]["history"][0]["id"].clone();
    let refused = incident.refused("/rollback", &json!({"id": first}));
    let why = "rollback cannot be initiated when auto-sync is enabled";
    assert!(refused.message.contains(why), "{refused:?}");
    let refused = incident.refused("/sync", &json!({"revision": incident.good}));
    assert!(
        refused.message.contains("auto-sync currently set to"),
        "{refused:?}"
    );
    let reverted = incident.revert();
    incident.allowed("POST", "/sync", &json!({"prune": true}));
    incident.wait_until_durable(&reverted);
}

#[test]
fn when_a_deny_window_ends_nothing_happens_until_argo_cd_compares() {
    let incident = Incident::of("sync-windows", "hold-silent", SERVICE);
    incident.close(true);
    incident.undo();
    incident.wait("the pods are ready", |app| {
        app["status"]["health"]["status"] == "Healthy"
    });
    // Each change of a pod makes Argo CD compare: until there are no more.
    std::thread::sleep(A_WHILE);
    incident.close(false);
    assert_eq!(incident.versions_for(Duration::from_secs(3)), [GOOD]);
    incident.refresh();
    incident.wait_for_version(BAD);
}

#[test]
fn a_deny_window_that_ends_before_the_commit_brings_the_bad_version_back() {
    let incident = Incident::of("sync-windows", "hold-ended", SERVICE);
    incident.close(true);
    incident.undo();
    incident.close(false);
    incident.refresh();
    incident.wait_for_version(BAD);
}

#[test]
fn an_operation_hangs_in_a_window_when_the_last_one_was_automatic() {
    let mut incident = Incident::of("sync-windows", "hold-inherits", SERVICE);
    incident.close(true);
    let reverted = incident.revert();
    // As a merge patch leaves it: what the automatic sync was stays in the state.
    incident.merge(&json!({"operation": operation(&reverted)}));
    let app = incident.wait_for_word("blocked by sync window");
    assert_eq!(app["status"]["operationState"]["phase"], "Running");
    assert_eq!(incident.version(), BAD);
}

#[test]
fn a_failed_operation_without_a_result_stops_self_heal() {
    let mut incident = Incident::new("hold-state");
    incident.hold();
    incident.undo();
    assert_eq!(incident.versions_for(A_WHILE), [GOOD]);
    // An operation that is asked for ends it.
    let reverted = incident.revert();
    incident.sync_to(&reverted);
    incident.wait_until_durable(&reverted);
    // And auto-sync works as before.
    incident.scene.deploy(SERVICE, "v16").unwrap();
    incident.refresh();
    incident.wait_for_version("v16");
}

#[test]
fn a_failed_operation_with_its_result_holds_only_until_the_next_commit() {
    let mut incident = Incident::new("hold-weak");
    incident.patch(&json!([
        {"op": "replace", "path": "/status/operationState/phase", "value": "Failed"},
        {"op": "add", "path": "/metadata/annotations", "value": {REFRESH: "normal"}},
    ]));
    incident.wait_until_compared();
    incident.undo();
    assert_eq!(incident.versions_for(A_WHILE), [GOOD]);
    // Somebody else's, of another service.
    incident.scene.deploy("ledger", "v15").unwrap();
    incident.refresh();
    incident.wait_for_version(BAD);
}

#[test]
fn a_sync_that_is_terminated_in_a_window_stays_terminating() {
    let incident = Incident::of("sync-windows", "hold-terminating", SERVICE);
    incident.close(true);
    incident.merge(&json!({"operation": operation(&incident.good)}));
    incident.wait_for_word("blocked by sync window");
    incident.allowed("DELETE", "/operation", &json!({}));
    std::thread::sleep(A_WHILE);
    let app = incident.app();
    assert_eq!(app["status"]["operationState"]["phase"], "Terminating");
    assert!(app["operation"].is_object());
    // By hand it can be freed.
    incident.patch(&json!([
        {"op": "remove", "path": "/operation"},
        {"op": "replace", "path": "/status/operationState/phase", "value": "Failed"},
    ]));
    std::thread::sleep(A_WHILE);
    assert!(incident.app()["operation"].is_null());
}

#[test]
fn the_hold_by_the_operations_state_stays_under_an_application_set() {
    let mut incident = Incident::none_yet("applicationset-list", "hold-set", SERVICE);
    incident.application = "hold-set-payments-service".into();
    incident.turn_bad();
    incident.hold();
    incident.undo();
    // A commit of somebody else's does not end it.
    incident.scene.deploy("ledger", "v15").unwrap();
    incident.refresh();
    assert_eq!(incident.versions_for(A_WHILE), [GOOD]);
}
