//! What an ApplicationSet puts back, and what it leaves.

use serde_json::json;

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

#[test]
fn a_foreign_annotation_such_as_skip_reconcile_is_taken_away() {
    let incident = child("set-annotation");
    let skip = "argocd.argoproj.io/skip-reconcile";
    incident.merge(&json!({"metadata": {"annotations": {skip: "true"}}}));
    incident.wait("it is gone", |app| {
        app["metadata"]["annotations"][skip].is_null()
    });
}
