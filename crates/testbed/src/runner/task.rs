//! One task: taken from the forge, run by act, told to the forge.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use data_encoding::BASE64;
use serde_json::{Value, json};

use super::RunnerOptions;
use super::payload::{Need, Payload, report};
use super::protocol::{CANCELLED, FAILURE, Registered, SKIPPED, SUCCESS, now};
use crate::act::{Act, Line, Running, Workflow};

/// How often the forge hears of a task that runs.
const TELL_EVERY: Duration = Duration::from_millis(200);

/// How often it is looked whether a task has ended.
const GLANCE: Duration = Duration::from_millis(20);

/// A task that was taken.
pub(super) struct Task<'a> {
    forge: &'a Registered,
    id: String,
    said: Value,
    started: String,
}

/// What came of a task.
struct End {
    result: &'static str,
    outputs: Value,
    why: Option<String>,
}

impl End {
    fn without_outputs(result: &'static str, why: Option<String>) -> Self {
        let outputs = json!({});
        Self {
            result,
            outputs,
            why,
        }
    }
}

/// What the forge was told of a log.
#[derive(Default)]
struct Told {
    /// How many of act's lines were looked at.
    looked: usize,
    /// How many lines were sent.
    sent: usize,
    steps: Vec<Step>,
}

#[derive(Clone, Default)]
struct Step {
    first: usize,
    lines: usize,
    outcome: Option<&'static str>,
}

impl<'a> Task<'a> {
    pub(super) fn new(forge: &'a Registered, task: Value) -> Self {
        Self {
            forge,
            id: task["id"].as_str().unwrap_or_default().to_owned(),
            said: task,
            started: now(),
        }
    }

    /// Runs it to its end, unless `stopped` says to leave it as it is: then the forge hears nothing more, as
    /// of a runner whose machine is gone.
    pub(super) fn run(
        &self,
        act: &Act,
        options: &RunnerOptions,
        stopped: &dyn Fn() -> bool,
    ) -> Result<()> {
        let mut told = Told::default();
        let end = match self.run_job(act, options, &mut told, stopped) {
            Ok(Some(end)) => end,
            Ok(None) => return Ok(()),
            Err(error) => End::without_outputs(FAILURE, Some(format!("{error:#}"))),
        };
        let last = end.why.unwrap_or_else(|| format!("ended: {}", end.result));
        let rows = [json!({"time": now(), "content": last})];
        self.forge.log(&self.id, told.sent, &rows, true)?;
        self.forge
            .update(&self.state(&told, Some(end.result)), &end.outputs)?;
        Ok(())
    }

    fn run_job(
        &self,
        act: &Act,
        options: &RunnerOptions,
        told: &mut Told,
        stopped: &dyn Fn() -> bool,
    ) -> Result<Option<End>> {
        let folder = act.folder()?;
        let file = folder.join("report.json");
        let payload = self.payload(&file)?;
        told.steps = vec![Step::default(); payload.steps.len()];
        let workflow = self.workflow(&folder, &payload, options)?;
        let mut running = act.start(&workflow, &folder)?;
        let mut next = Instant::now();
        let status = loop {
            let ended = running.ended();
            if stopped() {
                return Ok(None);
            }
            if ended.is_some() || Instant::now() >= next {
                self.tell(&running, &payload, told)?;
                let cancelled = self.forge.update(&self.state(told, None), &json!({}))?;
                if cancelled && ended.is_none() {
                    running.stop();
                    return Ok(Some(End::without_outputs(CANCELLED, None)));
                }
                next = Instant::now() + TELL_EVERY;
            }
            if let Some(status) = ended {
                break status;
            }
            std::thread::sleep(GLANCE);
        };
        let ran = running.ran(status)?;
        let _ = fs::remove_dir_all(folder.join("home"));
        if let Some(job) = ran.homeless.first() {
            bail!("job {job} was not run: the runner is not what it runs on");
        }
        let text = fs::read_to_string(&file)
            .with_context(|| format!("act ended with {:?} and without a report", ran.code))?;
        let (result, outputs) = report(&text, &payload.job)?;
        let ran_a_step = ran.steps.iter().any(|step| step.job == payload.job);
        let end = match result.as_str() {
            "success" if ran_a_step => End {
                result: SUCCESS,
                outputs,
                why: None,
            },
            // Its own `if` said so: what it needs was there to be asked.
            "skipped" => End::without_outputs(SKIPPED, None),
            "success" => {
                let why = "no step of the job ran".to_owned();
                End::without_outputs(FAILURE, Some(why))
            }
            _ => End {
                result: FAILURE,
                outputs,
                why: None,
            },
        };
        Ok(Some(end))
    }

    fn payload(&self, report: &Path) -> Result<Payload> {
        let text = self.said["workflowPayload"].as_str().unwrap_or_default();
        let text = BASE64.decode(text.as_bytes()).context("a payload")?;
        let text = String::from_utf8(text).context("a payload")?;
        let needs = self.said["needs"].as_object().into_iter().flatten();
        let needs = needs.map(|(id, need)| {
            let need = Need {
                succeeded: need["result"] == SUCCESS,
                outputs: words(&need["outputs"]),
            };
            (id.clone(), need)
        });
        Payload::new(&text, &needs.collect(), report)
    }

