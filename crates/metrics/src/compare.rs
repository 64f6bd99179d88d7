//! Whether a figure is another one than in the period before.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::figure::{Measure, Row};
use crate::period::Period;
use crate::statistics::{self, Interval};
use crate::value::{Value, spans};

/// A figure of the period before, and what may be said of the difference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Before {
    /// The period of the same length right before.
    pub period: Period,
    /// The figure then.
    pub value: Value,
    /// How much more it is now, where it lies in 95 % of the cases: deployments, shares from -1 to 1, or milliseconds of the
    /// median. None: it cannot be said.
    pub difference: Option<Interval>,
    /// What may be said.
    pub verdict: Verdict,
}

/// What may be said of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is better now.
    Better,
    /// It is worse now.
    Worse,
    /// What was counted is also what chance would do: the interval of the difference spans zero.
    NoDifferenceShown,
    /// There are too few in one of the periods.
    TooFew,
    /// Something goes on: what it comes to could turn the answer round.
    GoesOn,
    /// Not all of the period before is recorded.
    NotRecorded,
}

impl Verdict {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::NoDifferenceShown => "no difference shown",
            Self::TooFew => "too few to compare",
            Self::GoesOn => "not compared while something goes on",
            Self::NotRecorded => "not compared: not all of it is recorded",
        }
    }
}

/// Compares the rows of a figure with those of the period before.
pub(crate) fn compare(
    measure: Measure,
    (now, value): (&[Row], &Value),
    (then, before): (&[Row], Value),
    period: Period,
    is_recorded: bool,
) -> Before {
    let difference = match (value, &before) {
        (Value::Count { number, .. }, Value::Count { number: then, .. }) => {
            statistics::of_counts(*number, *then)
        }
        (
            Value::Share { hits, of, .. },
            Value::Share {
                hits: hits_then,
                of: of_then,
                ..
            },
        ) => statistics::of_shares((*hits, *of), (*hits_then, *of_then)),
        _ => statistics::of_medians(&spans(now), &spans(then)),
    };
    let going_on = |value: &Value| matches!(value, Value::Spans { going_on: 1.., .. });
    let verdict = match difference {
        _ if !is_recorded => Verdict::NotRecorded,
        _ if going_on(value) || going_on(&before) => Verdict::GoesOn,
        None => Verdict::TooFew,
        Some(difference) if difference.spans_zero() => Verdict::NoDifferenceShown,
        Some(difference) if (difference.low > 0.0) == measure.more_is_better() => Verdict::Better,
        Some(_) => Verdict::Worse,
    };
    Before {
        period,
        value: before,
        difference: difference.filter(|_| is_recorded),
        verdict,
    }
}
