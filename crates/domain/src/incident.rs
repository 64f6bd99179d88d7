//! An incident: what its events come to.
//!
//! [`Incident::absorb`] takes in one event. It may be given the same events in any order and more than once
//! and comes to the same state: webhooks are late, doubled and out of order, and two parts of one incident may
//! be found to be one only afterwards ([`Incident::merge`]). So there is no "current state" that a message
//! changes; every part is a set, or a value chosen by its own instant (`register`).

pub mod deadline;
pub mod deploy;
pub mod event;
pub mod instant;
pub mod joining;
pub mod recovered;
pub mod register;
pub mod report;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use deadline::Task;
use event::{Concern, Event, EventId, Fact, IncidentId, SourceKind};
use instant::Moment;
use register::{Dated, First, Last};
use report::{AlertReport, AlertState, HotfixReport, RecoveryReport};

use crate::recovery::{RecoveryId, Standing};

/// One time that an alert fired.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Episode {
    /// When somebody took it on.
    #[serde(default)]
    pub acknowledged: First<Option<String>>,
    /// When it ended.
    #[serde(default)]
    pub ended: Last<()>,
    /// When the condition became true, where the source knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Timestamp>,
    /// When it came in here first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<Timestamp>,
}

/// An alert of an incident.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Alert {
    /// Each time it fired, by when that began.
    pub episodes: BTreeMap<Timestamp, Episode>,
    /// What was said of it last.
    pub said: Last<AlertReport>,
    /// Where a person reads more.
    #[serde(default)]
    pub link: Last<String>,
}

impl Alert {
    /// Whether it fires: its last time did not end.
    pub fn fires(&self) -> bool {
        let last = self.episodes.last_key_value();
        last.is_some_and(|(_, episode)| episode.ended.0.is_none())
    }

    /// When it ended last, if it does not fire.
    pub fn quiet_since(&self) -> Option<Timestamp> {
        let (_, last) = self.episodes.last_key_value()?;
        last.ended.at()
    }
}

/// An alert of a source: what the source calls it, in that source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct AlertKey {
    /// The kind of source.
    pub kind: SourceKind,
    /// The source.
    pub source: String,
    /// The alert.
    pub alert: String,
}

/// How an incident stands.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Something is wrong and nobody has taken it on.
    Open,
    /// Somebody has taken it on.
    Acknowledged,
    /// A way back is under way.
    Recovering,
    /// Every alert is quiet and every recovery holds; it is not closed yet.
    Quiet,
    /// It is over.
    Closed,
}

impl State {
    /// The word for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Recovering => "recovering",
            Self::Quiet => "quiet",
            Self::Closed => "closed",
        }
    }
}

/// What somebody said of the cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Charge {
    /// The deploy; none: no deploy explains this.
    pub deploy: Option<String>,
    /// Who.
    pub by: Option<String>,
    /// Why.
    pub why: String,
}

/// Whether it was closed, by whom and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Closing {
    /// Closed; else opened again.
    pub closed: bool,
    /// Who; none is ripcord itself.
    pub by: Option<String>,
    /// Why.
    pub why: String,
    /// What was missing, where a person closed it all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub although: Vec<String>,
}

/// A correction as it was said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Said {
    at: Option<Timestamp>,
    by: String,
    why: String,
}

/// What a person called the incident when it was opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Opening {
    /// What is wrong.
    pub title: String,
    /// How bad.
    pub severity: Option<String>,
    /// Who.
    pub by: Option<String>,
}

