//! Others that ask Argo CD for a sync while ripcord does.

use ripcord_testbed::Application;
use serde_json::{Value, json};

use crate::followed::{At, Ended};
use crate::outage::{GOOD, Outage, PAYMENTS};

/// The annotation with which Argo CD looks away from an Application.
const SKIP: &str = "argocd.argoproj.io/skip-reconcile";

/// A bad deploy that also changed what an undo does not touch: only a sync takes that back.
fn with_more_than_a_version(name: &str) -> Outage<'static> {
    let mut outage = Outage::none_yet("auto-heal", name, PAYMENTS, name);
    let service = "services/payments-service/base/service.yaml";
    let infra = outage.scene.infra();
    let text = infra.read(service).unwrap();
    infra.write(service, text.replace("port: 80", "port: 8080"));
    outage.break_it("v15-crash");
    outage
}

/// Runs a rollback, and does something with the sync that it asked for before Argo CD begins it.
fn meddling(outage: &Outage<'_>, meddle: impl FnOnce(&Application<'_>)) -> Ended {
    let application = outage.bed.application(&outage.application);
    let annotate = |value: Value| json!({"metadata": {"annotations": {SKIP: value}}});
    application.merge(&annotate(json!("true"))).unwrap();
    let mut running = outage.follow(&outage.rollback_args(&[]));
    running.until("operate", At::Ended);
    let asked = outage.app()["operation"].clone();
    assert!(asked["info"].to_string().contains("Recovery"), "{asked}");
    meddle(&application);
    application.merge(&annotate(Value::Null)).unwrap();
    running.end()
}

fn assert_restored(outage: &mut Outage<'_>, ended: &Ended) {
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    outage.assert_restored(GOOD);
    let service = outage.scene.object("v1", "Service", PAYMENTS).unwrap();
    assert_eq!(service["spec"]["ports"][0]["port"], 80);
}

#[test]
fn a_sync_that_vanishes_is_asked_for_again() {
    let mut outage = with_more_than_a_version("op-vanishes");
    let ended = meddling(&outage, |application| {
        // As the end of another sync does that Argo CD had begun.
        application.merge(&json!({"operation": null})).unwrap();
    });
    let said = format!("{:?}", ended.events);
    assert!(said.contains("our sync was lost"), "{ended:#?}");
    assert_restored(&mut outage, &ended);
}

#[test]
fn a_sync_that_self_heal_wrote_its_own_into_is_not_taken_for_ours() {
    let mut outage = with_more_than_a_version("op-merged");
    let ended = meddling(&outage, |application| {
        // Our commit and id, and self-heal's part of the objects.
        let resource = json!({"kind": "Service", "name": PAYMENTS});
        let heal = json!({"operation": {
            "initiatedBy": {"automated": true, "username": null},
            "sync": {"resources": [resource]},
        }});
        application.merge(&heal).unwrap();
    });
    assert_restored(&mut outage, &ended);
}

#[test]
fn a_sync_that_self_heal_wrote_over_is_asked_for_again() {
    let mut outage = with_more_than_a_version("op-replaced");
    let bad = outage.bad.clone();
    let ended = meddling(&outage, |application| {
        let heal = json!({
            "initiatedBy": {"automated": true},
            "retry": {"limit": 5},
            "sync": {
                "revision": bad, "prune": true, "syncOptions": ["CreateNamespace=true"],
                "resources": [{"group": "apps", "kind": "Deployment", "name": PAYMENTS}],
            },
        });
        let write = json!([{"op": "replace", "path": "/operation", "value": heal}]);
        application.patch(&write).unwrap().unwrap();
    });
    assert_restored(&mut outage, &ended);
}

#[test]
fn an_operation_of_somebody_else_is_waited_for_and_ours_follows() {
    let mut outage = Outage::of("auto-heal", "other-tool", PAYMENTS);
    let application = outage.bed.application("other-tool");
    // Another tool syncs the bad commit over and over while the rollback goes on.
    let bad = outage.bad.clone();
    let mut running = outage.follow(&outage.rollback_args(&[]));
    running.until("hold", At::Ended);
    let mut taken = 0;
    for _ in 0..20 {
        taken += usize::from(application.sync_to(&bad).unwrap().is_ok());
        std::thread::sleep(std::time::Duration::from_millis(25));
    }
    assert!(taken > 0, "it was never in the way");
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    outage.assert_restored(GOOD);
}
