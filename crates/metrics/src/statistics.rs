//! Middle, tail and interval of what was measured.

use fastrand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// With fewer spans no interval is given: the middle of all that could have been measured lies outside of the least and
/// the greatest of five in one case of sixteen, and so no interval can be right in 95 % of the cases.
pub const FEWEST: usize = 6;

/// How often a sample is drawn again.
const DRAWS: usize = 2000;
/// How many of the least and of the greatest are cut off: one in forty at each end leaves 95 %.
const TAIL: usize = DRAWS / 40;
/// The same rows give the same interval.
const SEED: u64 = 25;
/// How many standard deviations hold 95 %.
const Z: f64 = 1.959_964;

/// Where a value lies in 95 % of the cases, in the value's own unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    /// At least.
    pub low: f64,
    /// At most.
    pub high: f64,
}

impl Interval {
    /// Whether nothing may be concluded from a difference.
    pub(crate) fn spans_zero(self) -> bool {
        self.low <= 0.0 && 0.0 <= self.high
    }
}

/// The middle one; of an even number, what is halfway between the two in the middle.
pub(crate) fn median(values: &[i64]) -> Option<i64> {
    let mut sorted = values.to_vec();
    (!sorted.is_empty()).then(|| middle(&mut sorted))
}

fn middle(values: &mut [i64]) -> i64 {
    let half = values.len() / 2;
    let is_odd = values.len() % 2 == 1;
    let (below, upper, _) = values.select_nth_unstable(half);
    match below.iter().max() {
        Some(lower) if !is_odd => lower.midpoint(*upper),
        _ => *upper,
    }
}

/// The least one that nine of ten do not exceed (nearest rank): always one that was measured.
pub(crate) fn p90(values: &[i64]) -> Option<i64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let rank = (9 * sorted.len()).div_ceil(10);
    sorted.get(rank.checked_sub(1)?).copied()
}

/// The interval of the median, from samples drawn again (percentile bootstrap). None: too few.
pub(crate) fn of_median(values: &[i64]) -> Option<Interval> {
    drawn(&[values], |medians| medians[0])
}

/// The interval of how much greater the median of the ones is than that of the others. None: too few.
pub(crate) fn of_medians(ones: &[i64], others: &[i64]) -> Option<Interval> {
    drawn(&[ones, others], |medians| medians[0] - medians[1])
}

fn drawn(samples: &[&[i64]], of: impl Fn(&[f64]) -> f64) -> Option<Interval> {
    if samples.iter().any(|sample| sample.len() < FEWEST) {
        return None;
    }
    let mut chance = Rng::with_seed(SEED);
    // What is drawn must not depend on the order in which it was told.
    let sorted: Vec<Vec<i64>> = samples
        .iter()
        .map(|sample| {
            let mut sorted = sample.to_vec();
            sorted.sort_unstable();
            sorted
        })
        .collect();
    let mut again = Vec::new();
    let mut found: Vec<f64> = (0..DRAWS)
        .map(|_| {
            let medians: Vec<f64> = sorted
                .iter()
                .map(|sample| {
                    again.clear();
                    again.extend((0..sample.len()).map(|_| sample[chance.usize(..sample.len())]));
                    middle(&mut again) as f64
                })
                .collect();
            of(&medians)
        })
        .collect();
    found.sort_by(f64::total_cmp);
    Some(Interval {
        low: found[TAIL],
        high: found[DRAWS - 1 - TAIL],
    })
}

/// The interval of a share (Wilson). None: a share of nothing.
pub(crate) fn of_share(hits: usize, of: usize) -> Option<Interval> {
    if of == 0 {
        return None;
    }
    let n = of as f64;
    let share = hits as f64 / n;
    let square = Z * Z / n;
    let centre = (share + square / 2.0) / (1.0 + square);
    let half = Z / (1.0 + square) * (share * (1.0 - share) / n + square / (4.0 * n)).sqrt();
    Some(Interval {
        low: (centre - half).max(0.0),
        high: (centre + half).min(1.0),
    })
}

