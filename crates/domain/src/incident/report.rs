//! What sources say of alerts, deploys, canaries, recoveries and hotfixes, in one form for all of them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::recovery::{RecoveryId, Standing};

/// How an alert stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AlertState {
    /// It fires.
    Firing,
    /// Somebody took it on; it still fires.
    Acknowledged,
    /// It is over.
    Resolved,
}

/// What a monitoring or paging system says of an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AlertReport {
    /// What its source calls it: a fingerprint, an incident's id. The same alert that fires again keeps it.
    pub alert: String,
    /// How it stands.
    pub state: AlertState,
    /// When this time of firing began, by its source.
    pub started: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// When the condition became true, where the source knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Timestamp>,
    /// In a line.
    pub title: String,
    /// How bad, in its source's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    /// What its source groups it by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Its labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// How far a deploy is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum DeployStage {
    /// The commit is on the branch that is deployed.
    Committed,
    /// The rollout began.
    Started,
    /// The first pod of the new version serves, such as a canary's first step.
    Serving,
    /// What Git says is applied.
    Synced,
    /// It is everywhere, and healthy.
    Healthy,
    /// It was stopped before it was everywhere.
    Aborted,
    /// It failed.
    Failed,
    /// It is everywhere and was found unhealthy.
    Degraded,
}

/// What a deploy changes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The image or the chart's version.
    Version,
    /// Settings of the service.
    Config,
    /// What several services are made of: a base, a common chart, common values.
    SharedBase,
    /// How many run, or how much they may use.
    Capacity,
    /// A migration of a database.
    Migration,
    /// A definition of a resource, a role, a network rule.
    Platform,
    /// Made in the cluster by hand.
    ByHand,
}

/// What is said of a deploy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeployReport {
    /// What its source calls it; the same in each report of the same deploy.
    pub deploy: String,
    /// How far it is.
    pub stage: Option<DeployStage>,
    /// The commit of the infra repo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The version that it brings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The version that ran before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<String>,
    /// What it changes, as far as its source knows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// The files that it changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// The first line of its message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Who made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Whether it goes back to an earlier version.
    #[serde(default)]
    pub is_rollback: bool,
    /// The hotfix that it ships.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hotfix: Option<String>,
    /// The Application of Argo CD, as `namespace/name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// The cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Checks of the commit that had failed, or were made to pass by a second try, before it was deployed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<CheckReport>,
}

/// A check of a pipeline before a deploy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckReport {
    /// Its name.
    pub name: String,
    /// How it ended.
    pub result: CheckResult,
}

/// How a check of a pipeline ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckResult {
    /// It passed the first time.
    Passed,
    /// It failed and then passed on the same commit.
    Flaky,
    /// It failed.
    Failed,
    /// It was not run, or was passed over by somebody.
    Skipped,
}

/// What the analysis of a canary measured, copied when it came in: Argo Rollouts keeps ten points.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AnalysisReport {
    /// The run, as `namespace/name`.
    pub run: String,
    /// What it is of: the Rollout, the revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<String>,
    /// The version that was judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The phase, in the source's word: `Running`, `Successful`, `Failed`, `Error`, `Inconclusive`.
    pub phase: String,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Each metric.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<MetricReport>,
}

/// A metric of an analysis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MetricReport {
    /// Its name.
    pub name: String,
    /// The phase, in the source's word.
    pub phase: String,
    /// It was measured and could not stop anything.
    #[serde(default)]
    pub dry_run: bool,
    /// The last values, oldest first, as the source wrote them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// What was asked of the provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
}

/// How a recovery stands: what its record says, for the incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecoveryReport {
    /// Which.
    pub recovery: RecoveryId,
    /// How it stands.
    pub standing: Standing,
    /// The incident that it was begun for, as the person named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<String>,
    /// When it was asked for: the decision.
    pub started: Timestamp,
    /// The version that is left.
    pub from: String,
    /// The version that is gone to.
    pub to: String,
    /// When the commit was pushed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed: Option<Timestamp>,
    /// The commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// When only good pods were there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good: Option<Timestamp>,
    /// When Argo CD was synced to the commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synced: Option<Timestamp>,
    /// When everything agreed and was healthy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub durable: Option<Timestamp>,
    /// The deploys that it undid, by their commits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undoes: Vec<String>,
    /// What is missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

/// How a hotfix stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HotfixReport {
    /// Its name.
    pub hotfix: String,
    /// The incident that it was begun for, as the person named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<String>,
    /// When it was begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// When its commit was in the infra repo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed: Option<Timestamp>,
    /// When its pods were ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<Timestamp>,
    /// Results of its gate that were overridden.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overridden: Vec<String>,
}

/// A field that runs otherwise than Git says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DriftReport {
    /// The object, as `kind namespace/name`.
    pub object: String,
    /// The field.
    pub field: String,
    /// Who changed it, as the cluster says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What Git says, and what is there.
    pub what: String,
}
