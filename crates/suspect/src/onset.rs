//! The alert that is to be explained.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use ripcord_domain::Service;
use ripcord_domain::incident::event::Concern;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An alert that fires again this soon after it was quiet never was over: it flaps.
pub const RECURS_WITHIN: SignedDuration = SignedDuration::from_hours(2);

/// How something began to be wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Onset {
    /// What is wrong where.
    pub concern: Concern,
    /// When the condition became true; where no source says that, when the alert fired.
    pub began: Timestamp,
    /// The labels of the alert.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Of each version of the service that runs, how many of its pods alert; empty where nobody counted.
    #[serde(default)]
    pub running: BTreeMap<String, Pods>,
    /// The times the same alert fired before, in any order.
    #[serde(default)]
    pub earlier: Vec<Earlier>,
    /// Other services in the same environment that began to alert at about the same time.
    #[serde(default)]
    pub also_alerting: BTreeSet<Service>,
}

/// The pods of one version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pods {
    /// Those that alert.
    pub alerting: u32,
    /// Those that do not.
    pub quiet: u32,
}

/// An earlier time that the same alert fired.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub struct Earlier {
    /// When it began.
    pub began: Timestamp,
    /// When it ended; none: nobody saw it end.
    pub ended: Option<Timestamp>,
}

impl Onset {
    /// An alert of which only its place and its beginning are known.
    pub fn new(concern: Concern, began: Timestamp) -> Self {
        Self {
            concern,
            began,
            labels: BTreeMap::new(),
            running: BTreeMap::new(),
            earlier: Vec::new(),
            also_alerting: BTreeSet::new(),
        }
    }

    /// When it was wrong first: the beginning of the flapping that this is a part of.
    pub fn first(&self) -> Timestamp {
        let mut earlier: Vec<Earlier> = self.earlier.clone();
        earlier.sort_unstable_by(|a, b| b.cmp(a));
        let mut first = self.began;
        for episode in earlier.iter().filter(|episode| episode.began < self.began) {
            // What nobody saw end is taken to last until the next.
            let quiet_since = episode.ended.unwrap_or(first);
            if first.duration_since(quiet_since) <= RECURS_WITHIN {
                first = first.min(episode.began);
            }
        }
        first
    }
}
