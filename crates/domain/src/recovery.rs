//! A recovery as it is recorded: what was meant, each step, each hold, what is missing. Its JSON form is a
//! contract (`schemas/recovery.json`).

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::live::application::AppName;
use crate::live::bot::Passing;
use crate::live::image::Aim;
use crate::live::proof::Missing;
use crate::live::route::{Hold, Method, Route};
use crate::names::{Environment, Service, name_from_chance};
use crate::plan::Plan;

/// The name of a recovery: in the commit's trailers, in Argo CD's operations, in Kubernetes events.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct RecoveryId(String);

impl RecoveryId {
    /// Takes an id as it is written.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// An id from chance: eight letters after `r-`.
    pub fn from_chance(chance: u64) -> Self {
        Self(name_from_chance("r-", 8, chance))
    }

    /// The id as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RecoveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// How a recovery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is being carried out, or was interrupted.
    Running,
    /// Production runs the good version, Git says so, Argo CD agrees, and it stayed so.
    Restored,
    /// A part is done and a part is missing.
    Partial,
    /// The bad version came back while it was watched.
    Relapsed,
    /// Somebody else deployed the service meanwhile: nothing is held any more, and Git decides.
    GaveWay,
    /// Nothing was changed.
    Failed,
}

/// The closed set of steps.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// What runs is read.
    Observe,
    /// What a canary said is kept.
    Evidence,
    /// A sync that is under way is ended.
    Terminate,
    /// Argo CD is kept from putting the bad version back.
    Hold,
    /// A bot is told to pass the bad version over.
    HoldBot,
    /// A Rollout's version is stopped.
    Abort,
    /// A workload gets an earlier template.
    Undo,
    /// Argo CD syncs an earlier commit.
    SyncOld,
    /// The commit is made and pushed.
    Push,
    /// An ApplicationSet makes its Applications anew.
    Generate,
    /// Argo CD is asked to sync the commit.
    Operate,
    /// A Rollout skips its steps.
    Promote,
    /// Broken pods that nobody replaces are deleted.
    Unstick,
    /// What cannot be changed is deleted, so that a sync makes it anew.
    Replace,
    /// Everything is waited for.
    Converge,
    /// What was held is let go.
    Release,
    /// It is watched whether it stays so.
    Watch,
}

impl StepKind {
    /// The word for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Evidence => "evidence",
            Self::Terminate => "terminate",
            Self::Hold => "hold",
            Self::HoldBot => "hold bot",
            Self::Abort => "abort",
            Self::Undo => "undo",
            Self::SyncOld => "sync old",
            Self::Push => "push",
            Self::Generate => "generate",
            Self::Operate => "sync",
            Self::Promote => "promote",
            Self::Unstick => "unstick",
            Self::Replace => "replace",
            Self::Converge => "converge",
            Self::Release => "release",
            Self::Watch => "watch",
        }
    }
}

/// How a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// It was begun.
    Running,
    /// It is done, and that was seen.
    Done,
    /// There was nothing to do.
    Skipped,
    /// It could not be done.
    Failed,
}

/// A step that was begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// What kind.
    pub kind: StepKind,
    /// Of which Application; none where it is of all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application: Option<AppName>,
    /// How it stands.
    pub state: StepState,
    /// When it was begun.
    pub started: Timestamp,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// What was done, or why not.
    pub what: String,
}

/// Something that keeps Argo CD from acting, and has to be let go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HoldRecord {
    /// How.
    pub kind: Hold,
    /// What is held.
    pub application: AppName,
    /// The project whose window holds, in the namespace of Argo CD.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<AppName>,
    /// The window's schedule and its length in minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<(Timestamp, i64)>,
    /// What a mark replaced in the state of the last operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaced: Option<serde_json::Value>,
    /// Who holds.
    pub owner: String,
    /// When it was taken: recorded before.
    pub taken: Timestamp,
    /// When it ends by itself, or is to be let go.
    pub until: Timestamp,
    /// When it was let go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub released: Option<Timestamp>,
}

impl HoldRecord {
    /// That it stands, and the command that lets it go.
    pub fn let_go_by(&self, recovery: &RecoveryId) -> String {
        format!(
            "{} is held until {}; `ripcord release {recovery}` lets go",
            self.application, self.until
        )
    }
}

