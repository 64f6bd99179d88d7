//! What ripcord asks git, and how long it takes, by git's own trace.

use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde_json::Value;

use super::spans::Span;

/// The variable that makes every git write what it does into a file of its own in a folder.
pub(crate) const TRACE: &str = "GIT_TRACE2_EVENT";

/// One call of git.
pub(crate) struct Call {
    /// `ls-remote`, `fetch`, `push` and the like.
    pub(crate) name: String,
    pub(crate) span: Span,
}

/// The calls that a folder tells of, in order, from `start`; not those that git made itself.
pub(crate) fn calls(folder: &Path, start: SystemTime) -> Result<Vec<Call>> {
    let mut calls = Vec::new();
    for file in std::fs::read_dir(folder)? {
        let text = std::fs::read_to_string(file?.path())?;
        calls.extend(call(&text, start)?);
    }
    calls.sort_by(|one: &Call, other| one.span.0.total_cmp(&other.span.0));
    Ok(calls)
}

fn call(text: &str, start: SystemTime) -> Result<Option<Call>> {
    let events = text.lines().map(serde_json::from_str::<Value>);
    let events = events.collect::<Result<Vec<_>, _>>()?;
    let (Some(first), Some(last)) = (events.first(), events.last()) else {
        return Ok(None);
    };
    // The processes that git starts have its name before theirs.
    if first["sid"].as_str().is_none_or(|sid| sid.contains('/')) {
        return Ok(None);
    }
    let at = |event: &Value| -> Result<f64> {
        let time: Timestamp = event["time"].as_str().context("no time")?.parse()?;
        let start = Timestamp::try_from(start)?;
        Ok(time.duration_since(start).as_secs_f64())
    };
    let name = events.iter().find_map(|event| event["name"].as_str());
    Ok(Some(Call {
        name: name.unwrap_or("?").to_owned(),
        span: (at(first)?, at(last)?),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_from_its_first_event_to_its_last() {
        let text = concat!(
            r#"{"event":"version","sid":"20261001T090000.5Z-Ha-P1","time":"2026-10-01T09:00:00.500000Z"}"#,
            "\n",
            r#"{"event":"cmd_name","sid":"20261001T090000.5Z-Ha-P1","time":"2026-10-01T09:00:00.501000Z","name":"ls-remote"}"#,
            "\n",
            r#"{"event":"atexit","sid":"20261001T090000.5Z-Ha-P1","time":"2026-10-01T09:00:00.750000Z"}"#,
        );
        let start = SystemTime::from("2026-10-01T09:00:00Z".parse::<Timestamp>().unwrap());
        let found = call(text, start).unwrap().unwrap();
        assert_eq!(found.name, "ls-remote");
        assert!((found.span.0 - 0.5).abs() < 1e-6 && (found.span.1 - 0.75).abs() < 1e-6);
        let inner = text.replace("-P1", "-P1/20261001T090000.6Z-Ha-P2");
        assert!(call(&inner, start).unwrap().is_none());
    }
}
