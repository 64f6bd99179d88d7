//! An incident as people read it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ripcord_domain::incident::deadline::Deadline;
use ripcord_domain::incident::deploy::{Deployed, deploys};
use ripcord_domain::incident::event::{Concern, Event, Fact, IncidentId};
use ripcord_domain::incident::instant::Instant;
use ripcord_domain::incident::{Incident, State};
use ripcord_domain::names::Service;
use ripcord_store::{Records, StoreError};
use ripcord_suspect::{Earlier, Knowledge, Onset, Verdict, WINDOW, rank};
use schemars::JsonSchema;
use serde::Serialize;

/// The number of the JSON form.
pub const SCHEMA: u32 = 1;

/// An incident in a line.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Brief {
    /// Its identity.
    pub id: IncidentId,
    /// What else it is called.
    pub names: BTreeSet<String>,
    /// In a line, what is wrong.
    pub title: String,
    /// How bad, in the words of whoever said so first.
    pub severity: Option<String>,
    /// How it stands.
    pub state: State,
    /// What it is about.
    pub concerns: BTreeSet<Concern>,
    /// When it began to be known.
    pub began: Option<Timestamp>,
    /// When the last alert ended, if none fires.
    pub quiet_since: Option<Timestamp>,
    /// How many alerts fire.
    pub firing: usize,
    /// What keeps it from being closed.
    pub missing_to_close: Vec<String>,
}

impl From<&Incident> for Brief {
    fn from(incident: &Incident) -> Self {
        let alerts = incident.alerts.values();
        Self {
            id: incident.id.clone(),
            names: incident.names.clone(),
            title: incident.title().to_owned(),
            severity: incident.severity().map(str::to_owned),
            state: incident.state(),
            concerns: incident.concerns.clone(),
            began: incident.began(),
            quiet_since: incident
                .quiet_since()
                .filter(|_| !incident.alerts.is_empty()),
            firing: alerts.filter(|alert| alert.fires()).count(),
            missing_to_close: match incident.state() {
                State::Closed => Vec::new(),
                _ => incident.missing_to_close(),
            },
        }
    }
}

/// Incidents in a line each, the newest first.
///
/// # Errors
/// They cannot be read.
pub fn briefs(records: &mut dyn Records, limit: u32) -> Result<Vec<Brief>, StoreError> {
    let incidents = records.incidents(limit)?;
    Ok(incidents.iter().map(Brief::from).collect())
}

/// An incident with all that is known around it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Case {
    /// The number of the JSON form.
    pub schema: u32,
    /// In a line.
    pub brief: Brief,
    /// The instants that every figure derives from.
    pub instants: Vec<Instant>,
    /// What is to be done by when.
    pub deadlines: Vec<Deadline>,
    /// The deploy that counts as the cause; none: not known, or `no_deploy`.
    pub cause: Option<String>,
    /// Somebody said that no deploy explains it.
    pub no_deploy: bool,
    /// Which deploys may have caused it; none where nothing tells when or where it began.
    pub suspicion: Option<Verdict>,
    /// Deploys of its time, the oldest first.
    pub deploys: Vec<Deployed>,
    /// What was said of it and of what it is about, the oldest first.
    pub events: Vec<Event>,
    /// The incident itself.
    #[serde(skip)]
    pub incident: Incident,
}

/// Puts an incident together with the deploys of its time and what is suspected of them.
///
/// # Errors
/// The records cannot be read.
pub fn case(
    records: &mut dyn Records,
    incident: Incident,
    zone: &TimeZone,
) -> Result<Case, StoreError> {
    let mut events = records.events_of(&incident.id)?;
    let began = incident.began();
    let around = match began {
        Some(began) => {
            let from = began.saturating_sub(WINDOW).unwrap_or(Timestamp::MIN);
            records.events_of_production(from, Timestamp::MAX)?
        }
        None => Vec::new(),
    };
    let mut deployed = deploys(around.iter().chain(&events));
    deployed.sort_by_key(Deployed::began);
    let others = records.known(&incident.keys())?;
    let suspicion = onset(&incident, &events, &others)
        .map(|onset| rank(&onset, &deployed, &Knowledge::default()));
    let over = incident
        .quiet_since()
        .filter(|_| incident.state() == State::Closed);
    let of_it = |event: &Event| {
        let concern = event.concern.as_ref();
        concern.is_some_and(|concern| incident.concerns.contains(concern))
            && over.is_none_or(|over| event.observed.duration_since(over) <= WINDOW)
    };
    events.extend(around.into_iter().filter(of_it));
    events.sort_by(|a, b| (a.observed, &a.id).cmp(&(b.observed, &b.id)));
    let cause = incident.cause(&deployed);
    let named = cause.flatten();
    Ok(Case {
        schema: SCHEMA,
        brief: Brief::from(&incident),
        instants: incident.instants(named, &deployed),
        deadlines: incident.deadlines(zone),
        cause: named.map(|deploy| deploy.id.clone()),
        no_deploy: cause == Some(None),
        suspicion,
        deploys: deployed,
        events,
        incident,
    })
}

/// What began, when and where: the first alert that says where, else what a person opened.
fn onset(incident: &Incident, events: &[Event], others: &[Incident]) -> Option<Onset> {
    let mut alerts: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.fact {
            Fact::Alert(report) => Some((report, event.concern.as_ref()?)),
            _ => None,
        })
        .collect();
    alerts.sort_by_key(|(report, _)| report.condition.unwrap_or(report.started));
    let (concern, began, labels) = match alerts.first() {
        Some((report, concern)) => (
            (*concern).clone(),
            report.condition.unwrap_or(report.started),
            report.labels.clone(),
        ),
        None => (
            incident.concerns.first()?.clone(),
            incident.began()?,
            std::collections::BTreeMap::new(),
        ),
    };
    let also: BTreeSet<Service> = incident
        .concerns
        .iter()
        .map(|other| other.service.clone())
        .filter(|service| *service != concern.service)
        .collect();
    let earlier = others
        .iter()
        .filter(|other| other.id != incident.id && other.concerns.contains(&concern))
        .filter_map(|other| {
            Some(Earlier {
                began: other.began().filter(|at| *at < began)?,
                ended: other.quiet_since(),
            })
        });
    let mut onset = Onset::new(concern.clone(), began);
    onset.earlier = earlier.collect();
    onset.labels = labels;
    onset.also_alerting = also;
    Some(onset)
}
