//! Stretches of time, in seconds from the start of a run.

/// From, to.
pub(crate) type Span = (f64, f64);

/// How much of the time until `end` at least one of them covers.
pub(crate) fn covered(spans: &[Span], end: f64) -> f64 {
    let mut sorted: Vec<Span> = spans
        .iter()
        .map(|(from, to)| (from.max(0.0), to.min(end)))
        .filter(|(from, to)| from < to)
        .collect();
    sorted.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (mut sum, mut until) = (0.0, 0.0_f64);
    for (from, to) in sorted {
        sum += (to - from.max(until)).max(0.0);
        until = until.max(to);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_near(one: f64, other: f64) {
        assert!((one - other).abs() < 1e-9, "{one} {other}");
    }

    #[test]
    fn what_overlaps_counts_once() {
        assert_near(covered(&[(1.0, 3.0), (2.0, 4.0), (2.5, 2.6)], 9.0), 3.0);
        assert_near(covered(&[(5.0, 6.0), (1.0, 2.0)], 9.0), 2.0);
    }

    #[test]
    fn what_comes_later_does_not_count() {
        assert_near(covered(&[(1.0, 3.0), (4.0, 5.0)], 2.0), 1.0);
        assert_near(covered(&[(-1.0, 1.0)], 2.0), 1.0);
        assert_near(covered(&[], 2.0), 0.0);
    }
}
