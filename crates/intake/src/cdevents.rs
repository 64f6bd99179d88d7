//! CDEvents 0.4 and 0.5 over CloudEvents: how services were deployed, and incidents. In structured mode the event is in
//! `data`, in binary mode it is the body; its own context says all that the headers do.
//!
//! An incident that is resolved does not say when it began: its end is an alert that was over at once, of which
//! nothing but the end is known.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use ripcord_domain::incident::event::{Concern, Confidence, Event, EventId, Fact, SourceKind};
use ripcord_domain::incident::report::{AlertReport, AlertState, DeployReport, DeployStage};
use serde_json::Value;

use crate::shape::{missing, needed};
use crate::understand::{Arrival, NotUnderstood, Understood};
use crate::wording::{self, instant, text};

/// Reads an event of either mode.
pub(crate) fn read(arrival: &Arrival<'_>, body: &Value) -> Result<Understood, NotUnderstood> {
    let encoded = || -> Option<Value> {
        let bytes = BASE64.decode(body.get("data_base64")?.as_str()?).ok()?;
        serde_json::from_slice(&bytes).ok()
    };
    let data = body.get("data").cloned().or_else(encoded);
    let inner = data.filter(|data| data.get("context").is_some());
    let body = inner.as_ref().unwrap_or(body);
    let kind = needed(arrival, body, "/context/type")?;
    // Minor versions add fields; another major version may mean anything.
    let known = kind.strip_prefix("dev.cdevents.").and_then(|rest| {
        let mut parts = rest.splitn(3, '.');
        let parts = (parts.next()?, parts.next()?, parts.next()?);
        parts.2.starts_with("0.").then_some((parts.0, parts.1))
    });
    match known {
        Some(("service", "deployed" | "upgraded")) => deploy(arrival, body, false),
        Some(("service", "rolledback")) => deploy(arrival, body, true),
        Some(("incident", "detected" | "reported")) => alert(arrival, body, AlertState::Firing),
        Some(("incident", "resolved")) => alert(arrival, body, AlertState::Resolved),
        _ => {
            let why = format!("events of the type `{kind}` say nothing here");
            Ok(Understood::Nothing(why))
        }
    }
}

/// What each event says of itself.
struct Context {
    id: String,
    source: String,
    subject: String,
    environment: String,
    observed: Timestamp,
}

impl Context {
    fn of(arrival: &Arrival<'_>, body: &Value) -> Result<Self, NotUnderstood> {
        let need = |pointer| needed(arrival, body, pointer);
        Ok(Self {
            id: need("/context/id")?,
            source: need("/context/source")?,
            subject: need("/subject/id")?,
            environment: need("/subject/content/environment/id")?,
            observed: instant(body, "/context/timestamp")
                .ok_or_else(|| missing(arrival, body, "/context/timestamp"))?,
        })
    }

    fn event_id(&self, arrival: &Arrival<'_>) -> EventId {
        wording::id(&["cdevents", arrival.source, &self.source, &self.id])
    }
}

fn deploy(
    arrival: &Arrival<'_>,
    body: &Value,
    is_rollback: bool,
) -> Result<Understood, NotUnderstood> {
    let context = Context::of(arrival, body)?;
    let report = DeployReport {
        deploy: format!("{} {}", context.source, context.id),
        // It was deployed: nobody said that it is healthy.
        stage: Some(DeployStage::Synced),
        version: text(body, "/subject/content/artifactId"),
        is_rollback,
        ..DeployReport::default()
    };
    let names = [context.subject.as_str()];
    let concern = arrival.mapping.placed(&names, &context.environment);
    let reported = Confidence::Reported;
    let event = event(arrival, &context, concern, reported, Fact::Deploy(report));
    Ok(Understood::one(event))
}

fn alert(
    arrival: &Arrival<'_>,
    body: &Value,
    state: AlertState,
) -> Result<Understood, NotUnderstood> {
    let context = Context::of(arrival, body)?;
    let of = text(body, "/subject/source").unwrap_or_else(|| context.source.clone());
    let title = text(body, "/subject/content/description");
    let is_over = state == AlertState::Resolved;
    let report = AlertReport {
        alert: format!("{of} {}", context.subject),
        state,
        started: context.observed,
        ended: is_over.then_some(context.observed),
        condition: None,
        title: title.unwrap_or_else(|| format!("incident {}", context.subject)),
        severity: None,
        group: None,
        labels: std::collections::BTreeMap::new(),
    };
    let service = text(body, "/subject/content/service/id");
    let concern = service.and_then(|service| {
        let names = [service.as_str()];
        arrival.mapping.placed(&names, &context.environment)
    });
    let confidence = if is_over {
        Confidence::Inferred
    } else {
        Confidence::Reported
    };
    let link = wording::link(body, "/subject/content/ticketURI");
    let event = event(arrival, &context, concern, confidence, Fact::Alert(report));
    Ok(Understood::one(Event { link, ..event }))
}

fn event(
    arrival: &Arrival<'_>,
    context: &Context,
    concern: Option<Concern>,
    confidence: Confidence,
    fact: Fact,
) -> Event {
    Event {
        id: context.event_id(arrival),
        observed: context.observed,
        received: arrival.received,
        source: arrival.source(SourceKind::Cdevents),
        confidence,
        incident: None,
        concern,
        link: None,
        author: None,
        fact,
    }
}

#[cfg(test)]
#[path = "cdevents_tests.rs"]
mod tests;
