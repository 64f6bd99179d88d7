//! What an ApplicationSet puts back, and what it leaves.

use ripcord_testbed::{NAMESPACE, Scene, Testbed};
use serde_json::{Value, json};

use crate::incident::{Incident, SOON};

fn child(set: &str) -> Incident<'static> {
    let bed = Testbed::shared().unwrap();
    let scene = Scene::set(bed, "applicationset-list", set).unwrap();
    scene.wait_until("Healthy").unwrap();
    Incident {
        bed,
        scene,
        service: "payments-service",
        good: String::new(),
        bad: String::new(),
    }
}

fn merge(incident: &Incident<'_>, patch: &Value) {
    let mut patch = patch.clone();
    patch["apiVersion"] = "argoproj.io/v1alpha1".into();
    patch["kind"] = "Application".into();
    patch["metadata"]["name"] = format!("{}-payments-service", incident.scene.name()).into();
    patch["metadata"]["namespace"] = NAMESPACE.into();
    let objects = incident.bed.objects();
    incident.bed.block_on(objects.merge_object(&patch)).unwrap();
}

fn sees(incident: &Incident<'_>, pointer: &str, value: &Value) {
    let apps = incident.api("argoproj.io/v1alpha1", "Application", NAMESPACE);
    let name = format!("{}-payments-service", incident.scene.name());
    let what = format!("{pointer} is {value}");
    let waited = incident.bed.wait_for(&what, SOON, || async {
        let found = apps.get(&name).await.map_err(|error| error.to_string())?;
        let found = serde_json::to_value(found).map_err(|error| error.to_string())?;
        match found.pointer(pointer).unwrap_or(&Value::Null) {
            seen if seen == value => Ok(()),
            seen => Err(seen.to_string()),
        }
    });
    incident.bed.block_on(waited).unwrap();
}

#[test]
fn auto_sync_that_is_switched_off_behind_it_is_switched_on_again() {
    let incident = child("set-policy");
    merge(
        &incident,
        &json!({"spec": {"syncPolicy": {"automated": null}}}),
    );
    let automated = json!({"prune": true, "selfHeal": true});
    sees(&incident, "/spec/syncPolicy/automated", &automated);
}

#[test]
fn a_foreign_annotation_such_as_skip_reconcile_is_taken_away() {
    let incident = child("set-annotation");
    let skip = "argocd.argoproj.io/skip-reconcile";
    merge(
        &incident,
        &json!({"metadata": {"annotations": {skip: "true"}}}),
    );
    sees(
        &incident,
        "/metadata/annotations/argocd.argoproj.io~1skip-reconcile",
        &Value::Null,
    );
}
