//! What happened, entry by entry, with the noise of systems marked.

use std::collections::BTreeSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use ripcord_domain::incident::event::{Concern, Confidence, Event, EventId, Fact, SourceKind};
use ripcord_domain::incident::report::{
    AlertState, AnalysisReport, DeployReport, DeployStage, HotfixReport, RecoveryReport,
};
use ripcord_domain::recovery::Standing;

use crate::words;

/// An entry of the timeline: one event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// When it was so, by the clock of whoever saw it.
    pub at: Timestamp,
    /// When it came in here.
    pub received: Timestamp,
    /// The kind of system that told it.
    pub source: SourceKind,
    /// Which of that kind.
    pub source_name: String,
    /// How its instant is known.
    pub confidence: Confidence,
    /// What it is about.
    pub concern: Option<Concern>,
    /// What happened.
    pub text: String,
    /// Where a person reads more.
    pub link: Option<String>,
    /// The person who said it.
    pub author: Option<String>,
    /// Why it is not shown unless somebody asks; none: it is shown.
    pub hidden: Option<Hidden>,
    /// The event.
    pub event: EventId,
}

/// Why an entry is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Hidden {
    /// ripcord reminded somebody of a deadline.
    Reminder,
    /// It was told before in the same words.
    Repeated,
}

/// The entries, oldest first; each event once.
pub(crate) fn entries(events: &[Event]) -> Vec<Entry> {
    let mut ordered: Vec<&Event> = events.iter().collect();
    ordered.sort_by(|a, b| (a.observed, &a.id).cmp(&(b.observed, &b.id)));
    ordered.dedup_by(|a, b| a.id == b.id);
    let mut told = BTreeSet::new();
    ordered
        .into_iter()
        .map(|event| {
            let text = text(&event.fact);
            Entry {
                hidden: hidden(event, &text, &mut told),
                at: event.observed,
                received: event.received,
                source: event.source.kind,
                source_name: event.source.name.clone(),
                confidence: event.confidence,
                concern: event.concern.clone(),
                text,
                link: event.link.clone(),
                author: event.author.clone(),
                event: event.id.clone(),
            }
        })
        .collect()
}

/// What tells one state of a thing from the next. Only systems repeat themselves: what a person says is shown.
fn hidden(event: &Event, text: &str, told: &mut BTreeSet<String>) -> Option<Hidden> {
    let of = match &event.fact {
        Fact::Reminded { .. } => return Some(Hidden::Reminder),
        Fact::Alert(report) => format!("{} {}", report.alert, report.started),
        Fact::Deploy(report) => report.deploy.clone(),
        Fact::Analysis(report) => report.run.clone(),
        Fact::Recovery(report) => report.recovery.to_string(),
        Fact::Hotfix(report) => report.hotfix.clone(),
        Fact::Drift(report) => format!("{} {}", report.object, report.field),
        _ => return None,
    };
    let key = format!("{:?} {:?} {of} {text}", event.source, event.concern);
    (!told.insert(key)).then_some(Hidden::Repeated)
}

