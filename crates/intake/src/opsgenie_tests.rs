use serde_json::json;

use super::*;
use crate::{Headers, Mapping, understand};

const CREATED: i64 = 1_795_194_000_000;
const UPDATED: i64 = 1_795_194_300_000_000_123;

fn body(action: &str) -> Value {
    json!({
        "action": action, "integrationName": "ripcord", "source": {"name": "", "type": "web"},
        "alert": {
            "alertId": "a-1", "tinyId": "7", "alias": "pay-errors", "message": "Payments fail",
            "username": "ada@acme.example", "priority": "P1", "details": {"service": "pay", "env": "staging"},
            "createdAt": CREATED, "updatedAt": UPDATED,
        },
    })
}

fn said_with(mapping: &Mapping, body: &Value) -> Result<Understood, NotUnderstood> {
    let body = body.to_string();
    let received = Timestamp::from_millisecond(CREATED).unwrap();
    let (kind, headers) = (SourceKind::Opsgenie, Headers::default());
    understand(kind, "main", mapping, headers, body.as_bytes(), received)
}

fn said(body: &Value) -> Result<Understood, NotUnderstood> {
    said_with(&Mapping::default(), body)
}

fn one(said: Result<Understood, NotUnderstood>) -> Event {
    match said.unwrap() {
        Understood::Told(mut told) if told.events.len() == 1 => told.events.remove(0),
        other => panic!("{other:?}"),
    }
}

#[test]
fn milliseconds_and_nanoseconds_are_told_apart() {
    let event = one(said(&body("Create")));
    assert_eq!(event.observed.as_nanosecond(), i128::from(UPDATED));
    let Fact::Alert(report) = event.fact else {
        panic!("no alert")
    };
    assert_eq!(report.started.as_millisecond(), CREATED);
    assert_eq!(event.concern.unwrap().to_string(), "pay in staging");
    assert_eq!(event.author.as_deref(), Some("ada@acme.example"));
    assert_eq!(report.severity.as_deref(), Some("P1"));
}

#[test]
fn actions_are_known_in_whatever_letters_and_unknown_ones_say_nothing() {
    let state = |action| match one(said(&body(action))).fact {
        Fact::Alert(report) => (report.state, report.ended.is_some()),
        other => panic!("{other:?}"),
    };
    assert_eq!(state("CREATE"), (AlertState::Firing, false));
    assert_eq!(state("UnAcknowledge"), (AlertState::Firing, false));
    assert_eq!(state("acknowledge"), (AlertState::Acknowledged, false));
    assert_eq!(state("Close"), (AlertState::Resolved, true));
    for other in ["Escalate", "Delete", "SomethingNew"] {
        assert!(matches!(said(&body(other)), Ok(Understood::Nothing(_))));
    }
}

#[test]
fn a_retry_has_the_same_id_and_a_later_action_another() {
    let first = one(said(&body("Create"))).id;
    assert_eq!(one(said(&body("create"))).id, first);
    assert_ne!(one(said(&body("Close"))).id, first);
}

#[test]
fn a_note_is_told_and_an_empty_one_is_nothing() {
    let mut note = body("AddNote");
    assert!(matches!(said(&note), Ok(Understood::Nothing(_))));
    note["alert"]["note"] = json!("rolled back");
    let Fact::Other { summary, .. } = one(said(&note)).fact else {
        panic!("no note")
    };
    assert_eq!(summary, "rolled back");
}

#[test]
fn only_the_creation_says_what_an_alert_is_about() {
    let mapping: Mapping =
        serde_json::from_value(json!({"services": {"pay-errors": "pay"}})).unwrap();
    let mut bare = body("Create");
    bare["alert"]["details"] = Value::Null;
    assert_eq!(one(said(&bare)).concern, None);
    let concern = one(said_with(&mapping, &bare)).concern.unwrap();
    assert_eq!(concern.to_string(), "pay in production");
    assert_eq!(one(said_with(&mapping, &body("Close"))).concern, None);
}

#[test]
fn an_integration_is_no_author() {
    let mut machine = body("Create");
    machine["alert"]["username"] = json!("Alert API");
    assert_eq!(one(said(&machine)).author, None);
}

#[test]
fn an_alert_without_what_it_must_have_is_refused_by_name() {
    for field in ["alertId", "createdAt", "updatedAt"] {
        let mut cut = body("Create");
        cut["alert"].as_object_mut().unwrap().remove(field);
        let error = said(&cut).unwrap_err().to_string();
        assert!(error.contains(&format!("`alert.{field}`")), "{error}");
    }
}
