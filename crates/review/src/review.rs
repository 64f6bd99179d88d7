//! The whole review, as data.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use ripcord_domain::incident::deploy::Deployed;
use ripcord_domain::incident::event::{Concern, Event, IncidentId};
use ripcord_domain::incident::{Incident, State};

use crate::activity::{self, Activity};
use crate::figure::{self, Figure, Reached};
use crate::knowledge::Knowledge;
use crate::question::{self, Charged, Questions};
use crate::timeline::{self, Entry};

/// The version of the review's form. A field that is taken away or means another thing raises it.
pub const SCHEMA: u32 = 1;

/// The review of an incident, as far as it can be computed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Review {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The incident.
    pub id: IncidentId,
    /// What else it is called.
    pub names: BTreeSet<String>,
    /// In a line, what was wrong.
    pub title: String,
    /// How bad, in the words of whoever said so.
    pub severity: Option<String>,
    /// How it stands.
    pub state: State,
    /// What it is about.
    pub concerns: BTreeSet<Concern>,
    /// What counts as the cause.
    pub cause: Cause,
    /// The instants that every figure derives from, each known or not.
    pub instants: Vec<Reached>,
    /// How long each part took.
    pub figures: Vec<Figure>,
    /// What a reader of the figures must know.
    pub notes: Vec<String>,
    /// What happened, oldest first.
    pub timeline: Vec<Entry>,
    /// What went on when, for the chart.
    pub activity: Vec<Activity>,
    /// What the records say of the pipeline.
    pub pipeline: Questions,
}

/// What counts as the cause: a deploy, none, or it is not said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Cause {
    /// A deploy. Who made it is left out: a review asks what let it through.
    Deploy {
        /// Its id.
        deploy: String,
        /// What was deployed where.
        concern: Concern,
        /// The version that it brought.
        version: Option<String>,
        /// The version that ran before.
        replaced: Option<String>,
        /// The first line of its message.
        subject: Option<String>,
        /// How it is known.
        because: String,
    },
    /// No deploy explains it.
    NoDeploy {
        /// Why.
        why: String,
    },
    /// Nobody said, and nothing was undone; or what was named is not among the deploys.
    Unknown,
}

impl Review {
    /// Computes the review of an incident from its events and the deploys that they and others tell of. The events
    /// may be in any order and told twice.
    pub fn of(
        incident: &Incident,
        events: &[Event],
        deploys: &[Deployed],
        knowledge: &Knowledge,
    ) -> Self {
        let found = Charged::of(incident, deploys);
        let cause = found.deploy();
        let instants = incident.instants(cause, deploys);
        let instants: Vec<Reached> = instants.into_iter().map(Reached::from).collect();
        let case = question::Case {
            incident,
            events,
            cause: found,
            instants: &instants,
            knowledge,
        };
        Self {
            schema: SCHEMA,
            id: incident.id.clone(),
            names: incident.names.clone(),
            title: incident.title().to_owned(),
            severity: incident.severity().map(str::to_owned),
            state: incident.state(),
            concerns: incident.concerns.clone(),
            cause: describe(incident, found),
            figures: figure::figures(&instants),
            notes: notes(incident),
            timeline: timeline::entries(events),
            activity: activity::activities(incident, deploys),
            pipeline: question::answer(&case),
            instants,
        }
    }

    /// The entries that are not noise.
    pub(crate) fn shown(&self) -> impl Iterator<Item = &Entry> {
        self.timeline.iter().filter(|entry| entry.hidden.is_none())
    }
}

fn describe(incident: &Incident, found: Charged<'_>) -> Cause {
    let charge = incident.charged.value();
    match found {
        Charged::Unknown => Cause::Unknown,
        Charged::NoDeploy => Cause::NoDeploy {
            why: charge.map_or_else(String::new, |charge| charge.why.clone()),
        },
        Charged::Deploy(deploy) => Cause::Deploy {
            deploy: deploy.id.clone(),
            concern: deploy.concern.clone(),
            version: deploy.version.clone(),
            replaced: deploy.replaced.clone(),
            subject: deploy.subject.clone(),
            because: charge.map_or_else(
                || "a recovery undid it".to_owned(),
                |charge| charge.why.clone(),
            ),
        },
    }
}

fn notes(incident: &Incident) -> Vec<String> {
    let mut notes = Vec::new();
    if incident.state() != State::Closed {
        notes.push(format!(
            "The incident is {}: what has not happened yet is unknown here.",
            incident.state().word()
        ));
    }
    if incident.recoveries.len() > 1 {
        notes.push(format!(
            "There were {} recoveries: each instant of the way back is the first that any of them reached.",
            incident.recoveries.len()
        ));
    }
    if incident.alerts.len() > 1 {
        notes.push(format!(
            "There were {} alerts: “alert fired” is the first, “service restored” the end of the last.",
            incident.alerts.len()
        ));
    }
    notes
}
