//! Notifications of Argo CD, by the template in `deploy/notifications`.
//!
//! Argo CD loses notifications, so each says all that is known of its operation, and every stage is read out of
//! each. A deploy is called by its Application and the start of its operation: the id in the history comes only
//! with the end, and a revision is told again when it is gone back to.

use jiff::Timestamp;
use ripcord_domain::incident::event::{Confidence, Event, Fact, SourceKind};
use ripcord_domain::incident::report::{DeployReport, DeployStage};
use serde_json::Value;

use crate::shape::{instead, missing, needed};
use crate::understand::{Arrival, NotUnderstood, Told, Understood};
use crate::wording::{self, instant, text};

/// What the template calls its form.
const FORM: &str = "argocd/1";

/// Reads a notification.
pub(crate) fn read(arrival: &Arrival<'_>, body: &Value) -> Result<Understood, NotUnderstood> {
    if text(body, "/ripcord").as_deref() != Some(FORM) {
        let why = instead(body, "/ripcord");
        let why = format!("it is not made by ripcord's template, which says `{FORM}`: {why}");
        return Err(arrival.not_understood(why));
    }
    let need = |pointer| needed(arrival, body, pointer);
    let at = |pointer| instant(body, pointer).ok_or_else(|| missing(arrival, body, pointer));
    let (uid, name, namespace) = (need("/uid")?, need("/name")?, need("/namespace")?);
    let application = format!("{namespace}/{name}");
    let (phase, started) = (need("/phase")?, at("/startedAt")?);
    let mut stages = vec![(DeployStage::Started, started)];
    match phase.as_str() {
        "Succeeded" => {
            stages.push((DeployStage::Synced, at("/finishedAt")?));
            stages.extend(health(body, started));
        }
        "Failed" | "Error" => stages.push((DeployStage::Failed, at("/finishedAt")?)),
        // It goes on, or is being ended.
        _ => {}
    }
    let labels = wording::labels(body, "/labels");
    let names = [application.as_str(), name.as_str()];
    let concern = arrival.mapping.concern_of_application(&names, &labels);
    let begin = started.to_string();
    let report = DeployReport {
        deploy: format!("{uid}/{begin}"),
        commit: text(body, "/revision").or_else(|| wording::only(body, "/revisions")),
        version: wording::only(body, "/images"),
        application: Some(application),
        cluster: text(body, "/cluster"),
        ..DeployReport::default()
    };
    let event = |(stage, observed): (DeployStage, Timestamp)| {
        let (word, when) = (format!("{stage:?}").to_lowercase(), observed.to_string());
        Event {
            id: wording::id(&["argocd", arrival.source, &uid, &begin, &word, &when]),
            observed,
            received: arrival.received,
            source: arrival.source(SourceKind::Argocd),
            confidence: Confidence::Reported,
            incident: None,
            concern: concern.clone(),
            link: None,
            author: None,
            fact: Fact::Deploy(DeployReport {
                stage: Some(stage),
                ..report.clone()
            }),
        }
    };
    Ok(Understood::Told(Told {
        events: stages.into_iter().map(event).collect(),
        ..Told::default()
    }))
}

/// The health, where it changed since the operation began: what was so before says nothing of this deploy.
fn health(body: &Value, started: Timestamp) -> Option<(DeployStage, Timestamp)> {
    let since = instant(body, "/healthSince").filter(|since| *since >= started)?;
    match text(body, "/health")?.as_str() {
        "Healthy" => Some((DeployStage::Healthy, since)),
        "Degraded" => Some((DeployStage::Degraded, since)),
        _ => None,
    }
}

#[cfg(test)]
#[path = "argocd_tests.rs"]
mod tests;
