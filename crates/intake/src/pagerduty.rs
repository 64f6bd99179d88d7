//! PagerDuty's webhooks of version 3: one event of one incident each.
//!
//! What PagerDuty calls an incident is an alert here: it says that somebody was paged. PagerDuty adds kinds of
//! events over time; one that is not known says nothing and is no error.

use std::collections::BTreeMap;

use jiff::Timestamp;
use ripcord_domain::incident::event::{Confidence, Event, Fact, SourceKind};
use ripcord_domain::incident::report::{AlertReport, AlertState};
use serde_json::Value;

use crate::understand::{Arrival, NotUnderstood, Understood};
use crate::wording::{self, instant, text};

/// Reads the envelope and what is in it.
pub(crate) fn read(arrival: &Arrival<'_>, body: &Value) -> Result<Understood, NotUnderstood> {
    let missing = |what: &str| arrival.not_understood(format!("it has no `event.{what}`"));
    let kind = text(body, "/event/event_type").ok_or_else(|| missing("event_type"))?;
    let data = body.pointer("/event/data").unwrap_or(&Value::Null);
    let no_incident = || missing("data` of an incident with its `id` and `created_at");
    // Before anything else is asked of it: of a kind that is not known nothing is known.
    let what = match what(&kind, data) {
        Ok(what) => what,
        Err(nothing) => return Ok(Understood::Nothing(nothing)),
    };
    let id = text(body, "/event/id").ok_or_else(|| missing("id"))?;
    let occurred = instant(body, "/event/occurred_at").ok_or_else(|| missing("occurred_at"))?;
    let (incident, fact) = match what {
        What::State(state) => {
            let report = report(data, &kind, state, occurred).ok_or_else(no_incident)?;
            (data, Fact::Alert(report))
        }
        What::Said(said) => {
            let incident = data.pointer("/incident").unwrap_or(&Value::Null);
            (incident, said_of(incident, &said))
        }
    };
    let empty = BTreeMap::new();
    let labels = match &fact {
        Fact::Alert(report) => &report.labels,
        _ => &empty,
    };
    let names = [
        text(incident, "/service/id"),
        text(incident, "/service/summary"),
    ];
    let names: Vec<&str> = names.iter().flatten().map(String::as_str).collect();
    let event = Event {
        id: wording::id(&["pagerduty", arrival.source, &id]),
        observed: occurred,
        received: arrival.received,
        source: arrival.source(SourceKind::Pagerduty),
        confidence: Confidence::Reported,
        incident: None,
        concern: arrival.mapping.concern_by_name(&names, labels),
        link: wording::link(incident, "/html_url"),
        author: author(body),
        fact,
    };
    Ok(Understood::one(event))
}

/// What an event of a kind says.
enum What {
    /// The incident stands so.
    State(AlertState),
    /// Somebody wrote something about an incident.
    Said(String),
}

/// What an event says, or why it says nothing.
fn what(kind: &str, data: &Value) -> Result<What, String> {
    let is = |state| Ok(What::State(state));
    match kind {
        "incident.triggered" | "incident.reopened" | "incident.unacknowledged" => {
            is(AlertState::Firing)
        }
        "incident.acknowledged" => is(AlertState::Acknowledged),
        "incident.resolved" => is(AlertState::Resolved),
        // Who is paged, how urgent it is or what it is of changed; how it stands did not.
        "incident.escalated"
        | "incident.reassigned"
        | "incident.delegated"
        | "incident.priority_updated"
        | "incident.service_updated" => match text(data, "/status").as_deref() {
            Some("triggered") => is(AlertState::Firing),
            Some("acknowledged") => is(AlertState::Acknowledged),
            // A late change must not end the incident a second time, at another instant.
            Some("resolved") => Err(format!("`{kind}` of what is already resolved")),
            _ => Err(format!("`{kind}` without a status")),
        },
        "incident.annotated" => match text(data, "/content") {
            Some(content) => Ok(What::Said(content)),
            None => Err("a note without text".to_owned()),
        },
        "incident.status_update_published" => match text(data, "/message") {
            Some(message) => Ok(What::Said(message)),
            None => Err("a status update without text".to_owned()),
        },
        "pagey.ping" => Err("a test of the webhook".to_owned()),
        other => Err(format!("events of the kind `{other}` say nothing here")),
    }
}

fn report(data: &Value, kind: &str, state: AlertState, occurred: Timestamp) -> Option<AlertReport> {
    let alert = text(data, "/id")?;
    // An incident that was reopened fires anew; every later event of it must say the same beginning.
    let reopened = instant(data, "/reopened_at");
    let started = match kind {
        "incident.reopened" => reopened.unwrap_or(occurred),
        _ => reopened.or_else(|| instant(data, "/created_at"))?,
    };
    let labels = [
        ("pagerduty_service", "/service/summary"),
        ("pagerduty_service_id", "/service/id"),
        ("incident_type", "/incident_type/name"),
        ("urgency", "/urgency"),
    ];
    let mut labels: BTreeMap<String, String> = labels
        .into_iter()
        .filter_map(|(name, pointer)| Some((name.to_owned(), text(data, pointer)?)))
        .collect();
    if let Some(number) = data.get("number").and_then(Value::as_u64) {
        labels.insert("number".to_owned(), number.to_string());
    }
    Some(AlertReport {
        state,
        started,
        ended: (state == AlertState::Resolved).then_some(occurred),
        condition: None,
        title: text(data, "/title").unwrap_or_else(|| format!("PagerDuty incident {alert}")),
        severity: text(data, "/priority/summary").or_else(|| text(data, "/urgency")),
        group: text(data, "/incident_key"),
        labels,
        alert,
    })
}

/// A note's event names only PagerDuty's incident, not ours: so it is no note of an incident here.
fn said_of(incident: &Value, said: &str) -> Fact {
    let details = [
        ("incident", "/id"),
        ("title", "/summary"),
        ("service", "/service/summary"),
    ];
    let details = details.into_iter();
    Fact::Other {
        summary: said.to_owned(),
        details: details
            .filter_map(|(name, pointer)| Some((name.to_owned(), text(incident, pointer)?)))
            .collect(),
    }
}

/// The person who did it. Without an agent, or with an agent that is a service, it was a machine.
fn author(body: &Value) -> Option<String> {
    let kind = text(body, "/event/agent/type")?;
    if !kind.starts_with("user") {
        return None;
    }
    text(body, "/event/agent/summary").or_else(|| text(body, "/event/agent/id"))
}

#[cfg(test)]
#[path = "pagerduty_tests.rs"]
mod tests;
