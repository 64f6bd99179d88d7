//! Times as people type them.

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp, Zoned};
use ripcord_domain::{Kind, Problem};

/// The present: the clock's, or `RIPCORD_NOW` (RFC 3339), by which tests and drills fix it.
pub(crate) fn now() -> Timestamp {
    let fixed = std::env::var("RIPCORD_NOW")
        .ok()
        .and_then(|text| text.parse().ok());
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the clock is read"
    )]
    fixed.unwrap_or_else(Timestamp::now)
}

/// Understands `09:00` (today), `2h` or `90m` (ago), `2026-11-20 16:30`, and RFC 3339.
///
/// # Errors
/// A usage problem that shows the forms.
pub(crate) fn parse(flag: &str, text: &str, now: Timestamp) -> Result<Timestamp, Problem> {
    let zone = TimeZone::system();
    let here: Zoned = now.to_zoned(zone.clone());
    let text = text.trim();
    let found = text
        .parse::<Timestamp>()
        .ok()
        .or_else(|| text.parse::<Zoned>().ok().map(|zoned| zoned.timestamp()))
        .or_else(|| {
            let at: DateTime = text.parse().ok()?;
            at.to_zoned(zone.clone())
                .ok()
                .map(|zoned| zoned.timestamp())
        })
        .or_else(|| {
            let time: Time = text.parse().ok()?;
            here.date()
                .to_datetime(time)
                .to_zoned(zone.clone())
                .ok()
                .map(|zoned| zoned.timestamp())
        })
        .or_else(|| {
            let span: Span = text.trim_end_matches(" ago").parse().ok()?;
            here.checked_sub(span).ok().map(|zoned| zoned.timestamp())
        });
    let moment = found.ok_or_else(|| {
        Problem::new(
            Kind::Usage,
            "bad_time",
            format!("{flag}: `{text}` is no time"),
        )
        .hint("write `09:00` (today), `2h` (ago), `2026-11-20 16:30` or `2026-11-20T16:30:00Z`")
    })?;
    if moment > now {
        return Err(Problem::new(
            Kind::Usage,
            "bad_time",
            format!("{flag}: {moment} is in the future"),
        ));
    }
    Ok(moment)
}

/// Understands `12h`, `14d`, `3w`: a time from now on.
///
/// # Errors
/// A usage problem that shows the forms.
pub(crate) fn term(flag: &str, text: &str) -> Result<SignedDuration, Problem> {
    let found = text
        .trim()
        .parse::<Span>()
        .ok()
        .and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok())
        .filter(SignedDuration::is_positive);
    found.ok_or_else(|| {
        Problem::new(
            Kind::Usage,
            "bad_term",
            format!("{flag}: `{text}` is no time that can pass"),
        )
        .hint("write `12h`, `14d` or `3w`")
    })
}

/// Understands `5m`, `90s`, `1h30m`, and a bare number as seconds.
///
/// # Errors
/// A usage problem that shows the forms.
pub(crate) fn duration(flag: &str, text: &str) -> Result<std::time::Duration, Problem> {
    let text = text.trim();
    let seconds = text.parse::<u64>().ok().map(std::time::Duration::from_secs);
    let found = seconds.or_else(|| {
        let span: jiff::SignedDuration = text.parse().ok()?;
        std::time::Duration::try_from(span).ok()
    });
    found.ok_or_else(|| {
        Problem::new(
            Kind::Usage,
            "bad_duration",
            format!("{flag}: `{text}` is no length of time"),
        )
        .hint("write `5m`, `90s`, `1h30m`, or a number of seconds")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_understood_as_people_type_them() {
        let of = |text: &str| duration("--watch", text).map(|time| time.as_secs());
        assert_eq!(of("0").unwrap(), 0);
        assert_eq!(of("90").unwrap(), 90);
        assert_eq!(of("1h30m").unwrap(), 5400);
        assert!(of("soon").unwrap_err().hints[0].contains("5m"));
        assert!(of("-5m").is_err());
    }

    #[test]
    fn times_are_understood_as_people_type_them() {
        let now: Timestamp = "2026-11-20T17:15:00Z".parse().unwrap();
        let at = |text: &str| parse("--as-of", text, now).map(|t| t.to_string());
        assert_eq!(at("2026-11-20T16:30:00Z").unwrap(), "2026-11-20T16:30:00Z");
        assert_eq!(at("2h").unwrap(), "2026-11-20T15:15:00Z");
        assert_eq!(at("90m").unwrap(), "2026-11-20T15:45:00Z");
        assert!(at("2026-11-19 10:00").is_ok());
        assert!(at("tea time").unwrap_err().hints[0].contains("09:00"));
        assert!(at("2027-01-01T00:00:00Z").is_err());
    }

    #[test]
    fn terms_are_understood_as_people_type_them() {
        let hours = |text: &str| term("--quarantine-for", text).map(|d| d.as_hours());
        assert_eq!(hours("12h").unwrap(), 12);
        assert_eq!(hours("14d").unwrap(), 14 * 24);
        assert_eq!(hours("3w").unwrap(), 21 * 24);
        for wrong in ["", "0d", "-1d", "1 month", "soon", "14"] {
            assert!(hours(wrong).is_err(), "{wrong}");
        }
    }
}
