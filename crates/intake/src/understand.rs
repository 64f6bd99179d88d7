//! From a body that is proven to events.

use jiff::Timestamp;
use ripcord_domain::incident::event::{Event, Source, SourceKind};
use serde_json::Value;

use crate::mapping::Mapping;
use crate::{
    alertmanager, argocd, cdevents, generic, gitea, github, gitlab, opsgenie, pagerduty, rollouts,
};

/// What a body says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Understood {
    /// Something.
    Told(Told),
    /// Nothing for an incident, and why. That is no error: senders add kinds of their own over time.
    Nothing(String),
}

impl Understood {
    /// One event, whole.
    pub(crate) fn one(event: Event) -> Self {
        Self::Told(Told {
            events: vec![event],
            ..Told::default()
        })
    }
}

/// What was told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The events, in the body's order. One that was told before has the id that it had.
    pub events: Vec<Event>,
    /// How many alerts the sender left out to keep the body short: they are to be asked for.
    pub cut_off: u64,
    /// Parts of the body that could not be read, and why. The rest counts all the same.
    pub passed_over: Vec<String>,
}

/// Why a body cannot be read. It is kept as it came, and its sender is answered that it arrived: sending it again
/// changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotUnderstood {
    /// It is not JSON.
    #[error("the body is not JSON: {0}")]
    NotJson(String),
    /// It is of another form than its source writes.
    #[error("the body is not a webhook of {}: {why}", .kind.word())]
    OtherForm {
        /// What the source is configured as.
        kind: SourceKind,
        /// What is amiss.
        why: String,
    },
    /// The mapping of its source does not fit it.
    #[error("the mapping of the source does not fit the body: {0}")]
    NotMapped(String),
    /// Sources of this kind are not read here.
    #[error("webhooks of {} are not read here", .0.word())]
    NotRead(SourceKind),
}

/// The headers of a request, as pairs of name and value.
#[derive(Clone, Copy, Debug, Default)]
pub struct Headers<'a>(pub &'a [(&'a str, &'a str)]);

impl<'a> Headers<'a> {
    /// The first of a name, in whatever letters it is written.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        let found = self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|&(_, value)| value)
    }
}

/// What is known of a body before it is read.
pub(crate) struct Arrival<'a> {
    pub(crate) kind: SourceKind,
    pub(crate) source: &'a str,
    pub(crate) mapping: &'a Mapping,
    pub(crate) received: Timestamp,
}

impl Arrival<'_> {
    pub(crate) fn source(&self, kind: SourceKind) -> Source {
        Source {
            kind,
            name: self.source.to_owned(),
        }
    }

    pub(crate) fn not_understood(&self, why: impl Into<String>) -> NotUnderstood {
        NotUnderstood::OtherForm {
            kind: self.kind,
            why: why.into(),
        }
    }
}

/// What a body says, from a source of this kind and this name in the configuration. The body must be proven by
/// [`crate::signature`] before.
///
/// # Errors
/// The body cannot be read at all.
pub fn understand(
    kind: SourceKind,
    source: &str,
    mapping: &Mapping,
    headers: Headers<'_>,
    body: &[u8],
    received: Timestamp,
) -> Result<Understood, NotUnderstood> {
    let arrival = Arrival {
        kind,
        source,
        mapping,
        received,
    };
    let json = || {
        serde_json::from_slice::<Value>(body)
            .map_err(|error| NotUnderstood::NotJson(error.to_string()))
    };
    match kind {
        SourceKind::Alertmanager | SourceKind::Grafana => alertmanager::read(&arrival, &json()?),
        SourceKind::Pagerduty => pagerduty::read(&arrival, &json()?),
        SourceKind::Opsgenie => opsgenie::read(&arrival, &json()?),
        SourceKind::Github => github::read(&arrival, headers, &json()?),
        SourceKind::Cdevents => cdevents::read(&arrival, &json()?),
        SourceKind::Argocd => argocd::read(&arrival, &json()?),
        SourceKind::Gitlab => gitlab::read(&arrival, headers, &json()?),
        SourceKind::Gitea => gitea::read(&arrival, headers, &json()?),
        SourceKind::Rollouts => rollouts::read(&arrival, &json()?),
        SourceKind::Generic => generic::read(&arrival, &json()?),
        SourceKind::Ripcord | SourceKind::Git => Err(NotUnderstood::NotRead(kind)),
    }
}

#[cfg(test)]
#[path = "understand_tests.rs"]
mod tests;
