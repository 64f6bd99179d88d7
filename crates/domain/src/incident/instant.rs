//! The instants that every figure of an incident derives from.
//!
//! Each is set by rule from events and never by "now"; a later telling does not move it. What a person
//! corrects is kept beside what was recorded.

use std::collections::BTreeSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Incident;
use super::deploy::Deployed;
use super::event::EventId;
use super::register::Last;
use super::report::{DeployStage, RecoveryReport};

/// The instants, in the order in which an incident that a deploy caused passes them. The recovery has three
/// in the place of one: in Git, applied, healthy.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// The change was merged.
    Merged,
    /// The deploy's rollout began.
    DeployStarted,
    /// The first pod of the new version served.
    FirstServing,
    /// The deploy was applied.
    DeploySynced,
    /// It was everywhere, and called healthy.
    DeployHealthy,
    /// The condition of the first alert became true.
    Onset,
    /// The first alert fired.
    Fired,
    /// Somebody was told.
    Informed,
    /// It was decided to go back.
    Decided,
    /// The way back was in Git.
    BackCommitted,
    /// Argo CD had applied it.
    BackSynced,
    /// Everything ran the good version and was healthy.
    BackHealthy,
    /// The service worked again: the last alert ended.
    Restored,
    /// The full fix was deployed and healthy.
    Fixed,
}

impl Moment {
    /// Every one, in order.
    pub const ALL: [Self; 14] = [
        Self::Merged,
        Self::DeployStarted,
        Self::FirstServing,
        Self::DeploySynced,
        Self::DeployHealthy,
        Self::Onset,
        Self::Fired,
        Self::Informed,
        Self::Decided,
        Self::BackCommitted,
        Self::BackSynced,
        Self::BackHealthy,
        Self::Restored,
        Self::Fixed,
    ];

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Merged => "change merged",
            Self::DeployStarted => "deploy started",
            Self::FirstServing => "first new pod serving",
            Self::DeploySynced => "deploy synced",
            Self::DeployHealthy => "deploy healthy everywhere",
            Self::Onset => "condition true",
            Self::Fired => "alert fired",
            Self::Informed => "somebody informed",
            Self::Decided => "decided to go back",
            Self::BackCommitted => "way back in Git",
            Self::BackSynced => "way back synced",
            Self::BackHealthy => "way back healthy",
            Self::Restored => "service restored",
            Self::Fixed => "fix deployed and healthy",
        }
    }
}

/// An instant as it is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Instant {
    /// Which.
    pub moment: Moment,
    /// When; none: it is not known.
    pub at: Option<Timestamp>,
    /// It was concluded from something else, named here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inferred: Option<String>,
    /// The event that says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<EventId>,
    /// What was recorded, and who corrected it and why, where somebody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrected: Option<Correction>,
}

/// A correction of an instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Correction {
    /// What had been recorded.
    pub recorded: Option<Timestamp>,
    /// Who corrected it.
    pub by: String,
    /// Why.
    pub why: String,
}

