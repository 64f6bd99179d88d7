//! What keeps Argo CD from putting the bad version back while the commit is on its way.

use kube::api::{Patch, PatchParams};
use ripcord_testbed::{NAMESPACE, operation};
use serde_json::{Value, json};

use crate::incident::{A_WHILE, BAD, GOOD, Incident, SERVICE};

/// Closes the project of the scene with a deny window that lets manual syncs pass, or opens it.
fn close(incident: &Incident<'_>, closed: bool) {
    let windows = if closed {
        json!([{
            "kind": "deny", "schedule": "* * * * *", "duration": "1h",
            "applications": [incident.scene.name()], "manualSync": true,
        }])
    } else {
        Value::Null
    };
    let projects = incident.api("argoproj.io/v1alpha1", "AppProject", NAMESPACE);
    let patch = json!({"spec": {"syncWindows": windows}});
    incident
        .bed
        .block_on(projects.patch(
            incident.scene.name(),
            &PatchParams::default(),
            &Patch::Merge(&patch),
        ))
        .unwrap();
}

#[test]
fn under_a_deny_window_an_undo_stays_until_the_commit_is_there() {
    let mut incident = Incident::of("sync-windows", "hold-window", SERVICE);
    close(&incident, true);
    incident.undo();
    assert_eq!(incident.versions_for(A_WHILE), [GOOD]);
    let reverted = incident.revert();
    incident.sync_to(&reverted);
    incident.wait("the sync is done under the window", |app| {
        app["status"]["operationState"]["phase"] == "Succeeded"
            && app["status"]["operationState"]["syncResult"]["revision"] == *reverted
    });
    close(&incident, false);
    incident.scene.refresh().unwrap();
    incident.wait_until_durable(&reverted);
    assert_eq!(incident.versions_for(A_WHILE), [GOOD]);
}

#[test]
fn a_deny_window_that_ends_before_the_commit_brings_the_bad_version_back() {
    let incident = Incident::of("sync-windows", "hold-ended", SERVICE);
    close(&incident, true);
    incident.undo();
    close(&incident, false);
    incident.scene.refresh().unwrap();
    incident.wait_for_version(BAD);
}

#[test]
fn an_operation_hangs_in_a_window_when_the_last_one_was_automatic() {
    let mut incident = Incident::of("sync-windows", "hold-inherits", SERVICE);
    close(&incident, true);
    let reverted = incident.revert();
    // As a merge patch leaves it: what the automatic sync was stays in the state.
    incident.merge(&json!({"operation": operation(&reverted)}));
    let app = incident.wait("it is blocked", |app| {
        let message = app["status"]["operationState"]["message"].as_str();
        message.is_some_and(|message| message.contains("blocked by sync window"))
    });
    assert_eq!(app["status"]["operationState"]["phase"], "Running");
    assert_eq!(incident.version(), BAD);
}

#[test]
fn a_failed_operation_without_a_result_stops_self_heal() {
    let mut incident = Incident::new("hold-state");
    incident.hold_by_state();
    incident.undo();
    assert_eq!(incident.versions_for(A_WHILE), [GOOD]);
    // An operation that is asked for ends it.
    let reverted = incident.revert();
    incident.sync_to(&reverted);
    incident.wait_until_durable(&reverted);
    // And auto-sync works as before.
    incident.scene.deploy(SERVICE, "v16").unwrap();
    incident.scene.refresh().unwrap();
    incident.wait_for_version("v16");
}

#[test]
fn a_sync_that_is_terminated_in_a_window_stays_terminating() {
    let incident = Incident::of("sync-windows", "hold-terminating", SERVICE);
    close(&incident, true);
    incident.merge(&json!({"operation": operation(&incident.good)}));
    incident.wait("it is blocked", |app| {
        let message = app["status"]["operationState"]["message"].as_str();
        message.is_some_and(|message| message.contains("blocked by sync window"))
    });
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
    incident.bad = incident.deploy(BAD);
    incident.wait_for_version(BAD);
    incident.wait("nothing runs", |app| {
        app["operation"].is_null()
            && app["status"]["operationState"]["phase"] == "Succeeded"
            && app["status"]["sync"]["revision"] == *incident.bad
    });
    incident.hold_by_state();
    incident.undo();
    // A commit of somebody else's does not end it.
    incident.scene.deploy("ledger", "v15").unwrap();
    incident.scene.refresh().unwrap();
    assert_eq!(incident.versions_for(A_WHILE), [GOOD]);
}
