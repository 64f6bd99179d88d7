//! What is asked for, and what has to be known beside incidents and deploys.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use ripcord_domain::incident::event::{Concern, IncidentId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Period;

/// Which figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Of which services in which environments; empty: of each that a deploy or an incident is of.
    pub applications: BTreeSet<Concern>,
    /// Over which deployments: those that began in it. What came of them later counts, too. A period that is not over at
    /// `as_of` ends then.
    pub period: Period,
    /// When the incidents and deploys were read: how long what is not over has taken so far, and which deployments are
    /// too fresh to be called good.
    pub as_of: Timestamp,
    /// Since when deploys and incidents are recorded without a gap; none: always. A period that began before is not
    /// compared with.
    pub recorded_since: Option<Timestamp>,
    /// Deploys that may have caused an incident of which nobody said the cause.
    pub doubts: Vec<Doubt>,
    /// What counts as what.
    pub rules: Rules,
}

impl Request {
    /// Asks for every application, by the usual rules, with nothing in doubt.
    pub fn new(from: Timestamp, to: Timestamp, as_of: Timestamp) -> Self {
        Self {
            applications: BTreeSet::new(),
            period: Period { from, to },
            as_of,
            recorded_since: None,
            doubts: Vec::new(),
            rules: Rules::default(),
        }
    }
}

/// A deploy that is suspected of an incident. It holds until the incident's cause is said.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Doubt {
    /// The id of the deploy.
    pub deploy: String,
    /// What was deployed where.
    pub concern: Concern,
    /// The incident.
    pub incident: IncidentId,
}

/// What counts as what, where that may be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rules {
    /// A deployment that was stopped before it was everywhere is one that failed also where no incident is charged to it;
    /// else it is then counted apart, as caught by the gate.
    pub caught_is_failed: bool,
    /// A commit on the branch that is deployed is a deployment even where no source told that it ran. Only right where
    /// *every* such commit is among the deploys: the records of recoveries alone tell of bad ones only.
    pub commit_is_deployment: bool,
    /// For how many seconds a deployment must have gone without being charged or gone back from until it counts as good.
    pub settles_after_seconds: u32,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            caught_is_failed: false,
            commit_is_deployment: false,
            settles_after_seconds: 24 * 3600,
        }
    }
}

impl Rules {
    pub(crate) fn settles_after(self) -> SignedDuration {
        SignedDuration::from_secs(i64::from(self.settles_after_seconds))
    }
}
