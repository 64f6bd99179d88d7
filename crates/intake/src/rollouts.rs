//! Notifications of Argo Rollouts, by the template in `deploy/notifications`.
//!
//! Argo Rollouts sends them from inside its own step, with the status from before it, so a stage is known by what the
//! notification is for and by when it was told. Its analyses come along each time: it keeps few of their points.

use jiff::Timestamp;
use ripcord_domain::incident::event::{Concern, Confidence, Event, Fact, SourceKind};
use ripcord_domain::incident::report::{AnalysisReport, DeployReport, DeployStage, MetricReport};
use serde_json::Value;

use crate::shape::{instead, missing, needed};
use crate::understand::{Arrival, NotUnderstood, Told, Understood};
use crate::wording::{self, instant, text};

/// What the template calls its form.
const FORM: &str = "rollouts/1";
/// Analyses of one rollout that are kept, metrics of one, and values of one: Argo Rollouts keeps ten.
const MOST: usize = 50;

/// Reads a notification.
pub(crate) fn read(arrival: &Arrival<'_>, body: &Value) -> Result<Understood, NotUnderstood> {
    if text(body, "/ripcord").as_deref() != Some(FORM) {
        let why = instead(body, "/ripcord");
        let why = format!("it is not made by ripcord's template, which says `{FORM}`: {why}");
        return Err(arrival.not_understood(why));
    }
    let need = |pointer| needed(arrival, body, pointer);
    let (uid, name, namespace) = (need("/uid")?, need("/name")?, need("/namespace")?);
    let (revision, told) = (need("/revision")?, need("/told")?);
    let observed = instant(body, "/at").ok_or_else(|| missing(arrival, body, "/at"))?;
    let rollout = format!("{namespace}/{name}");
    let labels = wording::labels(body, "/labels");
    let concern = arrival
        .mapping
        .concern_of_application(&[&rollout, &name], &labels);
    let version = wording::only(body, "/images");
    let deploy = |stage, is_rollback| DeployReport {
        deploy: format!("{uid}/{revision}"),
        stage,
        version: version.clone(),
        is_rollback,
        ..DeployReport::default()
    };
    let report = match told.as_str() {
        "updated" => Some(deploy(Some(DeployStage::Started), false)),
        "step" => serves(body).then(|| deploy(Some(DeployStage::Serving), false)),
        "completed" => Some(deploy(Some(DeployStage::Healthy), false)),
        "aborted" => Some(deploy(Some(DeployStage::Aborted), false)),
        "went-back" => Some(deploy(None, true)),
        "analysis" => None,
        _ => {
            let why = instead(body, "/told");
            let why =
                format!("the recipient in ripcord's `subscriptions` says what is told: {why}");
            return Err(arrival.not_understood(why));
        }
    };
    let event = |id, observed, fact| event(arrival, id, observed, concern.clone(), fact);
    let mut events = Vec::new();
    if let Some(report) = report {
        let at = observed.to_string();
        let id = ["rollouts", arrival.source, &uid, &revision, &told, &at];
        events.push(event(wording::id(&id), observed, Fact::Deploy(report)));
    }
    let runs = body.get("analyses").and_then(Value::as_array);
    for run in runs.into_iter().flatten().take(MOST) {
        let Some(report) = analysis(run, &namespace, &rollout, &revision, version.as_ref()) else {
            continue;
        };
        // The same run is told again with more in it: what is in it tells them apart.
        let hash = wording::hash(format!("{report:?}").as_bytes());
        let id = ["rollouts", arrival.source, "analysis", &report.run, &hash];
        let observed = report.ended.unwrap_or(observed);
        events.push(event(wording::id(&id), observed, Fact::Analysis(report)));
    }
    if events.is_empty() {
        return Ok(Understood::Nothing(format!(
            "`{told}` with nothing to tell"
        )));
    }
    Ok(Understood::Told(Told {
        events,
        ..Told::default()
    }))
}

fn event(
    arrival: &Arrival<'_>,
    id: ripcord_domain::incident::event::EventId,
    observed: Timestamp,
    concern: Option<Concern>,
    fact: Fact,
) -> Event {
    Event {
        id,
        observed,
        received: arrival.received,
        source: arrival.source(SourceKind::Rollouts),
        confidence: Confidence::Reported,
        incident: None,
        concern,
        link: None,
        author: None,
        fact,
    }
}

/// Whether the step that is done lets pods of the new version serve.
fn serves(body: &Value) -> bool {
    let weight = body.pointer("/step/setWeight").and_then(Value::as_i64);
    weight.is_some_and(|weight| weight > 0)
}

fn analysis(
    run: &Value,
    namespace: &str,
    rollout: &str,
    revision: &str,
    version: Option<&String>,
) -> Option<AnalysisReport> {
    let metrics = run.get("metrics").and_then(Value::as_array);
    let metrics = metrics.into_iter().flatten().take(MOST);
    Some(AnalysisReport {
        run: format!("{namespace}/{}", text(run, "/name")?),
        rollout: Some(format!("{rollout} revision {revision}")),
        version: version.cloned(),
        phase: text(run, "/phase")?,
        started: instant(run, "/startedAt"),
        ended: instant(run, "/completedAt"),
        metrics: metrics.filter_map(metric).collect(),
    })
}

fn metric(metric: &Value) -> Option<MetricReport> {
    let measured = metric.get("measurements").and_then(Value::as_array);
    let values = measured.into_iter().flatten();
    let mut values: Vec<String> = values.filter_map(|one| text(one, "/value")).collect();
    // The last ones: what was measured when it was judged.
    values.drain(..values.len().saturating_sub(MOST));
    Some(MetricReport {
        name: text(metric, "/name")?,
        phase: text(metric, "/phase")?,
        dry_run: metric
            .get("dryRun")
            .and_then(Value::as_bool)
            .unwrap_or(false),
        values,
        query: text(metric, "/metadata/ResolvedPrometheusQuery"),
    })
}

#[cfg(test)]
#[path = "rollouts_tests.rs"]
mod tests;
