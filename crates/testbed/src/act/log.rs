//! What act says in JSON, a line at a time.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use serde_json::Value;

/// The stage of a step's own work; there are others before and after.
const MAIN: &str = "Main";

/// What act says of a job whose `runs-on` it does not know, and then ends with success.
const SKIPPED: &str = "Skipping unsupported platform";

/// A line of act's log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    /// What is said, with secrets masked.
    pub(crate) text: String,
    /// The job's id; empty for what act says of itself.
    pub(crate) job: String,
    /// The step's id, or its index where it has none.
    pub(crate) step: Option<String>,
    /// What the step is called.
    name: String,
    /// How the step ended, on the line that says so.
    pub(crate) outcome: Option<String>,
    /// How the job ended, on the line that says so.
    result: Option<String>,
}

impl Line {
    /// Other fields than the message hold secrets that are not masked.
    pub(crate) fn read(line: &str) -> Self {
        let Ok(said @ Value::Object(_)) = serde_json::from_str::<Value>(line) else {
            return Self {
                text: line.to_owned(),
                ..Self::default()
            };
        };
        let word = |name: &str| said[name].as_str().map(str::to_owned);
        // A step of an action has the ids of all above it.
        let ids = said["stepID"].as_array();
        let step = ids.and_then(|ids| ids.first()?.as_str().map(str::to_owned));
        let is_own = ids.is_some_and(|ids| ids.len() == 1) && said["stage"] == MAIN;
        Self {
            text: word("msg").unwrap_or_default().trim_end().to_owned(),
            job: word("jobID").unwrap_or_default(),
            step,
            name: word("step").unwrap_or_default(),
            outcome: word("stepResult").filter(|_| is_own),
            result: word("jobResult"),
        }
    }

    /// Whether it says that the job was not run for want of a runner.
    fn is_skip(&self) -> bool {
        self.text.contains(SKIPPED)
    }
}

/// All lines, as a person reads them.
pub(crate) fn text(lines: &[Line]) -> String {
    let each = lines.iter().map(|line| {
        if line.job.is_empty() {
            line.text.clone()
        } else {
            format!("[{}] {}", line.job, line.text)
        }
    });
    each.collect::<Vec<_>>().join("\n")
}

/// A step that ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepRan {
    /// The id of its job.
    pub job: String,
    /// Its id, or its index from 0 where it has none.
    pub id: String,
    /// Its name, or what it does.
    pub name: String,
    /// `success` or `failure`.
    pub outcome: String,
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// act's exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// How each job ended, by its id: `success`, `failure`. Those that were skipped are not here.
    pub jobs: BTreeMap<String, String>,
    /// The steps that ran, in order.
    pub steps: Vec<StepRan>,
    /// Jobs that were not run because nothing here is what they run on.
    pub homeless: Vec<String>,
    /// All that was said, with secrets masked.
    pub log: String,
}

impl Ran {
    pub(crate) fn of(code: Option<i32>, lines: &[Line]) -> Self {
        let steps = lines.iter().filter_map(|line| {
            Some(StepRan {
                job: line.job.clone(),
                id: line.step.clone()?,
                name: line.name.clone(),
                outcome: line.outcome.clone()?,
            })
        });
        let jobs = lines
            .iter()
            .filter_map(|line| Some((line.job.clone(), line.result.clone()?)));
        let homeless = lines.iter().filter(|line| line.is_skip());
        Self {
            code,
            jobs: jobs.collect(),
            steps: steps.collect(),
            homeless: homeless.map(|line| line.job.clone()).collect(),
            log: text(lines),
        }
    }

    /// How a step ended, by its id or name; none when it did not run.
    pub fn step(&self, id_or_name: &str) -> Option<&str> {
        let is_it = |step: &&StepRan| step.id == id_or_name || step.name == id_or_name;
        let found = self.steps.iter().find(is_it);
        found.map(|step| step.outcome.as_str())
    }

    /// That something ran, and nothing failed.
    ///
    /// # Errors
    /// What failed, with the log.
    pub fn check(&self) -> Result<()> {
        let log = &self.log;
        if let Some(job) = self.homeless.first() {
            bail!("job {job} was not run: nothing here is what it runs on\n{log}");
        }
        if self.code != Some(0) {
            bail!("act ended with {:?}\n{log}", self.code);
        }
        if self.steps.is_empty() {
            bail!("no step ran\n{log}");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_success_in_which_nothing_ran_is_none() {
        let nothing = Ran::of(Some(0), &[]);
        assert!(
            nothing
                .check()
                .unwrap_err()
                .to_string()
                .starts_with("no step ran")
        );
    }

    #[test]
    fn a_step_of_an_action_is_not_taken_for_the_step_that_uses_it() {
        let line =
            r#"{"jobID":"a","stage":"Main","stepID":["1","0"],"stepResult":"failure","msg":"x"}"#;
        let line = Line::read(line);
        assert_eq!((line.step.as_deref(), line.outcome), (Some("1"), None));
    }

    #[test]
    fn what_stands_beside_the_message_is_not_shown() {
        let line = Line::read(r#"{"arg":"hush","msg":"x=***\n","jobID":"a","step":"echo hush"}"#);
        assert_eq!(text(&[line]), "[a] x=***");
    }
}
