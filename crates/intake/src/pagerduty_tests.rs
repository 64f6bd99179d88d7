use serde_json::json;

use super::*;
use crate::{Headers, Mapping, understand};

const CREATED: &str = "2026-11-20T17:00:00Z";
const NOW: &str = "2026-11-20T17:05:00Z";
const AGAIN: &str = "2026-11-20T17:04:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn body(kind: &str, status: &str) -> Value {
    json!({"event": {
        "id": "01E", "event_type": kind, "resource_type": "incident", "occurred_at": NOW,
        "agent": {"id": "PU", "type": "user_reference", "summary": "Ada"}, "client": null,
        "data": {
            "id": "PGR0", "type": "incident", "html_url": "https://acme.pagerduty.com/incidents/PGR0",
            "number": 2, "status": status, "incident_key": "k1", "created_at": CREATED,
            "title": "Payments fail", "service": {"id": "PF9", "summary": "Payments API"},
            "priority": {"summary": "P1"}, "urgency": "high", "reopened_at": null,
        },
    }})
}

fn said(body: &Value) -> Result<Understood, NotUnderstood> {
    let mapping: Mapping = serde_json::from_value(json!({"services": {"PF9": "pay"}})).unwrap();
    let body = body.to_string();
    let kind = SourceKind::Pagerduty;
    understand(
        kind,
        "main",
        &mapping,
        Headers::default(),
        body.as_bytes(),
        at(NOW),
    )
}

fn one(body: &Value) -> Event {
    match said(body).unwrap() {
        Understood::Told(mut told) if told.events.len() == 1 => told.events.remove(0),
        other => panic!("{other:?}"),
    }
}

fn alert(body: &Value) -> AlertReport {
    match one(body).fact {
        Fact::Alert(report) => report,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_page_is_an_alert_with_its_service_its_person_and_its_beginning() {
    let event = one(&body("incident.triggered", "triggered"));
    assert_eq!(event.id.as_str(), "pagerduty/main/01E");
    assert_eq!(event.concern.unwrap().to_string(), "pay in production");
    assert_eq!(event.author.as_deref(), Some("Ada"));
    assert_eq!(event.observed, at(NOW));
    assert_eq!(
        event.link.as_deref(),
        Some("https://acme.pagerduty.com/incidents/PGR0")
    );
    let report = alert(&body("incident.triggered", "triggered"));
    assert_eq!(report.alert, "PGR0");
    assert_eq!(report.started, at(CREATED));
    assert_eq!(report.title, "Payments fail");
    assert_eq!(report.severity.as_deref(), Some("P1"));
    assert_eq!(report.group.as_deref(), Some("k1"));
    assert_eq!(report.labels["number"], "2");
}

#[test]
fn the_kind_of_an_event_says_how_it_stands() {
    let state = |kind| alert(&body(&format!("incident.{kind}"), "triggered")).state;
    assert_eq!(state("triggered"), AlertState::Firing);
    assert_eq!(state("acknowledged"), AlertState::Acknowledged);
    assert_eq!(state("unacknowledged"), AlertState::Firing);
    assert_eq!(state("reopened"), AlertState::Firing);
    let resolved = alert(&body("incident.resolved", "resolved"));
    assert_eq!(resolved.state, AlertState::Resolved);
    assert_eq!(resolved.ended, Some(at(NOW)));
}

#[test]
fn a_change_of_who_is_paged_keeps_how_it_stands_and_ends_nothing() {
    let escalated = alert(&body("incident.escalated", "acknowledged"));
    assert_eq!(escalated.state, AlertState::Acknowledged);
    let late = said(&body("incident.reassigned", "resolved"));
    assert!(matches!(late, Ok(Understood::Nothing(_))));
}

#[test]
fn what_is_reopened_begins_again_and_ends_with_the_same_beginning() {
    let mut again = body("incident.reopened", "triggered");
    assert_eq!(alert(&again).started, at(NOW));
    again["event"]["data"]["reopened_at"] = json!(AGAIN);
    assert_eq!(alert(&again).started, at(AGAIN));
    again["event"]["event_type"] = json!("incident.resolved");
    assert_eq!(alert(&again).started, at(AGAIN));
}

#[test]
fn a_machine_is_no_author() {
    let mut machine = body("incident.triggered", "triggered");
    machine["event"]["agent"] = Value::Null;
    assert_eq!(one(&machine).author, None);
    machine["event"]["agent"] = json!({"type": "integration_reference", "summary": "Bot"});
    assert_eq!(one(&machine).author, None);
}

#[test]
fn a_note_is_told_with_the_page_that_it_is_of() {
    let mut note = body("incident.annotated", "");
    note["event"]["data"] = json!({
        "type": "incident_note", "id": "N1", "content": "rolled\nback",
        "incident": {"id": "PGR0", "summary": "Payments fail", "html_url": "https://p/i"},
    });
    let event = one(&note);
    assert_eq!(event.link.as_deref(), Some("https://p/i"));
    let Fact::Other { summary, details } = event.fact else {
        panic!("{event:?}")
    };
    assert_eq!(summary, "rolled back");
    assert_eq!(details["incident"], "PGR0");
}

#[test]
fn a_kind_that_is_not_known_says_nothing_and_is_no_error() {
    for kind in [
        "pagey.ping",
        "incident.something.new",
        "service.updated",
        "x",
    ] {
        let mut other = body(kind, "triggered");
        other["event"]["data"] = json!([1]);
        other["event"]["occurred_at"] = Value::Null;
        assert!(matches!(said(&other), Ok(Understood::Nothing(_))), "{kind}");
    }
}

#[test]
fn an_envelope_without_what_it_must_have_is_refused_by_name() {
    for field in ["id", "event_type", "occurred_at", "data"] {
        let mut cut = body("incident.triggered", "triggered");
        cut["event"].as_object_mut().unwrap().remove(field);
        let error = said(&cut).unwrap_err().to_string();
        assert!(error.contains(&format!("`event.{field}`")), "{error}");
    }
}
