//! Why something is not counted.

use std::fmt;

use jiff::Timestamp;
use ripcord_domain::incident::event::{Concern, IncidentId};
use ripcord_domain::incident::instant::Moment;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a figure leaves a deployment or an incident out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reason {
    /// No source told that the commit ran.
    OnlyInGit,
    /// It was stopped before it was everywhere.
    Caught,
    /// It did not fail.
    DidNotFail,
    /// It may have caused an incident; nobody said so yet.
    Suspected {
        /// Which.
        incident: IncidentId,
    },
    /// A rollback or hotfix that was undone itself; only a person can say that it failed.
    ReworkUndone,
    /// Its rollout failed; nothing says whether anybody had to do something about it.
    RolloutFailed,
    /// It was found unhealthy after it was everywhere; nothing says what came of it.
    FoundUnhealthy,
    /// Nobody told that it was everywhere.
    NotEverywhere,
    /// It is too fresh to be called good.
    NotSettled,
    /// A rollback brings no change.
    BringsNoChange,
    /// Its commit had been deployed before.
    DeployedBefore,
    /// An end of the span is not recorded, or only concluded from something else.
    NotRecorded {
        /// Which.
        moment: Moment,
    },
    /// The end is recorded before the beginning.
    Contradictory {
        /// The beginning.
        from: Timestamp,
        /// The end.
        to: Timestamp,
    },
    /// It failed without an incident: nothing tells when it began to harm.
    NoIncident,
    /// A person said that no deploy explains the incident.
    NoDeploy,
    /// Nobody said what caused the incident, and no recovery undid a deploy.
    CauseUnknown,
    /// A person named a commit that reached several services, none of which the incident is about.
    CauseUnclear,
    /// The deploy that a person named is not among those that are known.
    CauseNotAmong {
        /// Which.
        deploy: String,
    },
    /// Another application caused the incident.
    CausedElsewhere {
        /// Which.
        concern: Concern,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Suspected { incident } => {
                write!(f, "suspected of {incident}, of which nobody said the cause")
            }
            Self::NotRecorded { moment } => write!(f, "“{}” is not recorded", moment.words()),
            Self::CauseNotAmong { deploy } => {
                write!(f, "charged to {deploy}, which is not among the deploys")
            }
            Self::CausedElsewhere { concern } => write!(f, "caused by {concern}"),
            other => f.write_str(other.group()),
        }
    }
}

impl Reason {
    /// In words, without what it is about: by this, those that are alike are counted together.
    pub fn group(&self) -> &'static str {
        match self {
            Self::OnlyInGit => "only in Git: no source told that it ran",
            Self::Caught => "stopped before it was everywhere",
            Self::DidNotFail => "did not fail",
            Self::Suspected { .. } => "suspected of an incident of which nobody said the cause",
            Self::ReworkUndone => "rework that was undone; a person has to say whether it failed",
            Self::RolloutFailed => "rollout failed; nobody said whether it did harm",
            Self::FoundUnhealthy => "found unhealthy; nobody said what came of it",
            Self::NotEverywhere => "nobody told that it was everywhere",
            Self::NotSettled => "too fresh to be called good",
            Self::BringsNoChange => "a rollback brings no change",
            Self::DeployedBefore => "its commit had been deployed before",
            Self::NotRecorded { .. } => "an end is not recorded",
            Self::Contradictory { .. } => "its end is recorded before its beginning",
            Self::NoIncident => "failed without an incident",
            Self::NoDeploy => "incident that no deploy explains",
            Self::CauseUnknown => "incident of which nobody said the cause",
            Self::CauseUnclear => "incident whose cause reached several other services",
            Self::CauseNotAmong { .. } => "incident charged to a deploy that is not known here",
            Self::CausedElsewhere { .. } => "incident that another application caused",
        }
    }
}
