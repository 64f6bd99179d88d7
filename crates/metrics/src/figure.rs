//! A figure: what it means, what it comes to, and each row that it counts or leaves out.

use std::collections::BTreeSet;

use jiff::Timestamp;
use ripcord_domain::incident::event::IncidentId;
use ripcord_domain::incident::instant::Moment;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::compare::{self, Before};
use crate::history::History;
use crate::judge::{Because, Judged, Outcome};
use crate::period::Period;
use crate::reason::Reason;
use crate::request::Request;
use crate::rollout::Kind;
use crate::value::Value;
use crate::{definition, span};

/// What is measured.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// How many deployments.
    DeploymentFrequency,
    /// From the commit to the new version in production.
    ChangeLeadTime,
    /// How many of the decided deployments failed.
    ChangeFailRate,
    /// How many were stopped before they were everywhere.
    CaughtByTheGate,
    /// From the first harm of a failed deployment to a service that works.
    FailedDeploymentRecoveryTime,
    /// The same from the start of the deployment.
    RecoveryTimeFromStart,
    /// How many of the deployments are rollbacks and hotfixes.
    DeploymentReworkRate,
}

impl Measure {
    /// Every one, in the order in which they are shown.
    pub const ALL: [Self; 7] = [
        Self::DeploymentFrequency,
        Self::ChangeLeadTime,
        Self::ChangeFailRate,
        Self::CaughtByTheGate,
        Self::FailedDeploymentRecoveryTime,
        Self::RecoveryTimeFromStart,
        Self::DeploymentReworkRate,
    ];

    /// The name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::DeploymentFrequency => "deployment frequency",
            Self::ChangeLeadTime => "change lead time",
            Self::ChangeFailRate => "change fail rate",
            Self::CaughtByTheGate => "caught by the gate",
            Self::FailedDeploymentRecoveryTime => "failed deployment recovery time",
            Self::RecoveryTimeFromStart => "recovery from deployment start",
            Self::DeploymentReworkRate => "deployment rework rate",
        }
    }

    pub(crate) fn more_is_better(self) -> bool {
        self == Self::DeploymentFrequency
    }

    /// More that was caught may be a better gate or worse changes.
    fn is_compared(self) -> bool {
        self != Self::CaughtByTheGate
    }
}

/// A figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Figure {
    /// What is measured.
    pub measure: Measure,
    /// What it means under the rules that were asked for, in sentences.
    pub definition: String,
    /// What the rows come to.
    pub value: Value,
    /// The same in the period before; none where more is neither better nor worse.
    pub before: Option<Before>,
    /// Each deployment of the period, then each incident that is charged to none of them.
    pub rows: Vec<Row>,
}

/// A row of a figure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// What it is about.
    pub about: About,
    /// How it is counted.
    pub counts: Counts,
}

/// What a row is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// A deploy, by its id.
    Deploy(String),
    /// An incident.
    Incident(IncidentId),
}

/// How a row is counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Counts {
    /// It is one of those of which the share is, or that are counted.
    In,
    /// And it is one that the share is about.
    Hit {
        /// Why.
        because: BTreeSet<Because>,
    },
    /// It took so long.
    Took {
        /// In milliseconds.
        milliseconds: i64,
    },
    /// It is not over, and in no median.
    GoesOn {
        /// How long so far, in milliseconds; none: its beginning is not recorded.
        milliseconds: Option<i64>,
    },
    /// It is left out.
    No {
        /// Why.
        reason: Reason,
    },
}

impl Counts {
    pub(crate) fn no(reason: Reason) -> Self {
        Self::No { reason }
    }

    fn hit(because: impl IntoIterator<Item = Because>) -> Self {
        Self::Hit {
            because: because.into_iter().collect(),
        }
    }

    /// Whether a share or a number is of it.
    pub(crate) fn is_counted(&self) -> bool {
        matches!(self, Self::In | Self::Hit { .. })
    }
}

/// Every figure of an application.
pub(crate) fn figures(history: &History<'_>, period: Period, request: &Request) -> Vec<Figure> {
    let before = period.before();
    let is_recorded = request
        .recorded_since
        .is_none_or(|since| since <= before.from);
    let each = Measure::ALL.iter().map(|measure| {
        let value = |rows: &[Row], period| match measure {
            Measure::DeploymentFrequency => Value::count(rows, period),
            Measure::ChangeFailRate | Measure::CaughtByTheGate | Measure::DeploymentReworkRate => {
                Value::share(rows)
            }
            Measure::ChangeLeadTime
            | Measure::FailedDeploymentRecoveryTime
            | Measure::RecoveryTimeFromStart => Value::spans(rows),
        };
        let now = rows(history, *measure, period, request.as_of);
        let then = rows(history, *measure, before, request.as_of);
        let (value_now, value_then) = (value(&now, &period), value(&then, &before));
        Figure {
            measure: *measure,
            definition: definition::of(*measure, request.rules),
            before: measure.is_compared().then(|| {
                let now = (now.as_slice(), &value_now);
                compare::compare(*measure, now, (&then, value_then), before, is_recorded)
            }),
            value: value_now,
            rows: now,
        }
    });
    each.collect()
}

fn rows(history: &History<'_>, measure: Measure, period: Period, as_of: Timestamp) -> Vec<Row> {
    let deployments = history.in_period(period).map(|judged| Row {
        about: About::Deploy(judged.id().to_owned()),
        counts: counts(judged, measure, as_of),
    });
    let in_git = history.only_in_git.iter();
    let in_git = in_git
        .filter(|(_, at)| period.holds(*at))
        .map(|(deploy, _)| Row {
            about: About::Deploy(deploy.id.clone()),
            counts: Counts::no(Reason::OnlyInGit),
        });
    let incidents = history.uncharged(period).map(|(incident, reason)| Row {
        about: About::Incident(incident.id.clone()),
        counts: Counts::no(reason),
    });
    let is_of_failures = matches!(
        measure,
        Measure::ChangeFailRate
            | Measure::FailedDeploymentRecoveryTime
            | Measure::RecoveryTimeFromStart
    );
    let incidents = incidents.filter(|_| is_of_failures);
    deployments.chain(in_git).chain(incidents).collect()
}

fn counts(judged: &Judged<'_>, measure: Measure, as_of: Timestamp) -> Counts {
    if measure == Measure::CaughtByTheGate {
        return match &judged.outcome {
            Outcome::Caught => Counts::hit([Because::Stopped]),
            _ => Counts::In,
        };
    }
    if judged.outcome == Outcome::Caught {
        return Counts::no(Reason::Caught);
    }
    match measure {
        Measure::DeploymentFrequency | Measure::CaughtByTheGate => Counts::In,
        Measure::ChangeLeadTime => span::lead_time(judged),
        Measure::ChangeFailRate => match &judged.outcome {
            Outcome::Good | Outcome::Caught => Counts::In,
            Outcome::Failed { because } => Counts::hit(because.iter().cloned()),
            Outcome::Undecided { reason } => Counts::no(reason.clone()),
        },
        Measure::FailedDeploymentRecoveryTime => span::recovery(judged, Moment::Fired, as_of),
        Measure::RecoveryTimeFromStart => span::recovery(judged, Moment::DeployStarted, as_of),
        Measure::DeploymentReworkRate => match &judged.kind {
            Kind::Change => Counts::In,
            Kind::Rollback => Counts::hit([Because::IsRollback]),
            Kind::Hotfix { name } => Counts::hit([Because::IsHotfix { name: name.clone() }]),
        },
    }
}
