//! The settings of a server: a YAML file that holds no secret, only where each one is.

mod target;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use ripcord_domain::incident::event::SourceKind;
use ripcord_domain::{Kind, Problem};
use ripcord_intake::Mapping;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::{Role, Token};
use crate::announcer::Named;
use crate::source::{Secret, Source, Sources};

pub use target::TargetSettings;

/// The shortest token that is taken, in bytes: a shorter one can be guessed.
const SHORTEST_TOKEN: usize = 16;

/// The settings, as they are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The address to listen on. One that other machines reach belongs behind something that speaks TLS.
    #[serde(default = "here")]
    pub listen: SocketAddr,
    /// The records: the path of a file, or the `postgres://` address of a database, or where that is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<Written>,
    /// The time zone of the team, such as `Europe/Berlin`. Default: this machine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// After how many minutes in which nothing happened an incident is closed of which nothing is missing: every
    /// alert quiet, every recovery holding. 0: only people close incidents.
    #[serde(default = "an_hour")]
    pub close_after_minutes: u32,
    /// A file to which each call is added as a line of JSON. Default: standard error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<PathBuf>,
    /// The systems that are listened to. Each sends to `/intake/NAME`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sources: BTreeMap<String, SourceSettings>,
    /// Who is told of deploys, rollbacks, hotfixes and incidents. What each was told is remembered by its name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub announce: BTreeMap<String, TargetSettings>,
    /// Infra repos whose deploys are read again and again: webhooks of forges are lost at times.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub infra: Vec<InfraSettings>,
    /// Argo CDs whose syncs are read again and again, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub argocd: BTreeMap<String, ArgoCdSettings>,
    /// How often in a minute each token may call. What sources send is not counted.
    #[serde(default = "ten_a_second")]
    pub calls_per_minute: NonZeroU32,
    /// Who may call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tokens: Vec<TokenSettings>,
}

fn here() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8420))
}

fn ten_a_second() -> NonZeroU32 {
    const { NonZeroU32::new(600).unwrap() }
}

fn an_hour() -> u32 {
    60
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: here(),
            records: None,
            time_zone: None,
            close_after_minutes: an_hour(),
            audit: None,
            sources: BTreeMap::new(),
            announce: BTreeMap::new(),
            infra: Vec::new(),
            argocd: BTreeMap::new(),
            calls_per_minute: ten_a_second(),
            tokens: Vec::new(),
        }
    }
}

/// A text, or where it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Written {
    /// Somewhere else.
    Elsewhere(Place),
    /// Here.
    Here(String),
}

/// Where something is written that does not belong into the settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// In a variable of the environment.
    Env(String),
    /// In a file; a line end at its end is no part of it.
    File(PathBuf),
}

/// A system that is listened to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceSettings {
    /// What kind.
    pub kind: SourceKind,
    /// Where its secrets are: more than one while they are being changed.
    pub secrets: Vec<Place>,
    /// What its labels mean here; for the kind `generic`, how its bodies are read.
    #[serde(default)]
    pub mapping: Mapping,
}

/// An infra repo that is read again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InfraSettings {
    /// Its URL, or the path of a clone. Git's own configuration tells who asks.
    pub repo: String,
    /// The branch that is deployed. Default: the remote's default branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// How often, in seconds.
    #[serde(default = "a_minute")]
    pub every_seconds: u32,
}

/// An Argo CD that is asked again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArgoCdSettings {
    /// The context of the kubeconfig. Default: the current one, or the cluster that this runs in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// The address of its API server, where it is asked by that instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// The namespace of Argo CD. Default: `argocd`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Which services its Applications deploy.
    #[serde(default)]
    pub mapping: Mapping,
    /// How often, in seconds.
    #[serde(default = "a_minute")]
    pub every_seconds: u32,
}

fn a_minute() -> u32 {
    60
}

/// A token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenSettings {
    /// The person or program that holds it.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Where the token is.
    pub secret: Place,
}

fn bad(text: impl Into<String>) -> Problem {
    Problem::new(Kind::Usage, "bad_settings", text)
}

impl Place {
    /// Reads what is written there.
    ///
    /// # Errors
    /// Nothing is there. What is there is in no message.
    pub fn read(&self) -> Result<String, Problem> {
        let text = match self {
            Self::Env(name) => std::env::var(name)
                .map_err(|_| bad(format!("the variable `{name}` is not set, or is no text")))?,
            Self::File(path) => std::fs::read_to_string(path)
                .map_err(|error| bad(format!("cannot read {}: {error}", path.display())))?,
        };
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            return Err(bad(format!("{self} is empty")));
        }
        Ok(text.to_owned())
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Env(name) => write!(f, "the variable `{name}`"),
            Self::File(path) => write!(f, "the file {}", path.display()),
        }
    }
}

