//! What comes out: who is suspected, who is not and why.

use std::fmt;

use ripcord_domain::incident::deploy::Deployed;
use ripcord_domain::incident::event::Concern;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// θ: a deploy is named only if it is at least this probable.
pub const NAMED_FROM: f64 = 0.7;
/// δ: and if it is this much more probable than the next one. Two that look the same are both not named.
pub const AHEAD_BY: f64 = 0.3;
/// ε: and if "no change" is at most this probable.
pub const NO_CHANGE_UP_TO: f64 = 0.25;
/// "No deploy" is said only if it is at least this probable.
pub const NO_DEPLOY_FROM: f64 = 0.7;

/// Which deploy: one commit may be deployed to several services, so the id alone is not enough.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct DeployName {
    /// The id of the deploy.
    pub id: String,
    /// What was deployed where.
    pub concern: Concern,
}

impl From<&Deployed> for DeployName {
    fn from(deploy: &Deployed) -> Self {
        Self {
            id: deploy.id.clone(),
            concern: deploy.concern.clone(),
        }
    }
}

impl fmt::Display for DeployName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.id, self.concern)
    }
}

/// A reason for or against a deploy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Factor {
    /// What it is about.
    pub about: About,
    /// What it adds to the logarithm of the odds of this deploy against "no change"; against it below zero.
    pub weight: f64,
    /// For people, such as "started 4 min before the alert".
    pub sentence: String,
}

/// What a reason is about.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// How often deploys do harm against how often the service alerts of itself.
    Usual,
    /// The time from the rollout's start.
    Time,
    /// How far the deployed service is from the one that alerts.
    Distance,
    /// Which versions the pods run that alert.
    Pods,
    /// The version that the labels of the alert name.
    Labels,
    /// Which other services alert.
    Others,
    /// What the canary and the rollout came to.
    Canary,
    /// The checks before the deploy.
    Checks,
    /// What kind of change it is.
    Kind,
    /// It goes back to an earlier version.
    Rollback,
}

/// A deploy that may be the cause.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Suspect {
    /// Which.
    pub deploy: DeployName,
    /// How probable it is that it is the cause.
    pub probability: f64,
    /// How many minutes before the alert it began.
    pub minutes_before: f64,
    /// Why, the weightiest first.
    pub factors: Vec<Factor>,
}

/// Why a deploy cannot be the cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It began after the alert.
    AfterOnset,
    /// It is in another environment.
    OtherEnvironment,
    /// It is in another cluster.
    OtherCluster,
    /// The service that alerts does not need the one that was deployed, as far as is known.
    NoPath,
    /// The alert had fired already before it began.
    AlreadyFiring,
    /// It is older than the window.
    TooOld,
    /// Nobody knows when it began.
    NoBeginning,
    /// It is the same commit as a deploy that is nearer.
    SameCommit(DeployName),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AfterOnset => f.write_str("it began after the alert"),
            Self::OtherEnvironment => f.write_str("it is in another environment"),
            Self::OtherCluster => f.write_str("it is in another cluster"),
            Self::NoPath => f.write_str("no dependency leads to it, as far as is known"),
            Self::AlreadyFiring => f.write_str("the alert had fired before it began"),
            Self::TooOld => f.write_str("it is more than 24 h older than the alert"),
            Self::NoBeginning => f.write_str("nobody knows when it began"),
            Self::SameCommit(nearer) => write!(f, "it is the same commit as {nearer}"),
        }
    }
}

/// A deploy that cannot be the cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Excluded {
    /// Which.
    pub deploy: DeployName,
    /// Why.
    pub reason: Reason,
}

/// What is said to a person who asks whether it is the deploy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It is this one.
    Deploy(DeployName),
    /// It is none.
    NoDeploy,
    /// It cannot be told.
    Unclear,
}

/// Who is suspected, who is not, and what to say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// Those that may be the cause, the most probable first.
    pub suspects: Vec<Suspect>,
    /// Those that cannot be, by name.
    pub excluded: Vec<Excluded>,
    /// How probable it is that no change is the cause. With the suspects' probabilities it sums to 1.
    pub no_change: f64,
    /// What to say.
    pub answer: Answer,
}

impl Verdict {
    /// What to say of suspects in order of their probability.
    pub(crate) fn answer(suspects: &[Suspect], no_change: f64) -> Answer {
        let first = suspects.first();
        let second = suspects.get(1).map_or(0.0, |suspect| suspect.probability);
        match first {
            Some(first)
                if first.probability >= NAMED_FROM
                    && first.probability - second >= AHEAD_BY
                    && no_change <= NO_CHANGE_UP_TO =>
            {
                Answer::Deploy(first.deploy.clone())
            }
            _ if no_change >= NO_DEPLOY_FROM => Answer::NoDeploy,
            _ => Answer::Unclear,
        }
    }
}
