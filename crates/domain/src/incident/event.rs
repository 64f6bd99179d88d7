//! What was said about production, by whom, and when: the one kind of record that incidents are made of.
//!
//! Events are only ever added. Who was wrong is corrected by another event with an author, never by a change
//! to an old one. An event that is told again has the same id and is the same event.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::instant::Moment;
use super::report::{
    AlertReport, AnalysisReport, DeployReport, DriftReport, HotfixReport, RecoveryReport,
};
use crate::names::{Environment, Service, name_from_chance};

/// The identity of an event: what its source calls it, so that a second telling is the same event.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct EventId(String);

impl EventId {
    /// The longest id, in bytes: an index of every database holds it.
    pub const MAX_BYTES: usize = 512;

    /// Takes an id as it is written.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The id as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The identity of an incident: `i-` and eight letters from chance.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct IncidentId(String);

impl IncidentId {
    /// Takes an id as it is written.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// An id from chance.
    pub fn from_chance(chance: u64) -> Self {
        Self(name_from_chance("i-", 8, chance))
    }

    /// The id as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IncidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Where an event comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// What kind of system.
    pub kind: SourceKind,
    /// Which of that kind: the name in the configuration, or the machine for what a command line wrote.
    pub name: String,
}

/// The kinds of systems that tell something.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// ripcord itself: a command or the server.
    Ripcord,
    /// PagerDuty, webhooks of version 3.
    Pagerduty,
    /// Prometheus Alertmanager.
    Alertmanager,
    /// Grafana Alerting.
    Grafana,
    /// Opsgenie and Jira Service Management.
    Opsgenie,
    /// Argo CD, by its notifications or by its Applications.
    Argocd,
    /// Argo Rollouts, by its notifications or by its objects.
    Rollouts,
    /// GitHub.
    Github,
    /// GitLab.
    Gitlab,
    /// Gitea and Forgejo.
    Gitea,
    /// CDEvents over CloudEvents.
    Cdevents,
    /// The infra repo, as it was read.
    Git,
    /// Any other, by a mapping in the configuration.
    Generic,
}

impl SourceKind {
    /// The word for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ripcord => "ripcord",
            Self::Pagerduty => "PagerDuty",
            Self::Alertmanager => "Alertmanager",
            Self::Grafana => "Grafana",
            Self::Opsgenie => "Opsgenie",
            Self::Argocd => "Argo CD",
            Self::Rollouts => "Argo Rollouts",
            Self::Github => "GitHub",
            Self::Gitlab => "GitLab",
            Self::Gitea => "Gitea",
            Self::Cdevents => "CDEvents",
            Self::Git => "Git",
            Self::Generic => "webhook",
        }
    }
}

/// How an instant is known.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// ripcord saw it itself.
    Observed,
    /// Another system or a person said so.
    Reported,
    /// It was concluded from something else, such as an arrival.
    Inferred,
}

/// What runs where: what an event is about.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct Concern {
    /// The service.
    pub service: Service,
    /// The environment.
    pub environment: Environment,
}

impl fmt::Display for Concern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.service, self.environment)
    }
}

/// Something that was said about production.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Its identity.
    pub id: EventId,
    /// When it was so, by the clock of whoever saw it.
    pub observed: Timestamp,
    /// When it came in here.
    pub received: Timestamp,
    /// Where it comes from.
    pub source: Source,
    /// How the instant is known.
    pub confidence: Confidence,
    /// The incident that its author means; none where it is to be found by what the event is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<IncidentId>,
    /// What it is about; none where the source does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concern: Option<Concern>,
    /// Where a person reads more: an address that begins with `https://` or `http://`, never another scheme.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The person who said it, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// What was said.
    pub fact: Fact,
}

/// What an event says. The set is closed: each kind has one meaning for an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fact {
    /// A person opened an incident.
    Opened {
        /// What is wrong.
        title: String,
        /// How bad, in the person's words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        severity: Option<String>,
    },
    /// The incident is also called so: `INC-7`, the number at PagerDuty.
    Named {
        /// The other name.
        name: String,
    },
    /// How an alert stands.
    Alert(AlertReport),
    /// Somebody wrote something down.
    Note {
        /// What.
        text: String,
    },
    /// How a deploy stands.
    Deploy(DeployReport),
    /// What the analysis of a canary measured.
    Analysis(AnalysisReport),
    /// How a recovery stands.
    Recovery(RecoveryReport),
    /// How a hotfix stands.
    Hotfix(HotfixReport),
    /// What runs is not what Git says.
    Drift(DriftReport),
    /// Somebody decided or approved something.
    Decision {
        /// What.
        what: String,
    },
    /// A person says what the cause was.
    Charged {
        /// The deploy; none: no deploy explains this.
        deploy: Option<String>,
        /// Why.
        why: String,
    },
    /// A person corrects an instant.
    Corrected {
        /// Which.
        moment: Moment,
        /// When it was really; none: it is not known after all.
        at: Option<Timestamp>,
        /// Why.
        why: String,
    },
    /// The incident is over.
    Closed {
        /// Why.
        why: String,
        /// What was still missing, where a person closed it all the same.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        although: Vec<String>,
    },
    /// It is not over after all.
    Reopened {
        /// Why.
        why: String,
    },
    /// The review is written: people have said what records cannot.
    Reviewed {
        /// Where it is kept.
        place: String,
    },
    /// Somebody was reminded of a deadline.
    Reminded {
        /// The deadline.
        deadline: super::deadline::Task,
    },
    /// Any other thing that a source with a mapping tells.
    Other {
        /// In a line.
        summary: String,
        /// The rest.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        details: BTreeMap<String, String>,
    },
}

impl Fact {
    /// Whether it belongs to a deploy's own story, which more than one incident may look at.
    pub fn is_of_production(&self) -> bool {
        matches!(
            self,
            Self::Deploy(_) | Self::Analysis(_) | Self::Drift(_) | Self::Other { .. }
        )
    }
}
