//! A plan: what a rollback would do, as data. Its JSON form is a contract (`schemas/plan.json`).

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::live::image::Aim;
use crate::names::{Environment, Service};
use crate::recovery::Part;

/// The number of the JSON form; it grows when a field changes its meaning or goes away.
pub const SCHEMA: u32 = 1;

/// How much of a deploy is taken back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Only the version fields.
    Version,
    /// What the deploys since the target changed for this service here; later edits are kept.
    #[default]
    Deploy,
    /// The service's files exactly as they were at the target.
    Exact,
}

/// What a run of a planning verb came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A plan; nothing was written.
    Planned,
    /// The commit is on the branch of the remote. What clusters run is not known from here.
    Pushed,
    /// Everything asked for is so already; nothing was pushed.
    NothingToDo,
}

/// What is to be done, and after a push what was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// [`SCHEMA`].
    pub schema: u32,
    /// `rollback`, `undo` or `lift`.
    pub action: String,
    /// What it came to.
    pub outcome: Outcome,
    /// The remote, without credentials.
    pub remote: String,
    /// The branch that was planned on.
    pub branch: String,
    /// The tip that the plan was made on, in hex.
    pub base: String,
    /// One entry for each service.
    pub services: Vec<ServicePlan>,
    /// Every file that changes.
    pub changes: Vec<FileChange>,
    /// Everything a person should know first.
    pub warnings: Vec<Warning>,
    /// The commit to be made; none where nothing is to be done.
    pub commit: Option<CommitText>,
    /// Where it went, after a push.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pushed: Option<Pushed>,
    /// Image policies of Flux that set a version in the files of the change, as `namespace:name`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub image_policies: Vec<String>,
    /// The Applications that are put back in the cluster, and the way of each, where one was looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cluster: Vec<Part>,
}

impl Plan {
    /// The images that tell the versions of all its services apart.
    pub fn aim(&self) -> Aim {
        Aim::of_services(&self.services)
    }
}

/// One service's part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServicePlan {
    /// The service.
    pub service: Service,
    /// The environment.
    pub environment: Environment,
    /// What it runs.
    pub current: Current,
    /// Where it goes; none where it is there already.
    pub target: Option<Target>,
    /// The versions it could go to, best first; what was rolled back from comes last.
    pub candidates: Vec<Candidate>,
    /// How the change was made in the end: `deploy` falls back to `version` on a conflict.
    pub scope: Scope,
    /// Why nothing is to be done, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nothing_to_do: Option<String>,
    /// Whether all history of the service was read; if not, an old repeat of a version may be
    /// unknown.
    pub history_complete: bool,
    /// Its files among [`Plan::changes`].
    pub changes: Vec<FileChange>,
    /// The files that declare what it runs.
    #[serde(default)]
    pub files: Vec<String>,
    /// The images by which its versions are told apart where it runs.
    #[serde(default)]
    pub images: Aim,
}

/// What runs now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Current {
    /// The version.
    pub version: String,
    /// The deploy that brought it, in hex; none where the history that was read does not tell.
    pub commit: Option<String>,
    /// When it was deployed.
    pub since: Option<Timestamp>,
    /// By whom.
    pub author: Option<String>,
}

/// Where to go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Target {
    /// The version.
    pub version: String,
    /// The commit that brought it, in hex.
    pub commit: String,
    /// The commit right before the first deploy that is taken back, in hex: there everything beside the
    /// service was newest while it still ran the version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
}

/// A version that could be the target, with the evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Candidate {
    /// The version.
    pub version: String,
    /// The deploy that brought it, in hex.
    pub commit: String,
    /// When; none where it lies before the history that was read.
    pub deployed_at: Option<Timestamp>,
    /// For how long it served; none where that is not known.
    pub served_seconds: Option<i64>,
    /// Whether it was itself rolled back from.
    pub rolled_back: bool,
}

/// A changed file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct FileChange {
    /// From the root of the repository; bytes that are not UTF-8 are escaped as in `git`'s output.
    pub path: String,
    /// The unified diff; empty for what is not text.
    #[serde(default)]
    pub diff: String,
}

/// How bad a warning is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Look before you go on.
    Warning,
    /// Cannot be taken back: needs `--accept-risk`.
    Irreversible,
}

/// Something that a person should know before going on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Warning {
    /// A stable word for programs, such as `database_migration`.
    pub code: String,
    /// How bad it is.
    pub severity: Severity,
    /// A sentence.
    pub message: String,
}

/// The commit's text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommitText {
    /// The first line.
    pub subject: String,
    /// All of it, with the subject and the trailers.
    pub message: String,
}

/// Where the commit went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pushed {
    /// The commit, in hex.
    pub commit: String,
    /// The branch that has it.
    pub branch: String,
    /// How many pushes it took; more than one after lost races.
    pub attempts: u32,
}