/// An incident, as its events tell it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Incident {
    /// Its identity.
    pub id: IncidentId,
    /// What else it is called.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub names: BTreeSet<String>,
    /// What it is about.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub concerns: BTreeSet<Concern>,
    /// That a person opened it.
    #[serde(default)]
    pub opened: First<Opening>,
    /// Its alerts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", with = "alerts")]
    #[schemars(with = "Vec<(AlertKey, Alert)>")]
    pub alerts: BTreeMap<AlertKey, Alert>,
    /// Its recoveries.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub recoveries: BTreeMap<RecoveryId, Last<RecoveryReport>>,
    /// Its hotfixes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hotfixes: BTreeMap<String, Last<HotfixReport>>,
    /// When it was decided what to do, by what.
    #[serde(default)]
    pub decided: First<String>,
    /// What is said of the cause.
    #[serde(default)]
    pub charged: Last<Charge>,
    /// Corrected instants.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub corrected: BTreeMap<Moment, Last<Said>>,
    /// Whether it is over.
    #[serde(default)]
    pub closing: Last<Closing>,
    /// When the review was written, and where it is kept.
    #[serde(default)]
    pub reviewed: First<String>,
    /// Of what somebody was reminded.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reminded: BTreeMap<Task, First<()>>,
    /// The latest instant that any event of it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<Timestamp>,
}

/// JSON has no keys but texts, so alerts are written as a list.
mod alerts {
    use std::collections::BTreeMap;

    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use super::{Alert, AlertKey};

    pub(super) fn serialize<S: Serializer>(
        alerts: &BTreeMap<AlertKey, Alert>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        alerts.iter().collect::<Vec<_>>().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<BTreeMap<AlertKey, Alert>, D::Error> {
        Ok(Vec::<(AlertKey, Alert)>::deserialize(from)?
            .into_iter()
            .collect())
    }
}

impl Incident {
    /// An incident of which nothing is known.
    pub fn new(id: IncidentId) -> Self {
        Self {
            id,
            names: BTreeSet::new(),
            concerns: BTreeSet::new(),
            opened: First::default(),
            alerts: BTreeMap::new(),
            recoveries: BTreeMap::new(),
            hotfixes: BTreeMap::new(),
            decided: First::default(),
            charged: Last::default(),
            corrected: BTreeMap::new(),
            closing: Last::default(),
            reviewed: First::default(),
            reminded: BTreeMap::new(),
            latest: None,
        }
    }

    /// Takes in an event; the same one again changes nothing.
    pub fn absorb(&mut self, event: &Event) {
        if !event.fact.is_of_production() {
            self.concerns.extend(event.concern.clone());
            self.latest = self.latest.max(Some(event.observed));
        }
        match &event.fact {
            Fact::Opened { title, severity } => {
                self.opened.take(dated(
                    event,
                    Opening {
                        title: title.clone(),
                        severity: severity.clone(),
                        by: event.author.clone(),
                    },
                ));
            }
            Fact::Named { name } => {
                self.names.insert(name.clone());
            }
            Fact::Alert(report) => self.absorb_alert(event, report),
            Fact::Recovery(report) => {
                self.decided.take(Dated {
                    at: report.started,
                    event: event.id.clone(),
                    value: format!("recovery {}", report.recovery),
                });
                let known = self.recoveries.entry(report.recovery.clone()).or_default();
                known.take(dated(event, report.clone()));
            }
            Fact::Hotfix(report) => {
                let known = self.hotfixes.entry(report.hotfix.clone()).or_default();
                known.take(dated(event, report.clone()));
            }
            Fact::Decision { what } => {
                self.decided.take(dated(event, what.clone()));
            }
            Fact::Charged { deploy, why } => {
                self.charged.take(dated(
                    event,
                    Charge {
                        deploy: deploy.clone(),
                        by: event.author.clone(),
                        why: why.clone(),
                    },
                ));
            }
            Fact::Corrected { moment, at, why } => {
                let known = self.corrected.entry(*moment).or_default();
                known.take(dated(
                    event,
                    Said {
                        at: *at,
                        by: event.author.clone().unwrap_or_default(),
                        why: why.clone(),
                    },
                ));
            }
            Fact::Closed { why, although } => {
                self.closing.take(dated(
                    event,
                    Closing {
                        closed: true,
                        by: event.author.clone(),
                        why: why.clone(),
                        although: although.clone(),
                    },
                ));
            }
            Fact::Reopened { why } => {
                self.closing.take(dated(
                    event,
                    Closing {
                        closed: false,
                        by: event.author.clone(),
                        why: why.clone(),
                        although: Vec::new(),
                    },
                ));
            }
            Fact::Reviewed { place } => {
                self.reviewed.take(dated(event, place.clone()));
            }
            Fact::Reminded { deadline } => {
                self.reminded
                    .entry(*deadline)
                    .or_default()
                    .take(dated(event, ()));
            }
            Fact::Note { .. }
            | Fact::Deploy(_)
            | Fact::Analysis(_)
            | Fact::Drift(_)
            | Fact::Other { .. } => {}
        }
    }