    fn workflow(
        &self,
        folder: &Path,
        payload: &Payload,
        options: &RunnerOptions,
    ) -> Result<Workflow> {
        let context = &self.said["context"];
        let said = |name: &str| context[name].as_str().unwrap_or_default();
        // Steps begin in an empty folder; what they check out comes from the forge.
        let place = folder.join("repository");
        fs::create_dir_all(&place)?;
        let name = Path::new(said("workflow")).file_name();
        let file = folder.join(name.unwrap_or("workflow.yml".as_ref()));
        fs::write(&file, &payload.text)?;
        let mut workflow = Workflow::of(&place, said("event_name"), &context["event"]);
        workflow = workflow.file(file);
        for (name, value) in [
            (
                "GITHUB_SERVER_URL",
                said("server_url").trim_end_matches('/'),
            ),
            ("GITHUB_API_URL", said("api_url")),
            ("GITHUB_REPOSITORY", said("repository")),
            ("GITHUB_REPOSITORY_OWNER", said("repository_owner")),
            ("GITHUB_REF", said("ref")),
            ("GITHUB_REF_NAME", said("ref_name")),
            ("GITHUB_REF_TYPE", said("ref_type")),
            ("GITHUB_BASE_REF", said("base_ref")),
            ("GITHUB_HEAD_REF", said("head_ref")),
            ("GITHUB_RUN_ID", said("run_id")),
            ("GITHUB_RUN_NUMBER", said("run_number")),
            ("GITHUB_RUN_ATTEMPT", said("run_attempt")),
            // Where act looks for the commit.
            ("SHA_REF", said("sha")),
            ("GITEA_ACTIONS", "true"),
        ] {
            workflow = workflow.env(name, value);
        }
        workflow.actor = Some(said("actor").to_owned());
        workflow.secrets = words(&self.said["secrets"]);
        workflow.variables = words(&self.said["vars"]);
        workflow.labels.extend(options.labels.iter().cloned());
        workflow.actions = options.actions.clone();
        let checkout = workflow.actions.entry("actions/checkout".to_owned());
        checkout.or_insert_with(stand_in_for_checkout);
        workflow.programs.clone_from(&options.programs);
        workflow.fetches = true;
        Ok(workflow)
    }

    /// Sends what act has said of the task's own job since the last time.
    fn tell(&self, running: &Running, payload: &Payload, told: &mut Told) -> Result<()> {
        let lines = running.lines()?;
        let mut rows = Vec::new();
        for line in lines.iter().skip(told.looked) {
            if line.job.is_empty() || line.job == payload.job {
                told.note(line, payload, told.sent + rows.len());
                rows.push(json!({"time": now(), "content": line.text}));
            }
        }
        told.looked = lines.len();
        if !rows.is_empty() {
            self.forge.log(&self.id, told.sent, &rows, false)?;
            told.sent += rows.len();
        }
        Ok(())
    }

    fn state(&self, told: &Told, result: Option<&str>) -> Value {
        let steps = told.steps.iter().enumerate().map(|(id, step)| {
            // One that did not run has been skipped when all is over.
            let outcome = step.outcome.or(result.map(|_| SKIPPED));
            json!({
                "id": id.to_string(),
                "result": outcome.unwrap_or("RESULT_UNSPECIFIED"),
                // Gitea says of a step with a time that it runs.
                "startedAt": (step.lines > 0).then_some(&self.started),
                "stoppedAt": outcome.map(|_| now()),
                "logIndex": step.first.to_string(),
                "logLength": step.lines.to_string(),
            })
        });
        json!({
            "id": self.id,
            "result": result.unwrap_or("RESULT_UNSPECIFIED"),
            "startedAt": self.started,
            "stoppedAt": result.map(|_| now()),
            "steps": steps.collect::<Vec<_>>(),
        })
    }
}

impl Told {
    fn note(&mut self, line: &Line, payload: &Payload, at: usize) {
        let index = line
            .step
            .as_ref()
            .and_then(|step| payload.steps.iter().position(|id| id == step));
        let Some(step) = index.and_then(|index| self.steps.get_mut(index)) else {
            return;
        };
        if step.lines == 0 {
            step.first = at;
        }
        step.lines = at + 1 - step.first;
        step.outcome = match line.outcome.as_deref() {
            Some("success") => Some(SUCCESS),
            Some(_) => Some(FAILURE),
            None => step.outcome,
        };
    }
}

/// A map of texts.
fn words(map: &Value) -> BTreeMap<String, String> {
    let each = map.as_object().into_iter().flatten();
    each.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect()
}

fn stand_in_for_checkout() -> PathBuf {
    Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../testbed/actions/checkout"
    ))
    .to_path_buf()
}
