//! What is known beside the events: which gates there were, and which policies are to be tried.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is known of the pipeline of the deploy that counts as the cause. Each part may be unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Knowledge {
    /// Every check of the commit was read, so that what is not recorded did not fail.
    #[serde(default)]
    pub checks_read: bool,
    /// The checks that had to pass; none: it is not known.
    #[serde(default)]
    pub required_checks: Option<BTreeSet<String>>,
    /// Whether the service had a canary with an analysis.
    #[serde(default)]
    pub canary: Canary,
    /// The policy for going back by itself that was in force.
    #[serde(default)]
    pub current: CurrentPolicy,
    /// Policies to compare with. Empty: [`Policy::stricter`].
    #[serde(default)]
    pub stricter: Vec<Policy>,
}

/// Whether a canary was there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Canary {
    /// It is not known.
    #[default]
    Unknown,
    /// There was none: the deploy went everywhere at once, or nothing judged its steps.
    Absent,
    /// There was one.
    Present,
}

/// The policy that was in force.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CurrentPolicy {
    /// It is not known.
    #[default]
    Unknown,
    /// Nothing goes back by itself.
    Off,
    /// This one.
    Is(Policy),
}

/// When a service would be put back by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// What makes it act.
    pub acts_when: Trigger,
}

/// What makes a policy act. Only what can be answered from recorded instants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Trigger {
    /// An alert fires.
    AlertFires {
        /// Its title; none: any alert of the incident.
        #[serde(default)]
        alert: Option<String>,
    },
    /// The condition of an alert was true for a time.
    ConditionHolds {
        /// The alert's title; none: any alert of the incident.
        #[serde(default)]
        alert: Option<String>,
        /// For how long, in seconds.
        seconds: u32,
    },
    /// The analysis of the canary ended badly.
    AnalysisFails {
        /// The metric; none: any, or the whole run.
        #[serde(default)]
        metric: Option<String>,
        /// A result that is not clear counts, too.
        #[serde(default)]
        inconclusive: bool,
        /// Metrics that are only tried count, too.
        #[serde(default)]
        dry_run: bool,
    },
}

impl Trigger {
    pub(crate) fn held_for(&self) -> SignedDuration {
        match self {
            Self::ConditionHolds { seconds, .. } => SignedDuration::from_secs(i64::from(*seconds)),
            _ => SignedDuration::ZERO,
        }
    }
}

impl Policy {
    /// Three policies, each stricter than what most have: the first alert, its condition for a minute, any metric
    /// of the canary.
    pub fn stricter() -> Vec<Self> {
        let named = |name: &str, acts_when| Self {
            name: name.to_owned(),
            acts_when,
        };
        vec![
            named(
                "when the first alert fires",
                Trigger::AlertFires { alert: None },
            ),
            named(
                "when the condition of an alert was true for 1 min",
                Trigger::ConditionHolds {
                    alert: None,
                    seconds: 60,
                },
            ),
            named(
                "when any metric of the canary fails or is not clear, tried ones too",
                Trigger::AnalysisFails {
                    metric: None,
                    inconclusive: true,
                    dry_run: true,
                },
            ),
        ]
    }
}
