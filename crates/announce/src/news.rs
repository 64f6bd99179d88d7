//! What is worth telling of an event or an incident.

use jiff::Timestamp;
use ripcord_domain::incident::event::{Concern, Event, Fact, SourceKind};
use ripcord_domain::incident::report::{DeployReport, DeployStage, HotfixReport, RecoveryReport};
use ripcord_domain::incident::{Incident, State};
use ripcord_domain::recovery::Standing;

/// Something that is told once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// What tells it apart: the same for the same news, whoever makes it and however often.
    pub key: String,
    /// When it was so.
    pub at: Timestamp,
    /// What it is about.
    pub concern: Option<Concern>,
    /// The incident that it is part of, where that is known.
    pub incident: Option<String>,
    /// What kind of system it is known from; none for what ripcord concluded. Nobody is told their own words.
    pub from: Option<SourceKind>,
    /// Where a person reads more: an address of the web.
    pub link: Option<String>,
    /// The person who did it.
    pub by: Option<String>,
    /// What it is.
    pub what: What,
}

/// What news are of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A deploy.
    Deploy {
        /// How far it came.
        came: Came,
        /// What is said of it.
        report: Box<DeployReport>,
    },
    /// A recovery: the way back to a good version.
    Rollback {
        /// How it stands; `Running` is that it began.
        standing: Standing,
        /// What is said of it.
        report: Box<RecoveryReport>,
    },
    /// A hotfix.
    Hotfix {
        /// Its name.
        name: String,
        /// How far it is.
        step: HotfixStep,
    },
    /// An incident.
    Incident {
        /// What changed.
        change: Change,
        /// What is wrong, in a line.
        title: String,
        /// How bad, in its source's words.
        severity: Option<String>,
        /// When it began.
        began: Option<Timestamp>,
        /// Since when nothing fires any more, where alerts tell that.
        quiet: Option<Timestamp>,
    },
}

/// How far a deploy came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// It is there.
    Deployed,
    /// It is everywhere, and healthy.
    Healthy,
    /// It was stopped before it was everywhere.
    Aborted,
    /// It failed.
    Failed,
    /// It is everywhere and was found unhealthy.
    Degraded,
}

/// How far a hotfix is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HotfixStep {
    /// It is begun.
    Begun,
    /// Its commit is in the infra repo.
    Committed,
    /// Its pods are ready.
    Ready,
}

/// What changed of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was opened.
    Opened,
    /// Nothing fires any more and every recovery holds.
    Quiet,
    /// It was closed.
    Closed,
    /// It was opened again.
    Reopened,
}

/// The news in an event: of deploys, recoveries and hotfixes. Events that are about no service that is known, and
/// steps on the way, such as a commit or the first pod, are no news.
pub fn of_event(event: &Event) -> Vec<News> {
    match &event.fact {
        Fact::Deploy(report) => of_deploy(event, report).into_iter().collect(),
        Fact::Recovery(report) => of_recovery(event, report),
        Fact::Hotfix(report) => of_hotfix(event, report),
        _ => Vec::new(),
    }
}

