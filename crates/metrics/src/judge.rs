//! What came of each deployment: it failed, it did not, or it cannot be said.

use std::collections::BTreeSet;

use jiff::Timestamp;
use ripcord_domain::incident::event::{Concern, IncidentId};
use ripcord_domain::incident::report::DeployStage;
use ripcord_domain::incident::{Incident, State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cause::Cause;
use crate::reason::Reason;
use crate::request::Request;
use crate::rollout::{Kind, Rollout};

/// What came of a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// It was everywhere, and for as long as it takes to count as good nothing was said against it.
    Good,
    /// Somebody had to do something about it.
    Failed {
        /// Why it counts as failed, each reason once.
        because: BTreeSet<Because>,
    },
    /// It was stopped before it was everywhere, and no incident is charged to it.
    Caught,
    /// It cannot be said, or not yet.
    Undecided {
        /// Why.
        reason: Reason,
    },
}

/// Why a deployment is counted as failed, or as rework.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Because {
    /// A person said that it caused an incident.
    Charged {
        /// Which.
        incident: IncidentId,
    },
    /// A recovery of an incident undid it.
    Undone {
        /// Which.
        incident: IncidentId,
    },
    /// A rollback outside of any incident went back from it.
    RolledBack {
        /// The deploy that went back.
        by: String,
    },
    /// It was stopped before it was everywhere, and that is to count.
    Stopped,
    /// It went back to an earlier version.
    IsRollback,
    /// It shipped a hotfix.
    IsHotfix {
        /// Its name.
        name: String,
    },
}

impl Because {
    /// In words.
    pub fn words(&self) -> String {
        match self {
            Self::Charged { incident } => format!("a person charged it with {incident}"),
            Self::Undone { incident } => format!("a recovery of {incident} undid it"),
            Self::RolledBack { by } => format!("{by} went back from it"),
            Self::Stopped => "it was stopped before it was everywhere".to_owned(),
            Self::IsRollback => "it went back to an earlier version".to_owned(),
            Self::IsHotfix { name } => format!("it shipped the hotfix {name}"),
        }
    }
}

/// Each reason, in words.
pub(crate) fn why(because: &BTreeSet<Because>) -> String {
    let each: Vec<String> = because.iter().map(Because::words).collect();
    each.join("; ")
}

/// A deployment with what came of it.
pub(crate) struct Judged<'a> {
    pub(crate) rollout: Rollout<'a>,
    pub(crate) kind: Kind,
    pub(crate) outcome: Outcome,
    /// The incidents that it is charged with.
    pub(crate) incidents: Vec<&'a Incident>,
}

impl Judged<'_> {
    /// How it is called.
    pub(crate) fn id(&self) -> &str {
        &self.rollout.first.id
    }
}

/// The deployments of one application, with all that is recorded of its incidents.
pub(crate) struct Case<'r, 'a> {
    pub(crate) concern: &'r Concern,
    pub(crate) rollouts: Vec<Rollout<'a>>,
    pub(crate) causes: &'r [(&'a Incident, Cause<'a>)],
    pub(crate) request: &'r Request,
}

/// What speaks against a deployment.
#[derive(Default)]
struct Found<'a> {
    failed: BTreeSet<Because>,
    incidents: Vec<&'a Incident>,
    in_doubt: Option<Reason>,
}

