//! ApplicationSets that sync their Applications themselves, step by step.

use serde_json::Value;

use crate::incident::{A_WHILE, BAD, GOOD, Incident, SERVICE};

/// The Application of the payments service, with the bad version live.
fn broken(name: &str) -> Incident<'static> {
    let mut incident = Incident::none_yet("rolling-sync", name, SERVICE);
    incident.application = format!("{name}-{SERVICE}");
    incident.turn_bad();
    incident
}

#[test]
fn under_a_rolling_sync_an_application_has_no_auto_sync() {
    let incident = broken("rolling-policy");
    let app = incident.app();
    let automated = &app["spec"]["syncPolicy"]["automated"];
    assert!(
        automated.is_null() || automated["enabled"] == Value::Bool(false),
        "{automated}"
    );
}

#[test]
fn under_a_rolling_sync_a_revert_and_a_refresh_are_durable() {
    let mut incident = broken("rolling-revert");
    let reverted = incident.revert();
    incident.refresh();
    incident.wait_until_durable(&reverted);
    assert_eq!(incident.versions_for(A_WHILE), [GOOD]);
}

#[test]
fn under_a_rolling_sync_an_undo_is_undone_by_the_set() {
    let incident = broken("rolling-undo");
    incident.undo();
    assert_eq!(incident.version(), GOOD);
    incident.wait_for_version(BAD);
}
