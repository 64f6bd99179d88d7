//! Workloads and their pods as they are seen.

use serde::{Deserialize, Serialize};

use crate::live::application::ObjectKey;

/// The kinds of workloads that a recovery knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(Default))]
pub enum Kind {
    /// `apps/v1`.
    #[cfg_attr(test, default)]
    Deployment,
    /// `apps/v1`.
    StatefulSet,
    /// `apps/v1`.
    DaemonSet,
    /// `argoproj.io/v1alpha1`.
    Rollout,
}

impl Kind {
    /// The kind of an object, if it is one of these.
    pub fn of(key: &ObjectKey) -> Option<Self> {
        match (key.group.as_str(), key.kind.as_str()) {
            ("apps", "Deployment") => Some(Self::Deployment),
            ("apps", "StatefulSet") => Some(Self::StatefulSet),
            ("apps", "DaemonSet") => Some(Self::DaemonSet),
            ("argoproj.io", "Rollout") => Some(Self::Rollout),
            _ => None,
        }
    }
}

/// How pods are replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replacement {
    /// One after the other: a broken pod is waited for, for ever.
    pub is_ordered: bool,
    /// Only what somebody deletes is replaced.
    pub is_by_hand: bool,
    /// How many are replaced at the same time; 0 is all.
    pub at_once: i64,
}

impl Replacement {
    /// In how many goes so many pods are replaced.
    pub fn goes(self, pods: i64) -> i64 {
        let pods = pods.max(1);
        if self.at_once <= 0 {
            return 1;
        }
        (pods + self.at_once - 1) / self.at_once
    }
}

/// What a Rollout says beside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RolloutState {
    /// The template that it goes to.
    pub current_hash: String,
    /// The template that serves if it is aborted.
    pub stable_hash: String,
    /// `Healthy`, `Progressing`, `Paused`, `Degraded`.
    pub phase: String,
    /// It was aborted.
    pub is_aborted: bool,
    /// A full promotion was asked for.
    pub is_promoted_fully: bool,
    /// How many earlier versions skip the steps.
    pub rollback_window: Option<i64>,
    /// Its template is another object's.
    pub borrows_template: bool,
}

impl RolloutState {
    /// Whether a version is on its way: the only time at which an abort does any good.
    pub fn is_under_way(&self) -> bool {
        !self.current_hash.is_empty()
            && !self.stable_hash.is_empty()
            && self.current_hash != self.stable_hash
    }
}

/// A Deployment, StatefulSet, DaemonSet or Rollout.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(Default))]
pub struct Workload {
    /// Which.
    pub key: ObjectKey,
    /// What it is.
    pub kind: Kind,
    /// Its identity.
    pub uid: String,
    /// Grows with each change of what is wanted.
    pub generation: i64,
    /// The generation that its controller has seen.
    pub observed: i64,
    /// Pods that are wanted.
    pub wanted: i64,
    /// Pods of any version.
    pub replicas: i64,
    /// Pods of the wanted version.
    pub updated: i64,
    /// Pods that are ready and have been for a while.
    pub available: i64,
    /// Pods that are ending; none where the API server does not say.
    pub terminating: Option<i64>,
    /// A person paused it.
    pub is_paused: bool,
    /// The images of its template.
    pub images: Vec<String>,
    /// The labels that its pods have.
    pub selector: String,
    /// The template that its pods are to have, by hash or name of the revision; none where unknown.
    pub template: Option<String>,
    /// How pods are replaced.
    pub replacement: Replacement,
    /// For a Rollout.
    pub rollout: Option<RolloutState>,
    /// Who changed what is wanted last, and when.
    pub changed_by: Option<Author>,
}

/// Who changed a field last, as the API server remembers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// The program, as it called itself.
    pub manager: String,
    /// When.
    pub at: Option<jiff::Timestamp>,
}

/// A pod.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(Default))]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// Its identity.
    pub uid: String,
    /// The images that it was made with.
    pub images: Vec<String>,
    /// Of each image that a node has pulled for it, the digest.
    pub pulled: Vec<(String, String)>,
    /// It takes requests.
    pub is_ready: bool,
    /// It is ending.
    pub is_going: bool,
    /// It has ended by itself: a finished pod of a Job, or one that was evicted.
    pub is_over: bool,
    /// The template it was made from.
    pub template: Option<String>,
    /// Why it is not ready, as the kubelet says.
    pub trouble: Option<String>,
    /// When it was made.
    pub made: Option<jiff::Timestamp>,
    /// Since when it is ready.
    pub ready_since: Option<jiff::Timestamp>,
}

/// An earlier template of a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Its number; it grows.
    pub number: i64,
    /// The object that keeps it.
    pub name: String,
    /// What its pods carry as the hash of their template.
    pub hash: String,
    /// The images of its template.
    pub images: Vec<String>,
    /// The template (of a ReplicaSet), or the patch that restores it (of a ControllerRevision).
    pub template: serde_json::Value,
}