impl Settings {
    /// Understands settings.
    ///
    /// # Errors
    /// What is wrong and where.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let settings: Self =
            serde_saphyr::from_str(text).map_err(|error| bad(format!("the settings: {error}")))?;
        for name in settings.sources.keys() {
            let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            if name.is_empty() || !name.chars().all(is_plain) {
                return Err(bad(format!(
                    "the source `{name}`: its name is part of an address; use letters, digits, `-`, `_`, `.`"
                )));
            }
        }
        for (name, source) in &settings.sources {
            let fits = source.mapping.check(source.kind);
            fits.map_err(|why| bad(format!("the source `{name}`: {why}")))?;
        }
        let spans = settings.infra.iter().map(|infra| infra.every_seconds);
        let spans = spans.chain(settings.argocd.values().map(|argocd| argocd.every_seconds));
        if spans.clone().any(|seconds| seconds < 5) {
            return Err(bad(
                "`every_seconds` is less than 5: that would be an attack on the system that is asked",
            ));
        }
        let mut names = BTreeSet::new();
        for token in &settings.tokens {
            if !names.insert(token.name.as_str()) {
                return Err(bad(format!(
                    "two tokens are called `{}`; the audit could not tell them apart",
                    token.name
                )));
            }
        }
        Ok(settings)
    }

    /// The records that are named, with what is written elsewhere.
    ///
    /// # Errors
    /// Nothing is there.
    pub fn records(&self) -> Result<Option<String>, Problem> {
        match &self.records {
            None => Ok(None),
            Some(Written::Here(text)) => Ok(Some(text.clone())),
            Some(Written::Elsewhere(place)) => place.read().map(Some),
        }
    }

    /// The time zone of the team.
    ///
    /// # Errors
    /// There is no such zone.
    pub fn zone(&self) -> Result<TimeZone, Problem> {
        let Some(name) = &self.time_zone else {
            return Ok(TimeZone::system());
        };
        TimeZone::get(name).map_err(|error| {
            bad(format!("`time_zone`: {error}")).hint("use a name such as `Europe/Berlin`")
        })
    }

    /// For how long nothing may have happened before what is over is closed.
    pub fn close_after(&self) -> Option<SignedDuration> {
        let minutes = i64::from(self.close_after_minutes);
        (minutes > 0).then(|| SignedDuration::from_mins(minutes))
    }

    /// The systems that are listened to, with their secrets.
    ///
    /// # Errors
    /// A secret is not there, or a source has none.
    pub fn sources(&self) -> Result<Sources, Problem> {
        let each = self.sources.iter().map(|(name, source)| {
            if source.secrets.is_empty() {
                return Err(bad(format!(
                    "the source `{name}` has no secret: nothing that it sends could be believed"
                )));
            }
            let secrets = source.secrets.iter();
            let secrets = secrets.map(|place| place.read().map(Secret::new));
            let source = Source {
                kind: source.kind,
                mapping: source.mapping.clone(),
                secrets: secrets.collect::<Result<_, _>>()?,
            };
            Ok((name.clone(), source))
        });
        each.collect()
    }

    /// Who is told, with their secrets.
    ///
    /// # Errors
    /// A secret is not there, or what is written does not say how they are told.
    pub fn announce(&self) -> Result<Vec<Named>, Problem> {
        let each = self.announce.iter().map(|(name, target)| {
            let target = target.read(name)?;
            let name = name.clone();
            Ok(Named { name, target })
        });
        each.collect()
    }

    /// Who may call, with their tokens.
    ///
    /// # Errors
    /// A token is not there, is too short, or is another's too.
    pub fn tokens(&self) -> Result<Vec<Token>, Problem> {
        let mut known = BTreeSet::new();
        let each = self.tokens.iter().map(|token| {
            let secret = token.secret.read()?;
            if secret.len() < SHORTEST_TOKEN {
                return Err(bad(format!(
                    "the token `{}` is shorter than {SHORTEST_TOKEN} bytes: it could be guessed",
                    token.name
                ))
                .hint("`openssl rand -base64 32` makes one"));
            }
            if !known.insert(secret.clone()) {
                return Err(bad(format!(
                    "the token `{}` is another's too; nobody could tell who calls",
                    token.name
                )));
            }
            Ok(Token {
                name: token.name.clone(),
                role: token.role,
                secret: Secret::new(secret),
            })
        });
        each.collect()
    }
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