impl Incident {
    /// The deploy that counts as the cause: what a person said, else what a recovery undid. `Some(None)`: no
    /// deploy explains it.
    pub fn cause<'a>(&self, deploys: &'a [Deployed]) -> Option<Option<&'a Deployed>> {
        if let Some(charge) = self.charged.value() {
            let Some(named) = &charge.deploy else {
                return Some(None);
            };
            return deploys.iter().find(|deploy| deploy.id == *named).map(Some);
        }
        let recoveries = self.recovery_reports();
        let undone: BTreeSet<&str> = recoveries
            .flat_map(|report| report.undoes.iter().map(String::as_str))
            .collect();
        let by_commit = |deploy: &&Deployed| {
            deploy
                .commit
                .as_deref()
                .is_some_and(|commit| undone.contains(commit))
                && self.concerns.contains(&deploy.concern)
        };
        // Of several that were undone at once the last one before the alert is taken.
        let before = |deploy: &&Deployed| {
            self.began()
                .is_none_or(|began| deploy.began().is_some_and(|at| at <= began))
        };
        deploys
            .iter()
            .filter(by_commit)
            .filter(before)
            .max_by_key(|deploy| deploy.began())
            .map(Some)
    }

    /// The instants, each where it is known. `cause` is the deploy that counts as the cause; `deploys` tell
    /// when a fix was healthy.
    pub fn instants(&self, cause: Option<&Deployed>, deploys: &[Deployed]) -> Vec<Instant> {
        Moment::ALL
            .iter()
            .map(|moment| {
                let mut instant = self.recorded(*moment, cause, deploys);
                if let Some(Last(Some(said))) = self.corrected.get(moment) {
                    instant.corrected = Some(Correction {
                        recorded: instant.at,
                        by: said.value.by.clone(),
                        why: said.value.why.clone(),
                    });
                    instant.at = said.value.at;
                    instant.inferred = None;
                    instant.event = Some(said.event.clone());
                }
                instant
            })
            .collect()
    }

    fn recorded(&self, moment: Moment, cause: Option<&Deployed>, deploys: &[Deployed]) -> Instant {
        let stage = |stage| (cause.and_then(|cause| cause.at(stage)), None);
        let recoveries = || self.recovery_reports();
        let back = |of: fn(&RecoveryReport) -> Option<Timestamp>| {
            (recoveries().filter_map(of).min(), None)
        };
        let (at, inferred) = match moment {
            Moment::Merged => stage(DeployStage::Committed),
            Moment::DeployStarted => match cause {
                Some(cause) if !cause.start_is_known() => (
                    cause.began(),
                    Some("the earliest that is known of the deploy"),
                ),
                cause => (cause.and_then(Deployed::began), None),
            },
            Moment::FirstServing => stage(DeployStage::Serving),
            Moment::DeploySynced => stage(DeployStage::Synced),
            Moment::DeployHealthy => stage(DeployStage::Healthy),
            Moment::Onset => {
                let first = self
                    .first_fired()
                    .and_then(|(_, alert)| alert.episodes.values().next());
                (first.and_then(|episode| episode.condition), None)
            }
            Moment::Fired => match (self.first_fired(), self.opened.at()) {
                (Some((at, _)), _) => (Some(at), None),
                (None, Some(at)) => (
                    Some(at),
                    Some("a person opened the incident; no alert fired"),
                ),
                (None, None) => (None, None),
            },
            Moment::Informed => {
                let arrival = self.opened.at() != self.informed();
                (
                    self.informed(),
                    arrival.then_some("when the first alert came in here"),
                )
            }
            Moment::Decided => (self.decided.at(), None),
            Moment::BackCommitted => back(|report| report.committed),
            Moment::BackSynced => back(|report| report.synced),
            Moment::BackHealthy => back(|report| report.durable),
            Moment::Restored => match self.quiet_since() {
                Some(at) if !self.alerts.is_empty() => (Some(at), None),
                _ if self.alerts.is_empty() => {
                    let good = recoveries().filter_map(|report| report.good).max();
                    (
                        good,
                        Some("only good pods ran; no alert tells when it was over"),
                    )
                }
                _ => (None, None),
            },
            Moment::Fixed => self.fixed(cause, deploys),
        };
        Instant {
            moment,
            at,
            inferred: at.and(inferred).map(str::to_owned),
            event: None,
            corrected: None,
        }
    }

    /// When the full fix was healthy: the first hotfix's pods, or the first deploy forward after the way back.
    fn fixed(
        &self,
        cause: Option<&Deployed>,
        deploys: &[Deployed],
    ) -> (Option<Timestamp>, Option<&'static str>) {
        let hotfixes = self.hotfix_reports();
        if let Some(ready) = hotfixes.filter_map(|report| report.ready).min() {
            return (Some(ready), None);
        }
        let recoveries = self.recovery_reports();
        let back = recoveries
            .filter_map(|report| report.committed.or(report.good))
            .max();
        let (Some(back), Some(cause)) = (back, cause) else {
            return (None, None);
        };
        let later = deploys.iter().filter(|deploy| {
            deploy.concern == cause.concern
                && !deploy.is_rollback
                && deploy.version != cause.version
                && deploy.began().is_some_and(|at| at > back)
        });
        let healthy = later
            .filter_map(|deploy| deploy.at(DeployStage::Healthy))
            .min();
        (healthy, Some("the first deploy forward after the way back"))
    }
}
