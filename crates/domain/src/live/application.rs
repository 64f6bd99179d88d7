//! An Application of Argo CD as it is seen.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::live::drift::IgnoredFields;
use crate::live::workload::Author;

/// Where an object of Argo CD is.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct AppName {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl fmt::Display for AppName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// One source of an Application.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The repository.
    pub repository: String,
    /// The folder in it; none for a chart of a registry and for what only lends its files.
    pub path: Option<String>,
    /// The branch, tag or commit that is followed.
    pub target: String,
    /// The name by which other sources name this one's files: `$values`.
    pub lent_as: Option<String>,
    /// Values files, as they are written.
    pub value_files: Vec<String>,
}

/// Where an Application's objects go.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Destination {
    /// The address of the cluster.
    pub server: String,
    /// Its name in Argo CD.
    pub name: String,
    /// The namespace of objects that name none.
    pub namespace: String,
}

/// What Argo CD does by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AutoSync {
    /// It takes away what Git no longer has.
    pub prunes: bool,
    /// It undoes changes that were not made through Git.
    pub self_heals: bool,
    /// What it tries again goes to the newest commit, not to the one that it began with.
    pub refreshes_retries: bool,
}

/// An operation: a sync that was asked for, runs, or has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Operation {
    /// The recovery that asked for it, if one did.
    pub recovery: Option<String>,
    /// Argo CD began it by itself.
    pub is_automated: bool,
    /// Who began it.
    pub username: String,
    /// The commits it is about, one for each source.
    pub revisions: Vec<String>,
    /// Only some objects are synced.
    pub is_partial: bool,
    /// How many times self-heal has synced this commit.
    pub heals: u32,
}

/// How an operation stands or ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OperationState {
    /// `Running`, `Terminating`, `Succeeded`, `Failed`, `Error`.
    pub phase: String,
    /// What Argo CD says of it.
    pub message: String,
    /// What was asked for.
    pub operation: Operation,
    /// The commits that were synced; empty where there is no result.
    pub synced: Vec<String>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Objects that could not be applied, with what was said.
    pub failed: Vec<(ObjectKey, String)>,
    /// Hooks that still run.
    pub waiting_hooks: Vec<ObjectKey>,
}

/// An object of a cluster.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct ObjectKey {
    /// The group of its kind; empty for the core.
    pub group: String,
    /// The version of its kind.
    pub version: String,
    /// The kind.
    pub kind: String,
    /// The namespace; empty where the kind has none.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

/// An object of an Application.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource {
    /// Which.
    pub key: ObjectKey,
    /// It is as Git says.
    pub is_synced: bool,
    /// Git no longer has it, and nobody has taken it away.
    pub wants_pruning: bool,
    /// It is a hook: it is not part of what runs.
    pub is_hook: bool,
}

/// A sync that succeeded, as Argo CD remembers it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Synced {
    /// The commits, one for each source.
    pub revisions: Vec<String>,
    /// When it was begun, where Argo CD is new enough to remember.
    pub started: Option<Timestamp>,
    /// When it was done.
    pub at: Option<Timestamp>,
}

/// An Application.
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are facts of an object, not a state machine"
)]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Application {
    /// Which.
    pub name: AppName,
    /// Its project.
    pub project: String,
    /// Where it comes from.
    pub sources: Vec<Source>,
    /// Whether it is written with a list of sources.
    pub has_several_sources: bool,
    /// Where it goes.
    pub destination: Destination,
    /// What Argo CD does by itself; none where it waits for people.
    pub auto_sync: Option<AutoSync>,
    /// The options of its policy, as they are written.
    pub sync_options: Vec<String>,
    /// Fields that Argo CD leaves out of its comparison.
    pub ignored: Vec<IgnoredFields>,
    /// Its annotation `skip-reconcile` keeps Argo CD from looking at it.
    pub is_skipped: bool,
    /// Its sources as they are written, with everything that is set there.
    pub settings: String,
    /// The ApplicationSet that owns it.
    pub application_set: Option<String>,
    /// The paths whose changes concern it, as its annotation says; empty is all.
    pub generate_paths: Vec<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Who puts it back to what Git says, if anybody does.
    pub managed_by: Option<String>,
    /// The images whose versions Image Updater writes, as its annotation names them: `alias=image`.
    pub image_updater: Vec<String>,
    /// `Synced`, `OutOfSync`, `Unknown`.
    pub sync: String,
    /// The commits that it was compared with.
    pub revisions: Vec<String>,
    /// `Healthy`, `Progressing`, `Degraded` …
    pub health: String,
    /// What is asked for and not done yet.
    pub operation: Option<Operation>,
    /// How the last operation stands.
    pub operation_state: Option<OperationState>,
    /// What was synced, oldest first.
    pub history: Vec<Synced>,
    /// What it consists of.
    pub resources: Vec<Resource>,
    /// A comparison was asked for and has not begun.
    pub refresh_is_asked: bool,
    /// What Argo CD complains of.
    pub conditions: Vec<String>,
    /// Its settings were changed, and it was not compared since.
    pub is_outdated: bool,
    /// Who changed its settings last.
    pub changed_by: Option<Author>,
    /// It is being deleted.
    pub is_going: bool,
    /// Its manifests are made from another branch.
    pub is_hydrated: bool,
}

impl Application {
    /// Whether its policy or an option makes the API server own the fields that it applies.
    pub fn applies_server_side(&self) -> bool {
        self.sync_options
            .iter()
            .any(|option| option == "ServerSideApply=true")
    }

    /// The commits by which an operation goes to `revision` in every source of the repository that
    /// `is_ours` knows, and leaves the others where they are, or where new settings want them.
    pub fn revisions_at(&self, revision: &str, is_ours: impl Fn(&Source) -> bool) -> Vec<String> {
        self.sources
            .iter()
            .enumerate()
            .map(|(at, source)| {
                if is_ours(source) {
                    return revision.to_owned();
                }
                let known = self.revisions.get(at).filter(|_| !self.is_outdated);
                known.unwrap_or(&source.target).clone()
            })
            .collect()
    }

    /// Whether its state is that of [a hold](crate::live::route::Hold::State): failed, without a
    /// result.
    pub fn is_marked(&self) -> bool {
        self.operation_state
            .as_ref()
            .is_some_and(|state| state.phase == "Failed" && state.synced.is_empty())
    }
}