impl<'a> Case<'_, 'a> {
    /// Judges each deployment by all that is known, whenever it became so.
    pub(crate) fn judge(self) -> Vec<Judged<'a>> {
        let mut found: Vec<Found<'a>> = self.rollouts.iter().map(|one| self.charges(one)).collect();
        for (place, rollout) in self.rollouts.iter().enumerate() {
            if rollout.kind() != Kind::Rollback || self.is_explained(rollout) {
                continue;
            }
            let Some(left) = self.left_by(place) else {
                continue;
            };
            if self.rollouts[left].kind().is_rework() {
                found[left].in_doubt.get_or_insert(Reason::ReworkUndone);
            } else if !self.rollouts[left].was_stopped() {
                found[left].failed.insert(Because::RolledBack {
                    by: rollout.first.id.clone(),
                });
            }
        }
        let request = self.request;
        let judged = self.rollouts.into_iter().zip(found);
        judged
            .map(|(rollout, found)| Judged {
                kind: rollout.kind(),
                outcome: outcome(&rollout, found.failed, found.in_doubt, request),
                incidents: found.incidents,
                rollout,
            })
            .collect()
    }

    /// What incidents say of a deployment.
    fn charges(&self, rollout: &Rollout<'a>) -> Found<'a> {
        let mut found = Found::default();
        let is_named = |cause: &Cause<'a>| {
            let named = cause.named().iter();
            named
                .filter(|deploy| deploy.concern == *self.concern)
                .any(|deploy| rollout.tries().any(|one| one.id == deploy.id))
        };
        for (incident, cause) in self.causes.iter().filter(|(_, cause)| is_named(cause)) {
            let id = incident.id.clone();
            let by_person = incident.charged.value().is_some();
            match cause {
                Cause::Deploys(_) if by_person => {
                    found.failed.insert(Because::Charged { incident: id });
                    found.incidents.push(incident);
                }
                Cause::Deploys(_) if rollout.kind().is_rework() => {
                    found.in_doubt = Some(Reason::ReworkUndone);
                }
                // The gate stopped it, then Git was put back: an incident only if anything was noticed.
                Cause::Deploys(_) if rollout.was_stopped() && incident.began().is_none() => {}
                Cause::Deploys(_) => {
                    found.failed.insert(Because::Undone { incident: id });
                    found.incidents.push(incident);
                }
                _ => found.in_doubt = Some(Reason::Suspected { incident: id }),
            }
        }
        let doubts = self.request.doubts.iter();
        let mut own = doubts.filter(|doubt| {
            doubt.concern == *self.concern
                && rollout.tries().any(|one| one.id == doubt.deploy)
                && self.is_open(&doubt.incident)
        });
        if let Some(doubt) = own.next() {
            found.in_doubt.get_or_insert(Reason::Suspected {
                incident: doubt.incident.clone(),
            });
        }
        found
    }

    /// Whether nobody said yet what caused an incident.
    fn is_open(&self, incident: &IncidentId) -> bool {
        let mut known = self.causes.iter().filter(|(one, _)| one.id == *incident);
        known.all(|(_, cause)| *cause == Cause::Unknown)
    }

    /// Whether a rollback was made for an incident whose cause is known: then that tells what failed, and it may be
    /// something else than what was gone back from, or nothing.
    fn is_explained(&self, rollback: &Rollout<'_>) -> bool {
        self.causes.iter().any(|(incident, cause)| {
            let by_recovery = incident.recoveries.values().filter_map(|last| last.value());
            let made = by_recovery
                .filter_map(|report| report.commit.as_ref())
                .any(|commit| rollback.first.commit.as_ref() == Some(commit));
            *cause != Cause::Unknown
                && incident.concerns.contains(self.concern)
                && (made || went_on_at(incident, rollback.began))
        })
    }

    /// The deployment that a rollback went back from: the last one of the version that it replaced; where that version is
    /// not known, the one right before it.
    fn left_by(&self, rollback: usize) -> Option<usize> {
        let replaced = self.rollouts[rollback].replaced();
        (0..rollback).rev().find(|place| {
            replaced.is_none_or(|version| self.rollouts[*place].version() == Some(version))
        })
    }
}

fn went_on_at(incident: &Incident, at: Timestamp) -> bool {
    let quiet = incident
        .quiet_since()
        .filter(|_| !incident.alerts.is_empty());
    let closed = || {
        incident
            .closing
            .at()
            .filter(|_| incident.state() == State::Closed)
    };
    let over = quiet.or_else(closed);
    incident.began().is_some_and(|began| began <= at) && over.is_none_or(|over| at <= over)
}

fn outcome(
    rollout: &Rollout<'_>,
    because: BTreeSet<Because>,
    in_doubt: Option<Reason>,
    request: &Request,
) -> Outcome {
    let rules = request.rules;
    if !because.is_empty() {
        return Outcome::Failed { because };
    }
    if rollout.was_stopped() && rules.caught_is_failed {
        let because = BTreeSet::from([Because::Stopped]);
        return Outcome::Failed { because };
    }
    if let Some(reason) = in_doubt {
        return Outcome::Undecided { reason };
    }
    if rollout.was_stopped() {
        return Outcome::Caught;
    }
    let through = rollout.through(rules);
    let after = |stage| {
        rollout
            .at(stage)
            .is_some_and(|at| through.is_none_or(|through| at > through))
    };
    let settled =
        |through: Timestamp| request.as_of.duration_since(through) >= rules.settles_after();
    let reason = match through {
        _ if after(DeployStage::Degraded) => Reason::FoundUnhealthy,
        None if after(DeployStage::Failed) => Reason::RolloutFailed,
        None => Reason::NotEverywhere,
        Some(through) if settled(through) => return Outcome::Good,
        Some(_) => Reason::NotSettled,
    };
    Outcome::Undecided { reason }
}
