//! What the rows of a figure come to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::figure::{Counts, Row};
use crate::period::Period;
use crate::statistics::{self, Interval};

const WEEK_SECONDS: f64 = 7.0 * 24.0 * 3600.0;

/// The value of a figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Value {
    /// How many.
    Count {
        /// That many.
        number: usize,
        /// That many in a week; none: the period has no length.
        per_week: Option<f64>,
    },
    /// What share.
    Share {
        /// That many of them.
        hits: usize,
        /// Of that many.
        of: usize,
        /// From 0 to 1; none: it is a share of nothing.
        share: Option<f64>,
        /// Where it lies in 95 % of the cases (Wilson).
        interval: Option<Interval>,
    },
    /// How long.
    Spans {
        /// How many are over. The other values are of these.
        n: usize,
        /// How many go on.
        going_on: usize,
        /// The middle one, or halfway between the two in the middle, in milliseconds.
        median_milliseconds: Option<i64>,
        /// The least one that nine of ten do not exceed, in milliseconds.
        p90_milliseconds: Option<i64>,
        /// Where the median lies in 95 % of the cases, in milliseconds; none: fewer than [`FEWEST`](crate::FEWEST).
        interval: Option<Interval>,
    },
}

impl Value {
    pub(crate) fn count(rows: &[Row], period: &Period) -> Self {
        let number = rows.iter().filter(|row| row.counts.is_counted()).count();
        let weeks = period.length().as_secs_f64() / WEEK_SECONDS;
        Self::Count {
            number,
            per_week: (weeks > 0.0).then(|| number as f64 / weeks),
        }
    }

    pub(crate) fn share(rows: &[Row]) -> Self {
        let of = rows.iter().filter(|row| row.counts.is_counted()).count();
        let is_hit = |row: &&Row| matches!(row.counts, Counts::Hit { .. });
        let hits = rows.iter().filter(is_hit).count();
        Self::Share {
            hits,
            of,
            share: (of > 0).then(|| hits as f64 / of as f64),
            interval: statistics::of_share(hits, of),
        }
    }

    pub(crate) fn spans(rows: &[Row]) -> Self {
        let spans = spans(rows);
        let goes_on = |row: &&Row| matches!(row.counts, Counts::GoesOn { .. });
        Self::Spans {
            n: spans.len(),
            going_on: rows.iter().filter(goes_on).count(),
            median_milliseconds: statistics::median(&spans),
            p90_milliseconds: statistics::p90(&spans),
            interval: statistics::of_median(&spans),
        }
    }
}

/// The spans that are over, in milliseconds.
pub(crate) fn spans(rows: &[Row]) -> Vec<i64> {
    let each = rows.iter().filter_map(|row| match row.counts {
        Counts::Took { milliseconds } => Some(milliseconds),
        _ => None,
    });
    each.collect()
}
