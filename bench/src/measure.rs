//! Whole processes, timed.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

/// One finished process.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) milliseconds: f64,
    pub(crate) succeeded: bool,
    /// How often it pushed until it landed; none if it does not say that something landed.
    pub(crate) tries: Option<u64>,
    pub(crate) errors: String,
}

/// Starts the command, waits for its end and takes the time of both.
pub(crate) fn time(command: &mut Command) -> Result<Run> {
    command.stdin(Stdio::null());
    let start = Instant::now();
    let output = command
        .output()
        .with_context(|| format!("cannot run {command:?}"))?;
    Ok(Run {
        milliseconds: start.elapsed().as_secs_f64() * 1e3,
        succeeded: output.status.success(),
        tries: tries(&String::from_utf8_lossy(&output.stdout)),
        errors: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// The scripts print `tries N`; ripcord's JSON has `pushed.attempts`.
fn tries(stdout: &str) -> Option<u64> {
    if let Some(number) = stdout.trim().strip_prefix("tries ") {
        return number.parse().ok();
    }
    let json: Value = serde_json::from_str(stdout).ok()?;
    json["pushed"]["attempts"].as_u64()
}

/// The median of what was found, which is something.
pub(crate) fn median(found: &[f64]) -> f64 {
    let mut sorted = found.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// Several runs of the same thing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    milliseconds: Vec<f64>,
    runs: usize,
    right: usize,
    max_tries: u64,
}

impl Sample {
    /// Adds a run. Its time counts only if what it did was `right`: failing fast is no merit.
    pub(crate) fn add(&mut self, run: &Run, right: bool) {
        self.runs += 1;
        self.max_tries = self.max_tries.max(run.tries.unwrap_or(1));
        if right {
            self.right += 1;
            self.milliseconds.push(run.milliseconds);
        }
    }

    pub(crate) fn median(&self) -> Option<f64> {
        self.percentile(50)
    }

    /// The time that so many percent of the right runs do not exceed.
    pub(crate) fn percentile(&self, percent: usize) -> Option<f64> {
        let mut sorted = self.milliseconds.clone();
        sorted.sort_by(f64::total_cmp);
        let rank = (sorted.len() * percent).div_ceil(100).max(1);
        sorted.get(rank - 1).copied()
    }

    pub(crate) fn right(&self) -> usize {
        self.right
    }

    pub(crate) fn max_tries(&self) -> u64 {
        self.max_tries
    }

    /// `5/5`: runs with the right result, of all.
    pub(crate) fn score(&self) -> Value {
        json!(format!("{}/{}", self.right, self.runs))
    }

    pub(crate) fn success_percent(&self) -> f64 {
        100.0 * self.right as f64 / self.runs.max(1) as f64
    }
}

/// How much of `other`'s time this took, by medians.
pub(crate) fn ratio(sample: &Sample, other: &Sample) -> Option<f64> {
    Some(sample.median()? / other.median()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_right_runs_only() {
        let mut sample = Sample::default();
        for milliseconds in (1..=20).rev() {
            let milliseconds = f64::from(milliseconds);
            let run = Run {
                milliseconds,
                succeeded: true,
                tries: None,
                errors: String::new(),
            };
            sample.add(&run, milliseconds > 10.0);
        }
        assert_eq!(sample.median(), Some(15.0));
        assert_eq!(sample.percentile(95), Some(20.0));
        assert_eq!(sample.score(), "10/20");
        assert_eq!(Sample::default().median(), None);
    }

    #[test]
    fn tries_are_read_from_scripts_and_from_ripcord() {
        assert_eq!(tries("tries 3\n"), Some(3));
        assert_eq!(tries(r#"{"pushed":{"attempts":2}}"#), Some(2));
        assert_eq!(tries(r#"{"pushed":null}"#), None);
        assert_eq!(tries("Everything up-to-date"), None);
    }
}
