//! What a person asked for, as the command line hands it over.

use jiff::{SignedDuration, Timestamp};
use ripcord_domain::plan::Scope;
use serde::{Deserialize, Serialize};

/// Which services, and how far back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Selection {
    /// These services.
    Services(Vec<String>),
    /// Everything that was deployed to the environment since then.
    DeployedSince(Timestamp),
    /// The whole environment, or these services, as it was at that moment.
    AsOf(Timestamp, Vec<String>),
    /// Everything that this commit deployed.
    Commit(String),
}

/// `--to`, as typed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum To {
    /// `-N`.
    Steps(usize),
    /// A version or a commit: which of the two is found out.
    Named(String),
}

/// A request for a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Which services.
    pub selection: Selection,
    /// The environment; none is the default one.
    pub environment: Option<String>,
    /// The target; none is last good.
    pub to: Option<To>,
    /// How much is taken back; none is scope deploy with its fallback.
    pub scope: Option<Scope>,
    /// Go one further although the last deploy was a rollback already.
    pub again: bool,
    /// What is allowed that is refused otherwise.
    pub consent: Consent,
    /// What goes into the commit.
    pub words: Words,
    /// For how long the versions that are left must not be deployed again; none writes nothing down.
    #[serde(default)]
    pub quarantine: Option<SignedDuration>,
}

/// What a person allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Files shared with others may change.
    pub include_shared: bool,
    /// Irreversible things may happen.
    pub accept_risk: bool,
    /// Go on although somebody deployed the same service meanwhile.
    pub onto_latest: bool,
}

/// What a person says about a change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    /// Why.
    pub reason: Option<String>,
    /// The incident.
    pub incident: Option<String>,
    /// Who asked; none is the author.
    pub requested_by: Option<String>,
    /// The recovery that the commit is a part of.
    pub recovery: Option<String>,
}
