//! What can go wrong between here and a cluster.

use ripcord_domain::problem::{Kind, Problem};

/// Trouble with a cluster, classed for whoever decides what to do next.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// There is no usable kubeconfig, or not the context that was named.
    #[error("the cluster's configuration cannot be used: {0}")]
    Configuration(String),
    /// It does not answer.
    #[error("{what}: the cluster does not answer: {why}")]
    Unreachable {
        /// What was asked.
        what: String,
        /// Why it failed.
        why: String,
    },
    /// It does not know who asks: a token that expired.
    #[error("{what}: the cluster does not accept these credentials")]
    Unauthorized {
        /// What was asked.
        what: String,
    },
    /// It knows who asks and does not allow it.
    #[error("{what}: {why}")]
    Forbidden {
        /// What was asked.
        what: String,
        /// Which permission is missing, as the server says.
        why: String,
    },
    /// There is no such object, or no such kind.
    #[error("{what}: there is none")]
    Missing {
        /// What was asked for.
        what: String,
    },
    /// The cluster knows no such kind: whether there is such an object is no question there.
    #[error("{what}: the cluster has no such kind")]
    UnknownKind {
        /// What was asked for.
        what: String,
    },
    /// What was read has changed meanwhile; nothing was written.
    #[error("{what}: it has changed meanwhile")]
    Conflict {
        /// What was written.
        what: String,
    },
    /// It understood and refused.
    #[error("{what}: {why}")]
    Refused {
        /// What was asked.
        what: String,
        /// In its words.
        why: String,
    },
    /// It answered something else than expected.
    #[error("{what}: the answer makes no sense: {why}")]
    Nonsense {
        /// What was asked.
        what: String,
        /// Why.
        why: String,
    },
}

impl ConnectError {
    /// What an error of the client means.
    pub(crate) fn of(what: &str, error: kube::Error) -> Self {
        let what = what.to_owned();
        match error {
            kube::Error::Api(said) => match said.code {
                401 => Self::Unauthorized { what },
                403 => Self::Forbidden {
                    what,
                    why: said.message.clone(),
                },
                404 => Self::Missing { what },
                409 => Self::Conflict { what },
                // A condition of a patch that does not hold. The server does not class it.
                422 if said.message.contains("the server rejected our request")
                    || said.message.contains("testing value")
                    || said.message.contains("test failed") =>
                {
                    Self::Conflict { what }
                }
                // Overloaded, starting, or a proxy in between: it may answer the next time.
                429 | 500..=599 => Self::Unreachable {
                    what,
                    why: said.message.clone(),
                },
                _ => Self::Refused {
                    what,
                    why: said.message.clone(),
                },
            },
            kube::Error::SerdeError(why) => Self::Nonsense {
                what,
                why: why.to_string(),
            },
            kube::Error::Auth(why) => Self::Configuration(why.to_string()),
            other => Self::Unreachable {
                what,
                why: root(&other),
            },
        }
    }

    /// Whether asking again may help.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Conflict { .. })
    }
}

/// The innermost cause: the outer ones only say that something went wrong.
pub(crate) fn root(error: &dyn std::error::Error) -> String {
    let mut inner = error;
    while let Some(next) = inner.source() {
        inner = next;
    }
    inner.to_string()
}

impl From<ConnectError> for Problem {
    fn from(error: ConnectError) -> Self {
        let text = error.to_string();
        let problem = |kind, code: &str| Self::new(kind, code, text.clone());
        match error {
            ConnectError::Configuration(_) => problem(Kind::Usage, "bad_cluster").hint(
                "`--context NAME` names a context of the kubeconfig; `kubectl config get-contexts` lists them",
            ),
            ConnectError::Unreachable { .. } => problem(Kind::Remote, "cluster_unreachable"),
            ConnectError::Unauthorized { .. } => problem(Kind::Remote, "cluster_unauthorized")
                .hint("log in again; `kubectl auth whoami` shows who the cluster takes you for"),
            ConnectError::Forbidden { .. } => problem(Kind::Rejected, "cluster_forbidden")
                .hint("`ripcord doctor` lists every permission that a recovery needs"),
            ConnectError::Missing { .. } => problem(Kind::Nothing, "not_in_cluster"),
            ConnectError::UnknownKind { .. } => problem(Kind::Nothing, "unknown_kind"),
            ConnectError::Conflict { .. } => problem(Kind::Conflict, "changed_meanwhile"),
            ConnectError::Refused { .. } => problem(Kind::Rejected, "cluster_refused"),
            ConnectError::Nonsense { .. } => problem(Kind::Remote, "cluster_nonsense"),
        }
    }
}
