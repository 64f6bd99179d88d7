//! Instants and spans in words.

use jiff::{SignedDuration, Timestamp};

/// A span for people: the two greatest units that are not zero, such as `4 min 12 s`. A negative one has a minus.
pub fn span(span: SignedDuration) -> String {
    const UNITS: [(u128, &str); 4] = [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "min"),
        (1000, "s"),
    ];
    let mut left = span.as_millis().unsigned_abs();
    let mut parts = Vec::new();
    for (length, unit) in UNITS {
        let count = left / length;
        left %= length;
        if count > 0 {
            parts.push(format!("{count} {unit}"));
        } else if !parts.is_empty() {
            break;
        }
        if parts.len() == 2 {
            break;
        }
    }
    if parts.is_empty() {
        parts.push(if left == 0 {
            "0 s".to_owned()
        } else {
            format!("{left} ms")
        });
    }
    let sign = if span.is_negative() { "−" } else { "" };
    format!("{sign}{}", parts.join(" "))
}

/// An instant for people, to the second, in UTC.
pub(crate) fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// How many of something, such as `1 alert`, `3 alerts`.
pub(crate) fn count(number: usize, one: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {one}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_says_its_two_greatest_units() {
        let say = |seconds| span(SignedDuration::from_secs(seconds));
        assert_eq!(say(0), "0 s");
        assert_eq!(say(252), "4 min 12 s");
        assert_eq!(say(3605), "1 h");
        assert_eq!(say(2 * 86_400 + 3 * 3600 + 59), "2 d 3 h");
        assert_eq!(say(-61), "−1 min 1 s");
        assert_eq!(span(SignedDuration::from_millis(40)), "40 ms");
        assert_eq!(span(SignedDuration::MIN).chars().next(), Some('−'));
    }
}