    fn absorb_alert(&mut self, event: &Event, report: &AlertReport) {
        let alert = self.alerts.entry(alert_key(event, report)).or_default();
        let episode = alert.episodes.entry(report.started).or_default();
        episode.received = earliest(episode.received, Some(event.received));
        episode.condition = earliest(episode.condition, report.condition);
        match report.state {
            AlertState::Firing => {}
            AlertState::Acknowledged => {
                episode
                    .acknowledged
                    .take(dated(event, event.author.clone()));
            }
            AlertState::Resolved => {
                episode.ended.take(Dated {
                    at: report.ended.unwrap_or(event.observed),
                    event: event.id.clone(),
                    value: (),
                });
            }
        }
        alert.said.take(dated(event, report.clone()));
        if let Some(link) = &event.link {
            alert.link.take(dated(event, link.clone()));
        }
    }

    /// Takes in another part of what turned out to be the same incident; the identity stays.
    pub fn merge(&mut self, other: Self) {
        self.names.extend(other.names);
        self.concerns.extend(other.concerns);
        self.opened.merge(other.opened);
        for (key, theirs) in other.alerts {
            let alert = self.alerts.entry(key).or_default();
            for (began, theirs) in theirs.episodes {
                let episode = alert.episodes.entry(began).or_default();
                episode.acknowledged.merge(theirs.acknowledged);
                episode.ended.merge(theirs.ended);
                episode.condition = earliest(episode.condition, theirs.condition);
                episode.received = earliest(episode.received, theirs.received);
            }
            alert.said.merge(theirs.said);
            alert.link.merge(theirs.link);
        }
        for (id, theirs) in other.recoveries {
            self.recoveries.entry(id).or_default().merge(theirs);
        }
        for (name, theirs) in other.hotfixes {
            self.hotfixes.entry(name).or_default().merge(theirs);
        }
        self.decided.merge(other.decided);
        self.charged.merge(other.charged);
        for (moment, theirs) in other.corrected {
            self.corrected.entry(moment).or_default().merge(theirs);
        }
        self.closing.merge(other.closing);
        self.reviewed.merge(other.reviewed);
        for (task, theirs) in other.reminded {
            self.reminded.entry(task).or_default().merge(theirs);
        }
        self.latest = self.latest.max(other.latest);
    }

    /// In a line, what is wrong: a person's words, else those of the alert that fired first.
    pub fn title(&self) -> &str {
        if let Some(opened) = &self.opened.0 {
            return &opened.value.title;
        }
        let first = self
            .alerts
            .values()
            .min_by_key(|alert| alert.episodes.keys().next());
        let said = first.and_then(|alert| alert.said.value());
        said.map_or("an incident of which only parts are known", |said| {
            said.title.as_str()
        })
    }

    /// How bad, in the words of whoever said so first.
    pub fn severity(&self) -> Option<&str> {
        let opened = self
            .opened
            .0
            .as_ref()
            .and_then(|opened| opened.value.severity.as_deref());
        let alerts = || self.alerts.values().filter_map(|alert| alert.said.value());
        opened.or_else(|| alerts().find_map(|said| said.severity.as_deref()))
    }

    /// When it began to be known: the first alert fired, or a person opened it.
    pub fn began(&self) -> Option<Timestamp> {
        earliest(self.first_fired().map(|(at, _)| at), self.opened.at())
    }

