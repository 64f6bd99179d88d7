//! Alertmanager's webhook of version 4, and what Grafana's has in common with it.
//!
//! Every alert is judged alone: a group is `firing` while one of its alerts is. The instants are those of the
//! alerts, never of the arrival, which Alertmanager puts off by minutes. A repeat of the same alert has the same
//! id and so is the same event, whatever the reason of the notification.

use std::collections::BTreeMap;

use ripcord_domain::incident::event::{Confidence, Event, Fact, SourceKind};
use ripcord_domain::incident::report::{AlertReport, AlertState};
use serde_json::Value;

use crate::understand::{Arrival, NotUnderstood, Told, Understood};
use crate::{grafana, wording};

/// Reads a body of Alertmanager or of Grafana, which its content tells apart: people point one at the address
/// of the other.
pub(crate) fn read(arrival: &Arrival<'_>, body: &Value) -> Result<Understood, NotUnderstood> {
    let kind = if grafana::is_its(body) {
        SourceKind::Grafana
    } else if body.get("version").and_then(Value::as_str) == Some("4") {
        SourceKind::Alertmanager
    } else {
        return Err(arrival.not_understood(
            "it is neither of version \"4\" of Alertmanager nor of Grafana; a receiver with its own `payload` cannot be read",
        ));
    };
    let Some(alerts) = body.get("alerts").and_then(Value::as_array) else {
        return Err(arrival.not_understood("it has no list `alerts`"));
    };
    let group = wording::text(body, "/groupKey");
    let mut told = Told {
        events: Vec::new(),
        cut_off: body
            .get("truncatedAlerts")
            .and_then(Value::as_u64)
            .unwrap_or(0),
        passed_over: Vec::new(),
    };
    for (at, alert) in alerts.iter().enumerate() {
        match event(arrival, kind, group.as_deref(), alert) {
            Ok(event) => told.events.push(event),
            Err(why) => told.passed_over.push(format!("alert {}: {why}", at + 1)),
        }
    }
    if told.events.is_empty() {
        return match told.passed_over.first() {
            Some(why) => Err(arrival.not_understood(why.clone())),
            None if told.cut_off > 0 => Ok(Understood::Told(told)),
            None => Ok(Understood::Nothing("it has no alerts".to_owned())),
        };
    }
    Ok(Understood::Told(told))
}

fn event(
    arrival: &Arrival<'_>,
    kind: SourceKind,
    group: Option<&str>,
    alert: &Value,
) -> Result<Event, String> {
    let state = match alert.get("status").and_then(Value::as_str) {
        Some("firing") => AlertState::Firing,
        Some("resolved") => AlertState::Resolved,
        _ => return Err("its status is neither firing nor resolved".to_owned()),
    };
    let started = wording::instant(alert, "/startsAt").ok_or("it has no instant `startsAt`")?;
    // A firing alert may carry an end that is only foreseen.
    let ended = match state {
        AlertState::Resolved => Some(
            wording::instant(alert, "/endsAt")
                .ok_or("it is resolved and has no instant `endsAt`")?,
        ),
        _ => None,
    };
    let labels = wording::labels(alert, "/labels");
    let fingerprint =
        wording::text(alert, "/fingerprint").unwrap_or_else(|| fingerprint_of(&labels));
    let (prefix, link) = match kind {
        SourceKind::Grafana => ("grafana", grafana::link(alert)),
        _ => ("alertmanager", wording::link(alert, "/generatorURL")),
    };
    let begin = started.to_string();
    let end = ended.map(|at| at.to_string());
    let mut parts = vec![prefix, arrival.source, &fingerprint, &begin];
    match &end {
        Some(end) => parts.extend(["resolved", end]),
        None => parts.push("firing"),
    }
    let title = wording::text(alert, "/annotations/summary")
        .or_else(|| labels.get("alertname").cloned())
        .unwrap_or_else(|| format!("alert {fingerprint}"));
    Ok(Event {
        id: wording::id(&parts),
        observed: ended.unwrap_or(started),
        received: arrival.received,
        source: arrival.source(kind),
        confidence: Confidence::Reported,
        incident: None,
        concern: arrival.mapping.concern(&labels),
        link,
        author: None,
        fact: Fact::Alert(AlertReport {
            alert: fingerprint,
            state,
            started,
            ended,
            condition: None,
            title,
            severity: labels.get("severity").cloned(),
            group: group.map(ToOwned::to_owned),
            labels,
        }),
    })
}

/// What tells alerts apart where the sender gives no fingerprint: their labels.
fn fingerprint_of(labels: &BTreeMap<String, String>) -> String {
    let mut hash = wording::hash(format!("{labels:?}").as_bytes());
    hash.truncate(16);
    hash
}

#[cfg(test)]
#[path = "alertmanager_tests.rs"]
mod tests;
