//! All figures of all applications, as data.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use ripcord_domain::incident::Incident;
use ripcord_domain::incident::deploy::Deployed;
use ripcord_domain::incident::event::{Concern, IncidentId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cause::Cause;
use crate::figure::{self, About, Figure};
use crate::history::History;
use crate::judge::{Judged, Outcome};
use crate::period::Period;
use crate::request::{Request, Rules};
use crate::rollout::Kind;

/// The version of the form. A field that is taken away or means another thing raises it.
pub const SCHEMA: u32 = 1;

/// The figures of each application over a period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Metrics {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Over which deployments: those that began in it.
    pub period: Period,
    /// When the incidents and deploys were read.
    pub as_of: Timestamp,
    /// What counted as what.
    pub rules: Rules,
    /// Each application by itself.
    pub applications: Vec<Application>,
}

/// A service in an environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Application {
    /// Which.
    pub concern: Concern,
    /// Its figures, in the order of [`Measure::ALL`](crate::Measure::ALL).
    pub figures: Vec<Figure>,
    /// The deployments of the period, oldest first.
    pub deployments: Vec<Deployment>,
    /// What has no instant and so is in no period.
    pub undated: Vec<About>,
}

/// A deployment and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Deployment {
    /// The id of the deploy.
    pub deploy: String,
    /// The ids of the times that its commit was synced again with nothing between.
    pub again: Vec<String>,
    /// When it began.
    pub began: Timestamp,
    /// The version that it brought.
    pub version: Option<String>,
    /// What it was for.
    pub purpose: Kind,
    /// What came of it.
    pub outcome: Outcome,
    /// The incidents that it is charged with.
    pub incidents: BTreeSet<IncidentId>,
}

impl From<&Judged<'_>> for Deployment {
    fn from(judged: &Judged<'_>) -> Self {
        let rollout = &judged.rollout;
        Self {
            deploy: judged.id().to_owned(),
            again: rollout.again.iter().map(|one| one.id.clone()).collect(),
            began: rollout.began,
            version: rollout.version().map(str::to_owned),
            purpose: judged.kind.clone(),
            outcome: judged.outcome.clone(),
            incidents: judged.incidents.iter().map(|one| one.id.clone()).collect(),
        }
    }
}

impl Metrics {
    /// Counts what is asked for. Incidents and deploys may be in any order and told twice. They must reach back two
    /// periods, for the comparison, and to whatever a rollback in the period went back from.
    pub fn of(request: &Request, incidents: &[Incident], deploys: &[Deployed]) -> Self {
        let incidents = once(incidents);
        let deploys = by_application(deploys);
        let causes: Vec<(&Incident, Cause<'_>)> = incidents
            .values()
            .map(|incident| (incident, Cause::of(incident, &deploys)))
            .collect();
        let known = || {
            let concerned = incidents.values().flat_map(|incident| &incident.concerns);
            deploys.keys().chain(concerned).cloned().collect()
        };
        let asked: BTreeSet<Concern> = if request.applications.is_empty() {
            known()
        } else {
            request.applications.clone()
        };
        let period = request.period.until(request.as_of);
        let of_application = |concern: Concern| {
            let own = deploys.get(&concern).map_or(&[][..], Vec::as_slice);
            let history = History::of(&concern, own, &causes, request);
            Application {
                figures: figure::figures(&history, period, request),
                deployments: history.in_period(period).map(Deployment::from).collect(),
                undated: history.undated(),
                concern,
            }
        };
        Self {
            schema: SCHEMA,
            period,
            as_of: request.as_of,
            rules: request.rules,
            applications: asked.into_iter().map(of_application).collect(),
        }
    }
}

/// Each incident once, with all that is known of it.
fn once(incidents: &[Incident]) -> BTreeMap<&IncidentId, Incident> {
    let mut known: BTreeMap<&IncidentId, Incident> = BTreeMap::new();
    for incident in incidents {
        let told = || Incident::new(incident.id.clone());
        known
            .entry(&incident.id)
            .or_insert_with(told)
            .merge(incident.clone());
    }
    known
}

/// Each deploy once, oldest first; of one that was put together twice, the one of which more is known.
fn by_application(deploys: &[Deployed]) -> BTreeMap<Concern, Vec<Deployed>> {
    let mut known: BTreeMap<(&Concern, &str), &Deployed> = BTreeMap::new();
    let knowledge = |deploy: &Deployed| (deploy.events.len(), deploy.stages.clone());
    for deploy in deploys {
        let one = known.entry((&deploy.concern, &deploy.id)).or_insert(deploy);
        if knowledge(one) < knowledge(deploy) {
            *one = deploy;
        }
    }
    let mut sorted: BTreeMap<Concern, Vec<Deployed>> = BTreeMap::new();
    for ((concern, _), deploy) in known {
        let own = sorted.entry(concern.clone()).or_default();
        own.push(deploy.clone());
    }
    for own in sorted.values_mut() {
        own.sort_by(|a, b| (a.began(), &a.id).cmp(&(b.began(), &b.id)));
    }
    sorted
}
