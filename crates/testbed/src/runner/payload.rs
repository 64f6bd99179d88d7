//! A task's workflow, as act can run it.
//!
//! Gitea sends one job without its `needs`. Jobs stand in for those here, with their outputs and results,
//! so that expressions see them; and a job after it writes down what it made.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Map, Value, json};

use crate::act::LABEL;

/// The job that writes down what came of the task's own.
const REPORT: &str = "testbed-report";

/// A job that the task's own needs, as it ended.
#[derive(Clone, Debug, Default)]
pub(super) struct Need {
    pub(super) succeeded: bool,
    pub(super) outputs: BTreeMap<String, String>,
}

/// The workflow of a task.
#[derive(Debug)]
pub(super) struct Payload {
    /// The workflow for act, with all jobs.
    pub(super) text: String,
    /// The id of the task's own job.
    pub(super) job: String,
    /// The id, or the index from 0, of each step of it.
    pub(super) steps: Vec<String>,
}

impl Payload {
    /// `report` is the file in which the result and the outputs of the job are found afterwards; see
    /// [`report`].
    pub(super) fn new(text: &str, needs: &BTreeMap<String, Need>, file: &Path) -> Result<Self> {
        let mut workflow: Value =
            serde_saphyr::from_str(text).context("the task's workflow is no YAML")?;
        let jobs = workflow["jobs"].as_object_mut();
        let jobs = jobs.context("the task's workflow has no jobs")?;
        ensure!(jobs.len() == 1, "a task of {} jobs", jobs.len());
        let (id, own) = jobs.iter_mut().next().context("a task of no job")?;
        let id = id.clone();
        with_numbers(own);
        let own = own.as_object_mut().context("the task's job is no map")?;
        let steps = own.get("steps").and_then(Value::as_array);
        let steps = steps.context("the task's job has no steps")?;
        let steps = steps.iter().enumerate().map(|(index, step)| {
            let id = step["id"].as_str();
            id.map_or_else(|| index.to_string(), str::to_owned)
        });
        let steps = steps.collect();
        let ids: BTreeSet<&String> = needs.keys().collect();
        own.insert("needs".to_owned(), json!(ids));
        for (id, need) in needs {
            jobs.insert(id.clone(), stand_in(need));
        }
        jobs.insert(REPORT.to_owned(), reporter(&id, file));
        Ok(Self {
            text: workflow.to_string(),
            job: id,
            steps,
        })
    }
}

/// Gitea hands numbers on as texts, which act does not take where a number belongs.
fn with_numbers(job: &mut Value) {
    for step in job["steps"].as_array_mut().into_iter().flatten() {
        number(step);
    }
    number(job);
}

fn number(of: &mut Value) {
    let text = of["timeout-minutes"].as_str();
    if let Some(minutes) = text.and_then(|text| text.parse::<f64>().ok()) {
        of["timeout-minutes"] = json!(minutes);
    }
}

/// A job that ends as the one that it stands for, with its outputs.
fn stand_in(need: &Need) -> Value {
    let outputs: Map<String, Value> = need
        .outputs
        .iter()
        .map(|(name, value)| (name.clone(), literal(value)))
        .collect();
    let code = i32::from(!need.succeeded);
    json!({
        "runs-on": LABEL, "outputs": outputs, "steps": [{"run": format!("exit {code}")}],
    })
}

/// An expression whose value is this text, whatever is in it.
fn literal(text: &str) -> Value {
    let text = json!(text).to_string().replace('\'', "''");
    json!(format!("${{{{ fromJSON('{text}') }}}}"))
}

fn reporter(job: &str, file: &Path) -> Value {
    json!({
        "runs-on": LABEL, "needs": [job], "if": "${{ always() }}",
        "steps": [{
            "env": {"NEEDS": "${{ toJSON(needs) }}", "FILE": file.display().to_string()},
            "run": "printf %s \"$NEEDS\" >\"$FILE\"",
        }],
    })
}

/// What a job came to: `success`, `failure`, `skipped`; and its outputs.
pub(super) fn report(text: &str, job: &str) -> Result<(String, Value)> {
    let mut all: Value = serde_json::from_str(text).context("the report is no JSON")?;
    let own = &mut all[job];
    let result = own["result"].as_str().unwrap_or_default().to_owned();
    let outputs = match own["outputs"].take() {
        Value::Null => json!({}),
        outputs => outputs,
    };
    Ok((result, outputs))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TASK: &str = "on: {workflow_dispatch: null}\njobs:\n  ship:\n    runs-on: ubuntu-latest\n    \
                        steps: [{run: one}, {id: two, run: two}]\n";

    #[test]
    fn what_a_job_needs_stands_before_it_with_its_outputs() {
        let outputs = BTreeMap::from([("digest".to_owned(), "it's \"${{ x }}\"\n".to_owned())]);
        let gate = Need {
            succeeded: false,
            outputs,
        };
        let needs = BTreeMap::from([("gate".to_owned(), gate)]);
        let payload = Payload::new(TASK, &needs, Path::new("/r")).unwrap();
        assert_eq!(payload.job, "ship");
        assert_eq!(payload.steps, ["0", "two"]);
        let workflow: Value = serde_json::from_str(&payload.text).unwrap();
        let gate = &workflow["jobs"]["gate"];
        let expression = r#"${{ fromJSON('"it''s \"${{ x }}\"\n"') }}"#;
        assert_eq!(gate["outputs"]["digest"], expression);
        assert_eq!(gate["steps"][0]["run"], "exit 1");
        assert_eq!(workflow["jobs"]["ship"]["needs"], json!(["gate"]));
        assert_eq!(workflow["jobs"][REPORT]["needs"], json!(["ship"]));
    }

    #[test]
    fn numbers_that_came_as_texts_are_numbers_again() {
        let text = TASK.replace(
            "steps: [{",
            "timeout-minutes: \"15\"\n    steps: [{timeout-minutes: '2', ",
        );
        let payload = Payload::new(&text, &BTreeMap::new(), Path::new("/r")).unwrap();
        let workflow: Value = serde_json::from_str(&payload.text).unwrap();
        let ship = &workflow["jobs"]["ship"];
        assert_eq!(ship["timeout-minutes"], json!(15.0));
        assert_eq!(ship["steps"][0]["timeout-minutes"], json!(2.0));
    }

    #[test]
    fn a_task_of_two_jobs_is_none_of_giteas() {
        let text = format!("{TASK}  other: {{runs-on: x, steps: []}}\n");
        assert!(Payload::new(&text, &BTreeMap::new(), Path::new("/r")).is_err());
    }

    #[test]
    fn a_report_says_what_a_job_made() {
        let text = r#"{"ship":{"outputs":{"a":"1"},"result":"success"}}"#;
        let (result, outputs) = report(text, "ship").unwrap();
        assert_eq!((result.as_str(), outputs), ("success", json!({"a": "1"})));
        let (result, outputs) = report(r#"{"ship":{"result":"failure"}}"#, "ship").unwrap();
        assert_eq!((result.as_str(), outputs), ("failure", json!({})));
    }
}