/// The interval of how much greater one share is than another (Newcombe, from two of Wilson's). None: one is of nothing.
pub(crate) fn of_shares(one: (usize, usize), other: (usize, usize)) -> Option<Interval> {
    let (a, b) = (of_share(one.0, one.1)?, of_share(other.0, other.1)?);
    let (p, q) = (one.0 as f64 / one.1 as f64, other.0 as f64 / other.1 as f64);
    Some(Interval {
        low: p - q - (p - a.low).hypot(b.high - q),
        high: p - q + (a.high - p).hypot(q - b.low),
    })
}

/// The interval of how many more there were in one of two periods of the same length: were they alike, each would fall
/// into either by even chance. None: there were none at all.
pub(crate) fn of_counts(one: usize, other: usize) -> Option<Interval> {
    let both = one + other;
    let share = of_share(one, both)?;
    let more = |share: f64| both as f64 * (2.0 * share - 1.0);
    Some(Interval {
        low: more(share.low),
        high: more(share.high),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_is_between_the_two_in_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[7]), Some(7));
        assert_eq!(median(&[40, 10, 30, 20]), Some(25));
        assert_eq!(median(&[3, 1, 2]), Some(2));
    }

    #[test]
    fn nine_of_ten_do_not_exceed_the_p90() {
        assert_eq!(p90(&[]), None);
        assert_eq!(p90(&[5]), Some(5));
        assert_eq!(p90(&(1..=10).collect::<Vec<_>>()), Some(9));
        assert_eq!(p90(&(1..=11).collect::<Vec<_>>()), Some(10));
    }

    fn close(interval: Option<Interval>, low: f64, high: f64) {
        let interval = interval.unwrap();
        assert!((interval.low - low).abs() < 5e-4, "{interval:?}");
        assert!((interval.high - high).abs() < 5e-4, "{interval:?}");
    }

    // Newcombe, Statistics in Medicine 17 (1998): table I of the single share, table II of the difference.
    #[test]
    fn the_intervals_of_shares_are_those_that_are_published() {
        close(of_share(81, 263), 0.2553, 0.3662);
        close(of_share(15, 148), 0.0624, 0.1605);
        close(of_share(0, 20), 0.0, 0.1611);
        close(of_share(1, 29), 0.0061, 0.1718);
        close(of_shares((56, 70), (48, 80)), 0.0524, 0.3339);
        close(of_shares((9, 10), (3, 10)), 0.1705, 0.8090);
        close(of_shares((0, 10), (0, 20)), -0.1611, 0.2775);
        assert_eq!(of_share(0, 0), None);
    }

    #[test]
    fn the_same_number_twice_shows_no_difference_and_ten_times_as_many_does() {
        assert!(of_counts(20, 20).unwrap().spans_zero());
        assert!(of_counts(5, 2).unwrap().spans_zero());
        assert!(of_counts(40, 4).unwrap().low > 0.0);
        assert_eq!(of_counts(0, 0), None);
    }

    /// The exact answer is known: the median is between two order statistics by the binomial distribution, for 101
    /// values in 95 % between the 41st and the 61st.
    #[test]
    fn the_interval_of_the_median_is_near_that_of_the_order_statistics() {
        let values: Vec<i64> = (1..=101).collect();
        let interval = of_median(&values).unwrap();
        assert!((interval.low - 41.0).abs() <= 2.0, "{interval:?}");
        assert!((interval.high - 61.0).abs() <= 2.0, "{interval:?}");
        let mut turned = values.clone();
        turned.reverse();
        assert_eq!(of_median(&turned), Some(interval));
    }

    #[test]
    fn too_few_have_no_interval() {
        assert_eq!(of_median(&[1, 2, 3, 4, 5]), None);
        assert!(of_median(&[1, 2, 3, 4, 5, 6]).is_some());
        assert_eq!(of_medians(&[1, 2, 3, 4, 5, 6], &[1]), None);
    }

    #[test]
    fn a_difference_is_that_of_the_ones_against_the_others() {
        let (low, high): (Vec<i64>, Vec<i64>) = ((0..20).collect(), (100..120).collect());
        assert!(of_medians(&low, &high).unwrap().high < 0.0);
        assert!(of_medians(&high, &low).unwrap().low > 0.0);
        assert!(of_medians(&low, &low).unwrap().spans_zero());
    }
}
