//! Times as people write them in `ripcord.yaml`.

use jiff::{SignedDuration, Span};

use crate::problem::{Kind, Problem};

/// A time such as `24h` or `1h 30m`.
///
/// # Errors
/// It is none, or not longer than nothing.
pub fn read(field: &str, text: &str) -> Result<SignedDuration, Problem> {
    let wrong = || {
        Problem::new(
            Kind::Usage,
            "bad_configuration",
            format!("ripcord.yaml: `{field}` is `{text}`, which is no time"),
        )
        .hint("such as `24h`, `90m` or `5m`")
    };
    let span: Span = text.parse().map_err(|_| wrong())?;
    let time = span
        .to_duration(jiff::SpanRelativeTo::days_are_24_hours())
        .map_err(|_| wrong())?;
    (time > SignedDuration::ZERO)
        .then_some(time)
        .ok_or_else(wrong)
}
