//! Which incident an event belongs to.
//!
//! An alert belongs to the incident of the same service and environment that goes on while it fires, or went
//! on shortly before or after. An event may show that two incidents are one: the times between which both were
//! known alone did not touch, and its own touches both.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::event::{Concern, Event, Fact, IncidentId};
use super::{AlertKey, Incident, State, alert_key, earliest};

/// How long after an incident went quiet an alert of the same service still belongs to it: somebody who closed
/// the laptop too early is in the same incident.
pub const GAP: SignedDuration = SignedDuration::from_mins(30);

/// A text by which an incident is found: two that share one may be the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

impl Key {
    /// The key of a name: an id, `INC-7`, the number at PagerDuty.
    pub fn name(name: &str) -> Self {
        Self(format!("name:{name}"))
    }

    fn concern(concern: &Concern) -> Self {
        Self(format!(
            "concern:{}/{}",
            concern.service, concern.environment
        ))
    }

    /// Alerts of one source that it groups together; where it does not, each alert is its own group.
    fn group(alert: &AlertKey, group: Option<&str>) -> Self {
        let group = group.unwrap_or(&alert.alert);
        Self(format!("group:{:?}/{}/{group}", alert.kind, alert.source))
    }

    /// As it is written in an index.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// When something was so, and whether it still is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// From.
    pub from: Timestamp,
    /// To; [`Timestamp::MAX`] where it goes on.
    pub to: Timestamp,
}

impl Span {
    fn touches(self, other: Self) -> bool {
        let wide = |at: Timestamp| at.saturating_add(GAP).unwrap_or(Timestamp::MAX);
        self.from <= wide(other.to) && other.from <= wide(self.to)
    }
}

/// Where an event belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Belongs {
    /// To production as a whole: every incident looks at it that goes on then.
    ToProduction,
    /// To a new incident.
    ToNew,
    /// To an incident, and those that turn out to be the same.
    To {
        /// The one that stays: the oldest.
        incident: IncidentId,
        /// Those that it takes in.
        same: Vec<IncidentId>,
    },
    /// It names an incident that is not known, and cannot stand alone.
    Unknown(IncidentId),
}

/// The keys under which the incidents are found that an event may belong to.
pub fn keys_of(event: &Event) -> BTreeSet<Key> {
    if belongs_to_production(event) {
        return BTreeSet::new();
    }
    let mut keys: BTreeSet<Key> = names_in(event).collect();
    keys.extend(place_of(event));
    if let Fact::Hotfix(report) = &event.fact {
        keys.insert(Key::name(&report.hotfix));
    }
    keys
}

/// What production as a whole is told, and no incident is named.
fn belongs_to_production(event: &Event) -> bool {
    event.fact.is_of_production() && event.incident.is_none()
}

/// The incidents that an event names, the surest first.
fn names_in(event: &Event) -> impl Iterator<Item = Key> {
    let meant = event.incident.as_ref().map(IncidentId::as_str);
    let called = match &event.fact {
        Fact::Recovery(report) => report.incident.as_deref(),
        Fact::Hotfix(report) => report.incident.as_deref(),
        _ => None,
    };
    meant.into_iter().chain(called).map(Key::name)
}

/// Where an event happened: the service and environment, else what its source groups the alert by.
fn place_of(event: &Event) -> Option<Key> {
    match (&event.concern, &event.fact) {
        (Some(concern), _) => Some(Key::concern(concern)),
        (None, Fact::Alert(report)) => {
            let group = report.group.as_deref();
            Some(Key::group(&alert_key(event, report), group))
        }
        _ => None,
    }
}

/// When what an event tells of was so.
pub fn span_of(event: &Event) -> Span {
    match &event.fact {
        Fact::Alert(report) => Span {
            from: report.started,
            to: report.ended.unwrap_or(report.started),
        },
        Fact::Recovery(report) => Span {
            from: report.started,
            to: report.started,
        },
        _ => Span {
            from: event.observed,
            to: event.observed,
        },
    }
}

impl Incident {
    /// The keys under which it is found.
    pub fn keys(&self) -> BTreeSet<Key> {
        let mut keys: BTreeSet<Key> = self.names.iter().map(|name| Key::name(name)).collect();
        keys.insert(Key::name(self.id.as_str()));
        keys.extend(self.concerns.iter().map(Key::concern));
        keys.extend(self.hotfixes.keys().map(|name| Key::name(name)));
        for (key, alert) in &self.alerts {
            let group = alert.said.value().and_then(|said| said.group.as_deref());
            keys.insert(Key::group(key, group));
            keys.insert(Key::name(&key.alert));
        }
        keys
    }

    /// When it went on.
    pub fn span(&self) -> Span {
        let asked = self.recovery_reports().map(|report| report.started).min();
        let from = earliest(earliest(self.began(), asked), self.latest);
        let to = match self.state() {
            State::Open | State::Acknowledged | State::Recovering => None,
            State::Quiet | State::Closed => self.latest.max(self.quiet_since()),
        };
        Span {
            from: from.unwrap_or(Timestamp::MAX),
            to: to.unwrap_or(Timestamp::MAX),
        }
    }

    fn tells_of(&self, event: &Event) -> bool {
        match &event.fact {
            Fact::Alert(report) => {
                let alert = self.alerts.get(&alert_key(event, report));
                alert.is_some_and(|alert| alert.episodes.contains_key(&report.started))
            }
            Fact::Recovery(report) => self.recoveries.contains_key(&report.recovery),
            Fact::Hotfix(report) => self.hotfixes.contains_key(&report.hotfix),
            _ => false,
        }
    }
}

/// Says where an event belongs. `known` are the incidents that share a key with it, or more.
pub fn belongs(event: &Event, known: &[Incident]) -> Belongs {
    if belongs_to_production(event) {
        return Belongs::ToProduction;
    }
    let found =
        |is: &dyn Fn(&&Incident) -> bool| known.iter().filter(|one| is(one)).collect::<Vec<_>>();
    for name in names_in(event) {
        let named = found(&|incident| incident.keys().contains(&name));
        if !named.is_empty() {
            return to(named);
        }
    }
    let mut fitting = found(&|incident| incident.tells_of(event));
    let opens = matches!(
        event.fact,
        Fact::Opened { .. } | Fact::Alert(_) | Fact::Recovery(_) | Fact::Hotfix(_)
    );
    if let Some(place) = place_of(event).filter(|_| opens) {
        let span = span_of(event);
        fitting.extend(found(&|incident| {
            incident.span().touches(span) && incident.keys().contains(&place)
        }));
    }
    match (&event.incident, opens) {
        _ if !fitting.is_empty() => to(fitting),
        (Some(id), false) => Belongs::Unknown(id.clone()),
        (_, true) => Belongs::ToNew,
        (None, false) => Belongs::ToProduction,
    }
}

/// The oldest of several stays, whatever the order in which they are found.
fn to(mut incidents: Vec<&Incident>) -> Belongs {
    incidents.sort_by_key(|incident| (incident.span().from, incident.id.clone()));
    incidents.dedup_by_key(|incident| &incident.id);
    let mut ids = incidents.into_iter().map(|incident| incident.id.clone());
    match ids.next() {
        Some(incident) => Belongs::To {
            incident,
            same: ids.collect(),
        },
        None => Belongs::ToNew,
    }
}