/// One Application of a recovery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    /// Which.
    pub application: AppName,
    /// The context of the kubeconfig where Argo CD's objects are; none is the current one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// The API server of Argo CD, where it went by that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// The namespace of Argo CD, where it is not `argocd`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub argocd_namespace: Option<String>,
    /// The way that was chosen, and why.
    pub route: Route,
    /// The commit that Argo CD was compared with at the beginning.
    pub found_at: Vec<String>,
    /// The digest of the settings that it had at the beginning, where an ApplicationSet is to give it others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found_with: Option<String>,
    /// When only good pods were there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub good: Option<Timestamp>,
    /// When Argo CD was synced to the commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub synced: Option<Timestamp>,
    /// When everything agreed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub durable: Option<Timestamp>,
}

/// A service of a recovery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Restored {
    /// The service.
    pub service: Service,
    /// The environment.
    pub environment: Environment,
    /// The version that is left.
    pub from: String,
    /// The version that is gone to.
    pub to: String,
    /// When the bad version was deployed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bad_since: Option<Timestamp>,
}

/// A recovery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Recovery {
    /// The number of the JSON form.
    pub schema: u32,
    /// Its name.
    pub id: RecoveryId,
    /// The key under which a second request is the same one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// How it stands.
    pub standing: Standing,
    /// How the service is put back.
    pub method: Method,
    /// When it was asked for.
    pub started: Timestamp,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Who asked for it.
    pub owner: String,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The incident.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incident: Option<String>,
    /// The services.
    pub services: Vec<Restored>,
    /// Which images are good and which bad.
    pub aim: Aim,
    /// What goes into Git, and where it went.
    pub plan: Plan,
    /// What was asked for, for whoever goes on with it.
    pub request: serde_json::Value,
    /// What was agreed to: from what each service goes, and to what.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub agreed: serde_json::Value,
    /// How long it is watched, in seconds.
    pub watch_seconds: u64,
    /// Hooks run.
    pub runs_hooks: bool,
    /// The good version runs the steps of its canary too.
    #[serde(default)]
    pub replays_canary: bool,
    /// Each Application.
    pub parts: Vec<Part>,
    /// Each step that was begun, in order.
    pub steps: Vec<Step>,
    /// Each hold that was taken.
    pub holds: Vec<HoldRecord>,
    /// Until when bots are to pass the bad version over; none leaves them alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bots_until: Option<Timestamp>,
    /// Each bot that was told to pass the bad version over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bots: Vec<Passing>,
    /// What is missing.
    pub missing: Vec<Missing>,
    /// Who brought the bad version back, if somebody did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relapse: Option<String>,
    /// What was kept of canaries before they were touched.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub evidence: Vec<serde_json::Value>,
}

impl Recovery {
    /// The commit that was pushed.
    pub fn commit(&self) -> Option<&str> {
        let pushed = self.plan.pushed.as_ref()?;
        // A branch for a pull request deploys nothing.
        (pushed.branch == self.plan.branch).then_some(pushed.commit.as_str())
    }

    /// Holds that were not let go.
    pub fn standing_holds(&self) -> impl Iterator<Item = &HoldRecord> {
        self.holds.iter().filter(|hold| hold.released.is_none())
    }

    /// Bots that still pass the bad version over.
    pub fn held_bots(&self) -> impl Iterator<Item = &Passing> {
        self.bots
            .iter()
            .filter(|passing| passing.released.is_none())
    }

    /// How much is left in a cluster that is to be let go some day.
    pub fn held(&self) -> usize {
        self.standing_holds().count() + self.held_bots().count()
    }

    /// When every Application had good pods only.
    pub fn good(&self) -> Option<Timestamp> {
        all(&self.parts, |part| part.good)
    }

    /// When all agreed everywhere.
    pub fn durable(&self) -> Option<Timestamp> {
        all(&self.parts, |part| part.durable)
    }
}

fn all(parts: &[Part], of: impl Fn(&Part) -> Option<Timestamp>) -> Option<Timestamp> {
    let each: Option<Vec<Timestamp>> = parts.iter().map(of).collect();
    each?.into_iter().max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_short_and_told_apart() {
        let one = RecoveryId::from_chance(1);
        assert_eq!(one.as_str().len(), 10);
        assert!(one.as_str().starts_with("r-"));
        assert_ne!(one, RecoveryId::from_chance(2));
        assert!(
            !RecoveryId::from_chance(u64::MAX)
                .as_str()
                .contains(['0', 'o', '1', 'l', 'i'])
        );
    }
}