fn text(fact: &Fact) -> String {
    match fact {
        Fact::Opened { title, severity } => match severity {
            Some(severity) => format!("incident opened ({severity}): {title}"),
            None => format!("incident opened: {title}"),
        },
        Fact::Named { name } => format!("also called {name}"),
        Fact::Alert(report) => match report.state {
            AlertState::Firing => format!("alert fires: {}", report.title),
            AlertState::Acknowledged => format!("alert acknowledged: {}", report.title),
            AlertState::Resolved => format!("alert ended: {}", report.title),
        },
        Fact::Note { text } => text.clone(),
        Fact::Deploy(report) => deploy(report),
        Fact::Analysis(report) => analysis(report),
        Fact::Recovery(report) => recovery(report),
        Fact::Hotfix(report) => hotfix(report),
        Fact::Drift(report) => {
            format!(
                "drift of {} {}: {}",
                report.object, report.field, report.what
            )
        }
        Fact::Decision { what } => format!("decided: {what}"),
        Fact::Charged {
            deploy: Some(deploy),
            why,
        } => format!("cause: deploy {deploy}: {why}"),
        Fact::Charged { deploy: None, why } => format!("cause: no deploy: {why}"),
        Fact::Corrected { moment, at, why } => {
            let at = at.map_or_else(|| "not known after all".to_owned(), words::instant);
            format!("correction: “{}” was {at}: {why}", moment.words())
        }
        Fact::Closed { why, although } if although.is_empty() => format!("incident closed: {why}"),
        Fact::Closed { why, although } => {
            format!("incident closed: {why}; although {}", although.join(", "))
        }
        Fact::Reopened { why } => format!("incident opened again: {why}"),
        Fact::Reviewed { place } => format!("the review is written: {place}"),
        Fact::Reminded { deadline } => format!("reminder: {}", deadline.words()),
        Fact::Other { summary, .. } => summary.clone(),
    }
}

pub(crate) fn stage(stage: DeployStage) -> &'static str {
    match stage {
        DeployStage::Committed => "committed",
        DeployStage::Started => "started",
        DeployStage::Serving => "serves from its first pod",
        DeployStage::Synced => "synced",
        DeployStage::Healthy => "healthy everywhere",
        DeployStage::Aborted => "stopped before it was everywhere",
        DeployStage::Failed => "failed",
        DeployStage::Degraded => "found unhealthy",
    }
}

fn deploy(report: &DeployReport) -> String {
    let what = match &report.hotfix {
        Some(hotfix) => format!("deploy of hotfix {hotfix}"),
        None if report.is_rollback => "deploy back".to_owned(),
        None => "deploy".to_owned(),
    };
    let which = report.version.as_ref().unwrap_or(&report.deploy);
    let stage = report.stage.map_or("seen", stage);
    let subject = report
        .subject
        .as_ref()
        .map_or(String::new(), |subject| format!(": {subject}"));
    format!("{what} {which} {stage}{subject}")
}

fn analysis(report: &AnalysisReport) -> String {
    let metrics = report.metrics.iter().map(|metric| {
        let tried = if metric.dry_run { ", tried only" } else { "" };
        format!("{} {}{tried}", metric.name, metric.phase)
    });
    let metrics: Vec<String> = metrics.collect();
    if metrics.is_empty() {
        return format!("canary analysis {}: {}", report.run, report.phase);
    }
    format!(
        "canary analysis {}: {} ({})",
        report.run,
        report.phase,
        metrics.join("; ")
    )
}

fn recovery(report: &RecoveryReport) -> String {
    let standing = match report.standing {
        Standing::Running => "under way",
        Standing::Restored => "done and holds",
        Standing::Partial => "half done",
        Standing::Relapsed => "undone: the bad version came back",
        Standing::GaveWay => "gave way to somebody's later deploy",
        Standing::Failed => "failed, nothing was changed",
    };
    let reached = [
        ("in Git", report.committed),
        ("only good pods", report.good),
        ("synced", report.synced),
        ("healthy", report.durable),
    ];
    let reached = reached
        .iter()
        .filter(|(_, at)| at.is_some())
        .map(|(word, _)| *word);
    let reached: Vec<&str> = reached.collect();
    let reached = if reached.is_empty() {
        String::new()
    } else {
        format!(" ({})", reached.join(", "))
    };
    format!(
        "recovery from {} to {}: {standing}{reached}",
        report.from, report.to
    )
}

fn hotfix(report: &HotfixReport) -> String {
    let standing = if report.ready.is_some() {
        "pods ready"
    } else if report.committed.is_some() {
        "in the infra repo"
    } else {
        "begun"
    };
    let mut text = format!("hotfix {}: {standing}", report.hotfix);
    if !report.overridden.is_empty() {
        text.push_str("; overridden: ");
        text.push_str(&report.overridden.join(", "));
    }
    text
}
