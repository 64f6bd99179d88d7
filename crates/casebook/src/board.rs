//! What runs where, as far as the records tell: services by environments, with their health and their last deploy.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use ripcord_domain::incident::deploy::{Deployed, deploys};
use ripcord_domain::incident::event::{Concern, Event, Fact, IncidentId};
use ripcord_domain::incident::report::DeployStage;
use ripcord_domain::incident::{Alert, Incident, State};
use ripcord_domain::names::{Environment, Service};
use ripcord_store::{Records, StoreError};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{Brief, SCHEMA};

/// How far back deploys are looked for: what was not deployed for longer is not on the board unless it is in trouble.
pub const LOOKS_BACK: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How many incidents are looked through for open ones, the newest first.
const INCIDENTS: u32 = 500;

/// How a service does. Nobody is asked: it is what was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Health {
    /// An incident that is not over is about it.
    Wrong {
        /// An alert of it fires.
        firing: bool,
    },
    /// What a deploy of it came to, as it was told last.
    Told {
        /// How far the deploy was.
        stage: DeployStage,
        /// When that was so.
        at: Timestamp,
    },
    /// Nobody told.
    Unknown,
}

/// A service in an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Place {
    /// Which.
    pub concern: Concern,
    /// How it does.
    pub health: Health,
    /// What was deployed last.
    pub last_deploy: Option<Deployed>,
    /// Incidents about it that are not closed, the newest first.
    pub incidents: Vec<IncidentId>,
}

/// Services by environments, and what is wrong.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Board {
    /// The number of the JSON form.
    pub schema: u32,
    /// Incidents that are not closed, the newest first.
    pub open: Vec<Brief>,
    /// The environments: production first, then by name.
    pub environments: Vec<Environment>,
    /// The services, those in trouble first, each with its places in the order of the environments; none where
    /// nothing is known of it there.
    pub services: Vec<(Service, Vec<Option<Place>>)>,
}

/// What runs where at this time.
///
/// # Errors
/// The records cannot be read.
pub fn board(records: &mut dyn Records, now: Timestamp) -> Result<Board, StoreError> {
    let from = now.saturating_sub(LOOKS_BACK).unwrap_or(Timestamp::MIN);
    let incidents = records.incidents(INCIDENTS)?;
    let open: Vec<&Incident> = incidents
        .iter()
        .filter(|incident| incident.state() != State::Closed)
        .collect();
    let events = records.events_of_production(from, Timestamp::MAX)?;
    Ok(of(&open, &events))
}

fn of(open: &[&Incident], events: &[Event]) -> Board {
    let mut last: BTreeMap<Concern, Deployed> = BTreeMap::new();
    // Oldest first, so that the last one stays.
    for deploy in deploys(events) {
        last.insert(deploy.concern.clone(), deploy);
    }
    let concerned = open.iter().flat_map(|incident| incident.concerns.iter());
    let concerns: BTreeSet<Concern> = last.keys().chain(concerned).cloned().collect();
    let told = told(events);
    let mut environments: Vec<Environment> = concerns
        .iter()
        .map(|concern| concern.environment.clone())
        .collect();
    environments.sort_by_key(|environment| (!environment.is_production(), environment.clone()));
    environments.dedup();
    let mut services: BTreeMap<Service, Vec<Option<Place>>> = BTreeMap::new();
    for concern in concerns {
        let about: Vec<&Incident> = open
            .iter()
            .filter(|incident| incident.concerns.contains(&concern))
            .copied()
            .collect();
        let place = Place {
            health: health(&about, told.get(&concern)),
            last_deploy: last.remove(&concern),
            incidents: about.iter().map(|incident| incident.id.clone()).collect(),
            concern,
        };
        let column = environments
            .iter()
            .position(|environment| *environment == place.concern.environment);
        let row = services
            .entry(place.concern.service.clone())
            .or_insert_with(|| vec![None; environments.len()]);
        if let Some(cell) = column.and_then(|column| row.get_mut(column)) {
            *cell = Some(place);
        }
    }
    let mut services: Vec<_> = services.into_iter().collect();
    services.sort_by_key(|(_, places)| places.iter().flatten().map(trouble).min());
    Board {
        schema: SCHEMA,
        open: open.iter().map(|incident| Brief::from(*incident)).collect(),
        environments,
        services,
    }
}

/// How soon somebody should look: the lower the sooner.
fn trouble(place: &Place) -> u8 {
    match place.health {
        Health::Wrong { .. } => 0,
        Health::Told {
            stage: DeployStage::Degraded | DeployStage::Failed,
            ..
        } => 1,
        _ => 2,
    }
}

/// What was told last of how each does. A commit says nothing of that.
fn told(events: &[Event]) -> BTreeMap<&Concern, (Timestamp, DeployStage)> {
    let mut told = BTreeMap::new();
    for event in events {
        let Fact::Deploy(report) = &event.fact else {
            continue;
        };
        let stage = report
            .stage
            .filter(|stage| *stage != DeployStage::Committed);
        if let (Some(concern), Some(stage)) = (&event.concern, stage) {
            let known = told.entry(concern).or_insert((event.observed, stage));
            *known = (*known).max((event.observed, stage));
        }
    }
    told
}

fn health(about: &[&Incident], told: Option<&(Timestamp, DeployStage)>) -> Health {
    let wrong: Vec<&&Incident> = about
        .iter()
        .filter(|incident| incident.state() != State::Quiet)
        .collect();
    if !wrong.is_empty() {
        let fires = |incident: &&&Incident| incident.alerts.values().any(Alert::fires);
        return Health::Wrong {
            firing: wrong.iter().any(fires),
        };
    }
    told.map_or(Health::Unknown, |&(at, stage)| Health::Told { stage, at })
}
