//! How the bodies of a system that is not known here are read: a JSONPath (RFC 9535) for each thing that is to be
//! known.

use std::collections::BTreeMap;

use ripcord_domain::incident::report::{AlertState, DeployStage};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json_path::JsonPath;

/// What bodies tell of. A system that tells of both sends each to an address of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    /// Alerts.
    Alert(Box<AlertFields>),
    /// Deploys.
    Deploy(Box<DeployFields>),
}

/// Where a body tells what of an alert. `started` or `at` is needed: without an instant an alert that fires again
/// could not be told from one that is told again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlertFields {
    /// The alerts of a body that tells of several: a list, or each of them. All other paths begin at one of them.
    /// Default: the body is one, or a list of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each: Option<Path>,
    /// What the alert is called, the same each time that it fires.
    pub id: Field,
    /// How it stands.
    pub state: Field,
    /// What its states mean: `firing`, `acknowledged`, `resolved`, or `null` for what says nothing. Capital and small
    /// letters are the same; the three words themselves are known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub words: BTreeMap<String, Option<AlertState>>,
    /// When it began to fire. Where only the end of an alert comes without it, the alert is over all the same, and
    /// how long it was is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Field>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Field>,
    /// When it was as the body tells; stands for `started` and `ended` where they say nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Field>,
    /// In a line, what is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Field>,
    /// How bad.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Field>,
    /// The service; else a label says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Field>,
    /// The environment; else a label says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Field>,
    /// Labels: an object, or a list of texts such as `name:value`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Path>,
    /// What its source groups it by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Field>,
    /// Where a person reads more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Field>,
    /// The person who did what the body tells, such as to acknowledge it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<Field>,
}

/// Where a body tells what of a deploy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeployFields {
    /// The deploys of a body that tells of several: a list, or each of them. All other paths begin at one of them.
    /// Default: the body is one, or a list of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each: Option<Path>,
    /// What the deploy is called, the same at each of its stages.
    pub id: Field,
    /// How far it is.
    pub stage: Field,
    /// What its stages mean: `committed`, `started`, `serving`, `synced`, `healthy`, `aborted`, `failed`, `degraded`,
    /// or `null` for what says nothing. Capital and small letters are the same; these words themselves are known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub words: BTreeMap<String, Option<DeployStage>>,
    /// When the stage was reached.
    pub at: Field,
    /// The service; else a label says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Field>,
    /// The environment; else a label says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Field>,
    /// Labels: an object, or a list of texts such as `name:value`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Path>,
    /// The version that it brings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Field>,
    /// The version that ran before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<Field>,
    /// The commit of the infra repo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<Field>,
    /// The first line of its message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Field>,
    /// Who made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Field>,
    /// Whether it goes back to an earlier version: `true` or `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<Field>,
    /// The cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<Field>,
    /// Where a person reads more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Field>,
}

/// A way to a place in a body, as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Path {
    text: String,
    parsed: JsonPath,
}

impl Path {
    /// All that it leads to.
    pub(crate) fn all<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        self.parsed.query(value).all()
    }

    /// Whether it chooses, and so may well choose nothing: `$.alerts[*]`, `$..[?@.on]`.
    pub(crate) fn chooses(&self) -> bool {
        self.text.contains(['*', '?', ':']) || self.text.contains("..")
    }
}

impl TryFrom<String> for Path {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match JsonPath::parse(&text) {
            Ok(parsed) => Ok(Self { text, parsed }),
            Err(error) => Err(format!(
                "`{text}` is no JSONPath: {error}; a path begins with `$`, and `{{always: TEXT}}` is the same for all"
            )),
        }
    }
}

impl From<Path> for String {
    fn from(path: Path) -> Self {
        path.text
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.text)
    }
}

/// Where one thing is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Written", into = "Written")]
#[schemars(with = "Written")]
pub enum Field {
    /// By the first of these paths that leads to something.
    Paths(Vec<Path>),
    /// Nowhere: it is always this.
    Always(String),
}

/// A field as it is written.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Written {
    /// A path.
    Path(String),
    /// Several paths: the first that leads to something counts.
    Paths(Vec<String>),
    /// What it always is.
    Always {
        /// The text.
        always: String,
    },
}

impl TryFrom<Written> for Field {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let paths = match written {
            Written::Path(path) => vec![path],
            Written::Paths(paths) => paths,
            Written::Always { always } => return Ok(Self::Always(always)),
        };
        let paths: Vec<Path> = (paths.into_iter().map(Path::try_from)).collect::<Result<_, _>>()?;
        if paths.is_empty() {
            return Err("a list of paths is empty".to_owned());
        }
        Ok(Self::Paths(paths))
    }
}

impl From<Field> for Written {
    fn from(field: Field) -> Self {
        match field {
            Field::Always(always) => Self::Always { always },
            Field::Paths(paths) => {
                let mut paths: Vec<String> = paths.into_iter().map(String::from).collect();
                match paths.len() {
                    1 => Self::Path(paths.remove(0)),
                    _ => Self::Paths(paths),
                }
            }
        }
    }
}

impl Body {
    /// Whether it can be used.
    ///
    /// # Errors
    /// What is missing.
    pub(crate) fn check(&self) -> Result<(), String> {
        match self {
            Self::Alert(fields) if fields.started.is_none() && fields.at.is_none() => Err(
                "the mapping of an alert needs `started` or `at`: without an instant an alert that fires again \
                 cannot be told from one that is told again"
                    .to_owned(),
            ),
            _ => Ok(()),
        }
    }
}