/// The news in how an incident stands now. What it went through before and does not show any more is not told.
pub fn of_incident(incident: &Incident) -> Vec<News> {
    let state = incident.state();
    let is_over = matches!(state, State::Quiet | State::Closed);
    let told = !incident.alerts.is_empty() && is_over;
    let quiet = incident.quiet_since().filter(|_| told);
    let news = |change, at: Timestamp, by: Option<String>| {
        let (word, instant) = (format!("{change:?}").to_lowercase(), at.to_string());
        let key = match change {
            // It begins once, whenever that is found to have been.
            Change::Opened => format!("incident/{}/{word}", incident.id),
            _ => format!("incident/{}/{word}/{instant}", incident.id),
        };
        News {
            key,
            at,
            concern: incident.concerns.first().cloned(),
            incident: Some(incident.id.as_str().to_owned()),
            from: None,
            link: incident
                .alerts
                .values()
                .find_map(|alert| alert.link.value().cloned()),
            by,
            what: What::Incident {
                change,
                title: incident.title().to_owned(),
                severity: incident.severity().map(str::to_owned),
                began: incident.began(),
                quiet,
            },
        }
    };
    let opener = incident
        .opened
        .0
        .as_ref()
        .and_then(|opened| opened.value.by.clone());
    let mut found: Vec<News> = Vec::new();
    found.extend(incident.began().map(|at| news(Change::Opened, at, opener)));
    found.extend(quiet.map(|at| news(Change::Quiet, at, None)));
    if let Some(closing) = &incident.closing.0 {
        let change = match (state, closing.value.closed) {
            (State::Closed, _) => Some(Change::Closed),
            (_, false) => Some(Change::Reopened),
            // It was closed, and something broke out after that: which alert it was says itself.
            (_, true) => None,
        };
        let by = closing.value.by.clone();
        found.extend(change.map(|change| news(change, closing.at, by)));
    }
    found
}

fn of_deploy(event: &Event, report: &DeployReport) -> Option<News> {
    event.concern.as_ref()?;
    let came = match report.stage? {
        DeployStage::Synced => Came::Deployed,
        // What Argo Rollouts has completed is deployed by that: nobody said so before.
        DeployStage::Healthy if event.source.kind == SourceKind::Rollouts => Came::Deployed,
        DeployStage::Healthy => Came::Healthy,
        DeployStage::Aborted => Came::Aborted,
        DeployStage::Failed => Came::Failed,
        DeployStage::Degraded => Came::Degraded,
        DeployStage::Committed | DeployStage::Started | DeployStage::Serving => return None,
    };
    let what = What::Deploy {
        came,
        report: Box::new(report.clone()),
    };
    let by = event.author.clone().or_else(|| report.by.clone());
    Some(News {
        by,
        ..news(event, event.id.as_str().to_owned(), event.observed, what)
    })
}

fn of_recovery(event: &Event, report: &RecoveryReport) -> Vec<News> {
    let about = event.concern.as_ref();
    let about = about.map_or(String::new(), |concern| {
        format!("/{}/{}", concern.service, concern.environment)
    });
    let one = |standing: Standing, at| {
        // Its record goes on after that, and is told again: how it stands is news once.
        let word = format!("{standing:?}").to_lowercase();
        let key = format!("recovery/{}{about}/{word}", report.recovery);
        let what = What::Rollback {
            standing,
            report: Box::new(report.clone()),
        };
        let incident = report.incident.clone();
        News {
            incident,
            ..news(event, key, at, what)
        }
    };
    let began = one(Standing::Running, report.started);
    match report.standing {
        Standing::Running => vec![began],
        standing => vec![began, one(standing, event.observed)],
    }
}

fn of_hotfix(event: &Event, report: &HotfixReport) -> Vec<News> {
    let steps = [
        (HotfixStep::Begun, report.started),
        (HotfixStep::Committed, report.committed),
        (HotfixStep::Ready, report.ready),
    ];
    let reached = steps.into_iter().filter_map(|(step, at)| Some((step, at?)));
    reached
        .map(|(step, at)| {
            let word = format!("{step:?}").to_lowercase();
            let key = format!("hotfix/{}/{word}/{at}", report.hotfix);
            let name = report.hotfix.clone();
            let incident = report.incident.clone();
            News {
                incident,
                ..news(event, key, at, What::Hotfix { name, step })
            }
        })
        .collect()
}

fn news(event: &Event, key: String, at: Timestamp, what: What) -> News {
    News {
        key,
        at,
        concern: event.concern.clone(),
        incident: event.incident.as_ref().map(|id| id.as_str().to_owned()),
        from: Some(event.source.kind),
        link: event.link.clone(),
        by: event.author.clone(),
        what,
    }
}

#[cfg(test)]
#[path = "news_tests.rs"]
mod tests;