    /// When the last alert ended, if none fires.
    pub fn quiet_since(&self) -> Option<Timestamp> {
        let each: Option<Vec<Timestamp>> = self.alerts.values().map(Alert::quiet_since).collect();
        each?.into_iter().max()
    }

    /// How it stands.
    pub fn state(&self) -> State {
        if let Some(closing) = &self.closing.0
            && closing.value.closed
            && !self.broke_out_after(closing.at)
        {
            return State::Closed;
        }
        if self.unsettled_recoveries().next().is_some() {
            return State::Recovering;
        }
        if self.missing_to_close().is_empty() {
            return State::Quiet;
        }
        let taken_on = self.alerts.values().any(|alert| {
            let last = alert.episodes.last_key_value();
            last.is_some_and(|(_, episode)| episode.acknowledged.0.is_some())
        });
        if taken_on || self.decided.0.is_some() || self.opened.0.is_some() {
            State::Acknowledged
        } else {
            State::Open
        }
    }

    fn broke_out_after(&self, closed: Timestamp) -> bool {
        let began = |alert: &Alert| alert.episodes.keys().next_back().copied();
        let alerts = self.alerts.values().filter_map(began);
        let recoveries = self.recovery_reports();
        alerts
            .chain(recoveries.map(|report| report.started))
            .any(|at| at > closed)
    }

    /// What was said last of each recovery.
    fn recovery_reports(&self) -> impl Iterator<Item = &RecoveryReport> {
        self.recoveries.values().filter_map(Last::value)
    }

    /// What was said last of each hotfix.
    fn hotfix_reports(&self) -> impl Iterator<Item = &HotfixReport> {
        self.hotfixes.values().filter_map(Last::value)
    }

    fn unsettled_recoveries(&self) -> impl Iterator<Item = &RecoveryReport> {
        let known = self.recovery_reports();
        known.filter(|report| {
            matches!(
                report.standing,
                Standing::Running | Standing::Partial | Standing::Relapsed
            )
        })
    }

    /// What keeps it from being closed, in words; nothing: every alert is quiet and every recovery holds.
    pub fn missing_to_close(&self) -> Vec<String> {
        let firing = self.alerts.values().filter(|alert| alert.fires());
        let mut missing: Vec<String> = firing
            .filter_map(|alert| alert.said.value())
            .map(|said| format!("the alert `{}` fires", said.title))
            .collect();
        for report in self.unsettled_recoveries() {
            let how = match report.standing {
                Standing::Partial => "is half done",
                Standing::Relapsed => "was undone",
                _ => "is under way",
            };
            missing.push(format!("recovery {} {how}", report.recovery));
        }
        if self.alerts.is_empty() && self.opened.0.is_some() {
            let mut restored = self.recovery_reports();
            if !restored.any(|report| report.standing == Standing::Restored) {
                missing.push("no alert and no recovery tells that it is over".to_owned());
            }
        }
        missing
    }

    /// The first time that an alert fired.
    fn first_fired(&self) -> Option<(Timestamp, &Alert)> {
        let each = self.alerts.values().filter_map(|alert| {
            let began = alert.episodes.keys().next()?;
            Some((*began, alert))
        });
        each.min_by_key(|(began, _)| *began)
    }

    /// When somebody was informed: the first alert's arrival, or that a person opened it.
    pub fn informed(&self) -> Option<Timestamp> {
        let episodes = self
            .alerts
            .values()
            .flat_map(|alert| alert.episodes.values());
        let received = episodes.filter_map(|episode| episode.received).min();
        earliest(received, self.opened.at())
    }
}

/// The key of an alert in an incident.
pub fn alert_key(event: &Event, report: &AlertReport) -> AlertKey {
    AlertKey {
        kind: event.source.kind,
        source: event.source.name.clone(),
        alert: report.alert.clone(),
    }
}

fn dated<T>(event: &Event, value: T) -> Dated<T> {
    Dated {
        at: event.observed,
        event: EventId::clone(&event.id),
        value,
    }
}

fn earliest(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}
