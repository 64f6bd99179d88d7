//! Operations of Argo CD: which are done, and which are lost.

use std::time::{Duration, Instant};

use ripcord_testbed::{Application, operation};
use serde_json::json;

use crate::incident::{A_WHILE, BAD, GOOD, Incident, SERVICE, SOON};

#[test]
fn a_wait_in_a_hook_swallows_the_revert_until_it_is_terminated() {
    let mut incident = stuck("op-stuck");
    let reverted = incident.revert();
    incident.refresh();
    // Synced, healthy, our commit: and yet the bad version is still on its way.
    let app = incident.wait("it looks green", |app| {
        app["status"]["sync"]["revision"] == *reverted
            && app["status"]["sync"]["status"] == "Synced"
            && app["status"]["health"]["status"] == "Healthy"
    });
    assert_eq!(app["status"]["operationState"]["phase"], "Running");
    assert_eq!(
        app["status"]["operationState"]["syncResult"]["revision"],
        *incident.bad
    );
    let refused = incident.refused("/sync", &json!({}));
    assert_eq!(refused.status, 400);
    let why = "another operation is already in progress";
    assert!(refused.message.contains(why), "{refused:?}");

    incident.terminate();
    incident.sync_to(&reverted);
    incident.wait_until_durable(&reverted);
    assert_eq!(incident.version(), GOOD);
}

/// A bad deploy whose PreSync Job never ends: its Deployment is not touched yet.
fn stuck(name: &str) -> Incident<'static> {
    let mut incident = Incident::none_yet("hooks", name, "ledger");
    incident.bad = incident.deploy("v15-hangs");
    incident.wait_for_word("waiting for completion of hook");
    incident
}

/// Whether the Job of the hook is there.
fn has_hook(incident: &Incident<'_>) -> bool {
    let jobs = incident.kubectl(&["get", "jobs", "-o", "name"]);
    jobs.contains("ledger-migrate")
}

#[test]
fn an_operation_in_the_place_of_one_that_waits_is_not_done() {
    let mut incident = stuck("op-replaced");
    let reverted = incident.revert();
    let asked = incident.scene.application().replace(&operation(&reverted));
    asked.unwrap().unwrap();
    std::thread::sleep(A_WHILE);
    let state = &incident.app()["status"]["operationState"];
    assert_eq!(state["phase"], "Running");
    assert_eq!(state["syncResult"]["revision"], *incident.bad);
}

#[test]
fn an_operation_that_is_terminated_takes_its_hook_away() {
    let incident = stuck("op-hook-gone");
    assert!(has_hook(&incident));
    incident.terminate();
    incident.wait_until("its hook is gone", || !has_hook(&incident));
}

#[test]
fn a_wait_in_a_wave_swallows_the_revert_too() {
    let mut incident = Incident::none_yet("hooks", "op-wave", "ledger");
    // The Service comes after the pods, which are never ready.
    incident.edit("base/service.yaml", |text| {
        let last = "  annotations:\n    argocd.argoproj.io/sync-wave: \"2\"\nspec:";
        text.replace("spec:", last)
    });
    incident.edit("base/deployment.yaml", |text| {
        let never =
            "      annotations:\n        testbed.ripcord/behaves: never-ready\n      labels:";
        text.replace("      labels:", never)
    });
    incident.bad = incident.deploy("v15");
    incident.wait("it waits", |app| {
        let message = app["status"]["operationState"]["message"].as_str();
        message
            .is_some_and(|message| message.contains("waiting for healthy state of apps/Deployment"))
    });
    incident.wait_for_version("v15");
    incident.revert();
    incident.refresh();
    assert_eq!(incident.versions_for(A_WHILE), ["v15"]);
}

#[test]
fn a_sync_that_is_tried_again_swallows_the_revert_too() {
    let mut incident = Incident::none_yet("auto-heal", "op-retries", SERVICE);
    let retry = json!({"limit": 10, "backoff": {"duration": "1m"}});
    incident.merge(&json!({"spec": {"syncPolicy": {"retry": retry}}}));
    // A Deployment that the API server refuses.
    incident.edit("base/deployment.yaml", |text| {
        text.replace("replicas: 4", "replicas: -4")
    });
    incident.bad = incident.deploy(BAD);
    incident.wait_for_word("Retrying attempt #1");
    incident.edit("base/deployment.yaml", |text| {
        text.replace("replicas: -4", "replicas: 3")
    });
    let reverted = incident.revert();
    incident.refresh();
    std::thread::sleep(A_WHILE);
    let app = incident.app();
    assert_eq!(app["status"]["operationState"]["phase"], "Running");
    assert_eq!(app["operation"]["sync"]["revision"], *incident.bad);
    incident.terminate();
    incident.sync_to(&reverted);
    incident.wait_until_durable(&reverted);
}

#[test]
fn a_write_on_condition_is_refused_while_another_operation_runs() {
    let incident = stuck("op-refused");
    let write = json!([
        {"op": "test", "path": "/operation", "value": null},
        {"op": "add", "path": "/operation", "value": operation(&incident.bad)},
    ]);
    let refused = incident.scene.application().patch(&write).unwrap();
    assert_eq!(refused.unwrap_err().status, 422);
}

#[test]
fn an_operation_by_merge_patch_is_lost_while_another_runs() {
    let mut incident = stuck("op-lost");
    let reverted = incident.revert();
    incident.merge(&json!({"operation": {"sync": {"revision": reverted}}}));
    // The API says yes, and the one that runs goes on.
    let app = incident.app();
    assert_eq!(app["status"]["operationState"]["phase"], "Running");
    let app = incident.terminate();
    let ran = &app["status"]["operationState"]["syncResult"]["revision"];
    assert_eq!(*ran, *incident.bad);
    assert_ne!(incident.version(), BAD);
}

#[test]
fn a_write_of_what_has_changed_meanwhile_is_refused() {
    let incident = Incident::none_yet("auto", "op-stale", SERVICE);
    let before = incident.app()["metadata"]["resourceVersion"].clone();
    incident.merge(&json!({"metadata": {"annotations": {"somebody": "else"}}}));
    let stale = json!([{"op": "replace", "path": "/metadata/resourceVersion", "value": before}]);
    let refused = incident.scene.application().patch(&stale).unwrap();
    assert_eq!(refused.unwrap_err().status, 409);
}

/// Asks until it is let in.
fn ask(application: &Application<'_>, revision: &str) {
    let until = Instant::now() + SOON;
    while application.sync_to(revision).unwrap().is_err() {
        assert!(Instant::now() < until, "never let in");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn two_that_write_on_condition_are_done_one_after_the_other() {
    let mut incident = Incident::new("op-two");
    let first = incident.revert();
    let second = incident.edit("base/service.yaml", |text| format!("{text}# Reviewed.\n"));
    let application = incident.scene.application();
    std::thread::scope(|scope| {
        scope.spawn(|| ask(&application, &first));
        scope.spawn(|| ask(&application, &second));
    });
    let app = incident.wait("both are done", |app| {
        app["operation"].is_null()
            && app["status"]["operationState"]["phase"] == "Succeeded"
            && app["status"]["sync"]["status"] == "Synced"
    });
    assert_eq!(incident.version(), GOOD);
    let history = app["status"]["history"].as_array().unwrap();
    let done = |revision: &str| history.iter().any(|entry| entry["revision"] == *revision);
    assert!(done(&first) && done(&second), "{history:?}");
}
