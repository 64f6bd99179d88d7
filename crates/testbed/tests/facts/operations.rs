//! Operations of Argo CD: which are done, and which are lost.

use ripcord_testbed::operation;
use serde_json::json;

use crate::incident::{BAD, GOOD, Incident};

#[test]
fn a_wait_in_a_hook_swallows_the_revert_until_it_is_terminated() {
    let mut incident = stuck("op-stuck");
    let reverted = incident.revert();
    incident.scene.refresh().unwrap();
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
    let bed = ripcord_testbed::Testbed::shared().unwrap();
    let mut scene = ripcord_testbed::Scene::set(bed, "hooks", name).unwrap();
    scene.wait_until("Healthy").unwrap();
    let good = scene.infra().tip().unwrap();
    let bad = scene.deploy("ledger", "v15-hangs").unwrap();
    scene.refresh().unwrap();
    let incident = Incident {
        bed,
        scene,
        service: "ledger",
        good,
        bad,
    };
    incident.wait("the hook runs", |app| {
        let message = app["status"]["operationState"]["message"].as_str();
        message.is_some_and(|message| message.contains("waiting for completion of hook"))
    });
    incident
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
