//! What an ApplicationSet puts back, and what it leaves.

use kube::api::{Patch, PatchParams};
use ripcord_testbed::NAMESPACE;
use serde_json::{Value, json};

use crate::incident::{Incident, SERVICE};

/// The Application of one service of a set.
fn child(set: &str) -> Incident<'static> {
    let mut incident = Incident::none_yet("applicationset-list", set, SERVICE);
    incident.application = format!("{set}-{SERVICE}");
    incident
}

#[test]
fn auto_sync_that_is_switched_off_behind_it_is_switched_on_again() {
    let incident = child("set-policy");
    incident.merge(&json!({"spec": {"syncPolicy": {"automated": null}}}));
    let automated = json!({"prune": true, "selfHeal": true});
    incident.wait("it is back", |app| {
        app["spec"]["syncPolicy"]["automated"] == automated
    });
}

/// Waits until the set has looked at its Application: it takes away what is foreign.
fn reconciled(incident: &Incident<'_>) -> Value {
    let foreign = "notice.argocd.argoproj.io/somebody";
    incident.merge(&json!({"metadata": {"annotations": {foreign: "here"}}}));
    incident.wait("a foreign annotation is gone", |app| {
        app["metadata"]["annotations"][foreign].is_null()
    })
}

#[test]
fn what_else_is_changed_in_an_application_is_put_back_too() {
    let incident = child("set-fields");
    let before = incident.app();
    for (pointer, patch) in [
        (
            "/spec/syncPolicy/automated",
            json!({"spec": {"syncPolicy": {"automated": {"enabled": false}}}}),
        ),
        (
            "/spec/source/targetRevision",
            json!({"spec": {"source": {"targetRevision": incident.good}}}),
        ),
        (
            "/spec/info",
            json!({"spec": {"info": [{"name": "held by", "value": "somebody"}]}}),
        ),
        (
            "/metadata/labels",
            json!({"metadata": {"labels": {"held-by": "somebody"}}}),
        ),
        (
            "/metadata/finalizers",
            json!({"metadata": {"finalizers": ["acme.example/held"]}}),
        ),
    ] {
        incident.merge(&patch);
        incident.wait(&format!("{pointer} is as before"), |app| {
            app.pointer(pointer) == before.pointer(pointer)
        });
    }
    reconciled(&incident);
}

#[test]
fn an_annotation_of_the_notifications_and_a_refresh_are_left() {
    let incident = child("set-left");
    let notified = "notified.notifications.argoproj.io";
    incident.merge(&json!({"metadata": {"annotations": {notified: "{}"}}}));
    let before = reconciled(&incident);
    assert_eq!(before["metadata"]["annotations"][notified], "{}");
    incident.refresh();
    incident.wait("it was compared", |app| {
        app["status"]["reconciledAt"] != before["status"]["reconciledAt"]
    });
}

#[test]
fn a_set_that_is_told_to_ignore_the_policy_leaves_it_switched_off() {
    let incident = child("set-ignores");
    let sets = incident.api("argoproj.io/v1alpha1", "ApplicationSet", NAMESPACE);
    let ignore = json!({"spec": {"ignoreApplicationDifferences": [
        {"jsonPointers": ["/spec/syncPolicy"]},
    ]}});
    incident
        .bed
        .block_on(sets.patch(
            incident.scene.name(),
            &PatchParams::default(),
            &Patch::Merge(&ignore),
        ))
        .unwrap();
    reconciled(&incident);
    incident.merge(&json!({"spec": {"syncPolicy": {"automated": null}}}));
    let app = reconciled(&incident);
    assert!(app["spec"]["syncPolicy"]["automated"].is_null(), "{app}");
}

#[test]
fn a_foreign_annotation_such_as_skip_reconcile_is_taken_away() {
    let incident = child("set-annotation");
    let skip = "argocd.argoproj.io/skip-reconcile";
    incident.merge(&json!({"metadata": {"annotations": {skip: "true"}}}));
    incident.wait("it is gone", |app| {
        app["metadata"]["annotations"][skip].is_null()
    });
}

#[test]
fn a_set_that_is_told_to_look_takes_the_mark_away_and_changes_its_applications() {
    let incident = child("set-looks");
    let sets = incident.api("argoproj.io/v1alpha1", "ApplicationSet", NAMESPACE);
    let mark = "argocd.argoproj.io/application-set-refresh";
    let info = json!([{"name": "made", "value": "anew"}]);
    let change = json!({
        "metadata": {"annotations": {mark: "true"}},
        "spec": {"template": {"spec": {"info": info}}},
    });
    let (name, params) = (incident.scene.name(), PatchParams::default());
    let bed = incident.bed;
    bed.block_on(sets.patch(name, &params, &Patch::Merge(&change)))
        .unwrap();
    incident.wait("the mark is gone", |_| {
        let set = bed.block_on(sets.get(name)).unwrap();
        !set.metadata
            .annotations
            .unwrap_or_default()
            .contains_key(mark)
    });
    incident.wait("its Application is changed", |app| {
        app["spec"]["info"] == info
    });
}
