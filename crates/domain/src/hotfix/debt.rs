//! What a hotfix owes, by when, and what follows when it is not paid.
//!
//! A hotfix went through a reduced gate. What was left out is owed: the fix in main, an image of the normal
//! pipeline that holds it in production, the branch gone, the skipped checks run. Each part is paid by
//! evidence, never by anybody saying so.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::name::HotfixName;
use crate::names::{Environment, Service};

/// How debts are dealt with, in `ripcord.yaml` of the infra repo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DebtPolicy {
    /// How long there is to pay, such as `24h`.
    pub within: String,
    /// At what percentages of that time somebody is reminded, in rising order.
    pub remind: Vec<u8>,
    /// What a debt that is overdue blocks.
    pub overdue_blocks: Blocks,
}

impl Default for DebtPolicy {
    fn default() -> Self {
        Self {
            within: "24h".into(),
            remind: vec![50, 80, 100],
            overdue_blocks: Blocks::Nothing,
        }
    }
}

/// What is refused for a service while one of its debts is overdue: by the receiver, and at the start of a hotfix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Blocks {
    /// Nothing: people are told.
    #[default]
    Nothing,
    /// The next hotfix.
    Hotfixes,
    /// The next hotfix, and normal deploys that do not pay the debt.
    Deploys,
}

/// The parts of a debt.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Owed {
    /// The fix is contained in main.
    InMain,
    /// An image that the normal pipeline built and that contains the fix serves in the environment.
    NormalImage,
    /// The branch is merged and gone.
    BranchGone,
    /// The checks that the gate left out have run on that content.
    SkippedChecks,
    /// The content was scanned again: the gate went by a database of before.
    Rescan,
}

impl Owed {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::InMain => "the fix is in main",
            Self::NormalImage => "an image of the normal pipeline with the fix serves",
            Self::BranchGone => "the branch is merged and gone",
            Self::SkippedChecks => "the skipped checks have run",
            Self::Rescan => "the content was scanned again",
        }
    }
}

/// Whether a part is paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum State {
    /// It is.
    Paid {
        /// What shows it.
        evidence: String,
    },
    /// It is not.
    Owed {
        /// What is missing.
        why: String,
    },
    /// It could not be looked at: then it is not paid.
    Unknown {
        /// Why not.
        why: String,
    },
}

/// A part with its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    /// Which one.
    pub what: Owed,
    /// Whether it is paid.
    pub state: State,
}

impl Part {
    /// Whether evidence shows that it is paid.
    pub fn is_paid(&self) -> bool {
        matches!(self.state, State::Paid { .. })
    }
}

/// Where a debt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Stage {
    /// Every part is paid.
    Paid,
    /// There is time.
    Open,
    /// So many percent of the time are over.
    Reminded {
        /// The highest percentage of the policy that was reached.
        percent: u8,
    },
    /// All of it is over.
    Overdue,
}

/// What one hotfix owes in one environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Debt {
    /// The hotfix.
    pub hotfix: HotfixName,
    /// The service.
    pub service: Service,
    /// The environment.
    pub environment: Environment,
    /// The incident.
    pub incident: Option<String>,
    /// The version that was shipped.
    pub version: String,
    /// When it was shipped first.
    pub opened: Timestamp,
    /// Until when it is to be paid.
    pub due: Timestamp,
    /// Its parts.
    pub parts: Vec<Part>,
    /// Where it stands.
    pub stage: Stage,
}

impl Debt {
    /// Whether nothing is owed any more.
    pub fn is_paid(&self) -> bool {
        self.stage == Stage::Paid
    }

    /// The parts that are not shown to be paid.
    pub fn owed(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(|part| !part.is_paid())
    }

    /// Whether a part could not be looked at.
    pub fn is_unsure(&self) -> bool {
        let mut parts = self.parts.iter();
        parts.any(|part| matches!(part.state, State::Unknown { .. }))
    }
}

/// Where a debt stands at a time. Who could not look at a part knows nothing of it: it counts as owed.
pub fn stage(
    parts: &[Part],
    opened: Timestamp,
    within: SignedDuration,
    remind: &[u8],
    now: Timestamp,
) -> Stage {
    if parts.iter().all(Part::is_paid) {
        return Stage::Paid;
    }
    // A clock that stands before the hotfix was shipped is wrong, and no reason to remind.
    let gone = now.duration_since(opened).max(SignedDuration::ZERO);
    if gone >= within {
        return Stage::Overdue;
    }
    let percent = gone.as_secs().saturating_mul(100) / within.as_secs().max(1);
    let reached = remind.iter().copied();
    let reached = reached.filter(|limit| i64::from(*limit) <= percent).max();
    reached.map_or(Stage::Open, |percent| Stage::Reminded { percent })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: SignedDuration = SignedDuration::from_hours(24);

    fn at(hours: i64) -> Timestamp {
        let start: Timestamp = "2026-11-20T17:15:00Z".parse().unwrap();
        start + SignedDuration::from_hours(hours)
    }

    fn part(state: State) -> Part {
        Part {
            what: Owed::InMain,
            state,
        }
    }

    fn owed() -> Part {
        part(State::Owed { why: "x".into() })
    }

    #[test]
    fn a_debt_reminds_at_each_limit_and_is_overdue_after_the_last() {
        let of = |hours| stage(&[owed()], at(0), DAY, &[50, 80, 100], at(hours));
        assert_eq!(of(0), Stage::Open);
        assert_eq!(of(11), Stage::Open);
        assert_eq!(of(12), Stage::Reminded { percent: 50 });
        assert_eq!(of(20), Stage::Reminded { percent: 80 });
        assert_eq!(of(24), Stage::Overdue);
        assert_eq!(of(-3), Stage::Open);
    }

    #[test]
    fn only_evidence_for_every_part_pays() {
        let paid = part(State::Paid {
            evidence: "x".into(),
        });
        let unknown = part(State::Unknown { why: "x".into() });
        let of = |parts: &[Part]| stage(parts, at(0), DAY, &[50], at(30));
        assert_eq!(of(&[paid.clone(), paid.clone()]), Stage::Paid);
        assert_eq!(of(&[paid.clone(), owed()]), Stage::Overdue);
        assert_eq!(of(&[paid, unknown]), Stage::Overdue);
    }
}
