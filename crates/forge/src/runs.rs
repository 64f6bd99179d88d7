//! The run that a dispatch started, and how far it is.

use jiff::Timestamp;
use ripcord_domain::config::Forge;
use ripcord_domain::problem::Problem;
use serde_json::Value;

use crate::dispatch::Dispatched;
use crate::repository::Repository;

/// A run of a workflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its number in the API.
    pub id: u64,
    /// Where a person sees it.
    pub url: Option<String>,
    /// How far it is.
    pub state: RunState,
}

/// How far a run is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunState {
    /// Nothing of it runs yet, in the forge's word: no runner is free, or somebody must approve.
    Waiting(String),
    /// It runs.
    Running,
    /// It ended well.
    Succeeded,
    /// It ended otherwise, in the forge's word, with the job that failed where that is known.
    Failed(String),
}

impl Repository<'_> {
    /// The run of a dispatch: by its number where the forge named it, else the one that has the correlation id
    /// in its name. None while there is none.
    ///
    /// # Errors
    /// The forge does not answer, or not to whoever asks.
    pub async fn run_of(
        &self,
        dispatched: &Dispatched,
        correlation_id: &str,
    ) -> Result<Option<Run>, Problem> {
        let what = format!("the run of {correlation_id}");
        let found = match (dispatched.run, self.forge) {
            (Some(id), Forge::Gitlab) => self.get(&what, &format!("/pipelines/{id}")).await?,
            (Some(id), _) => self.get(&what, &format!("/actions/runs/{id}")).await?,
            (None, Forge::Gitlab) => return Ok(None),
            (None, _) => {
                let path = match self.forge {
                    Forge::Github => format!(
                        "/actions/runs?event=repository_dispatch&per_page=50&created=%3E%3D{}",
                        shortly_before(dispatched.at)
                    ),
                    _ => "/actions/runs?limit=50".to_owned(),
                };
                let said = self.get(&what, &path).await?;
                let runs = said["workflow_runs"]
                    .as_array()
                    .cloned()
                    .unwrap_or_default();
                let is_it = |run: &&Value| {
                    let names = [&run["display_title"], &run["name"]];
                    let mut names = names.into_iter().filter_map(Value::as_str);
                    names.any(|name| name.contains(correlation_id))
                };
                match runs.iter().find(is_it) {
                    Some(run) => run.clone(),
                    None => return Ok(None),
                }
            }
        };
        let mut run = read(&found);
        if let RunState::Failed(word) = &run.state
            && let Some(job) = self.failed_job(run.id).await
        {
            run.state = RunState::Failed(format!("{word} in {job}"));
        }
        Ok(Some(run))
    }

    /// The first job of a run that failed, with its step; none where that is not told.
    async fn failed_job(&self, run: u64) -> Option<String> {
        let path = match self.forge {
            Forge::Gitlab => format!("/pipelines/{run}/jobs?scope[]=failed"),
            _ => format!("/actions/runs/{run}/jobs"),
        };
        let said = self.get("its jobs", &path).await.ok()?;
        let jobs = said.as_array().or_else(|| said["jobs"].as_array())?;
        let is_failed = |one: &&Value| {
            let words = [&one["conclusion"], &one["status"]];
            words
                .into_iter()
                .any(|word| word == "failure" || word == "failed")
        };
        let job = jobs.iter().find(is_failed)?;
        let name = job["name"].as_str()?;
        let step = job["steps"]
            .as_array()
            .and_then(|all| all.iter().find(is_failed));
        Some(match step.and_then(|step| step["name"].as_str()) {
            Some(step) => format!("job `{name}`, step `{step}`"),
            None => format!("job `{name}`"),
        })
    }
}

/// A clock of ours that is ahead of the forge's must not hide the run.
fn shortly_before(at: Timestamp) -> String {
    let before = at - jiff::SignedDuration::from_mins(5);
    before.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// GitHub and Gitea say a status and, when it ended, a conclusion; GitLab has one word for both.
fn read(run: &Value) -> Run {
    let word = |field: &str| run[field].as_str().unwrap_or_default().to_owned();
    let (status, conclusion) = (word("status"), word("conclusion"));
    let ended = if conclusion.is_empty() {
        &status
    } else {
        &conclusion
    };
    let state = match (status.as_str(), ended.as_str()) {
        (_, "success") => RunState::Succeeded,
        (
            _,
            "failure" | "failed" | "cancelled" | "canceled" | "timed_out" | "startup_failure"
            | "skipped" | "stale" | "neutral",
        )
        | ("completed", _) => RunState::Failed(ended.clone()),
        ("in_progress" | "running", _) => RunState::Running,
        (waits, _) => RunState::Waiting(waits.to_owned()),
    };
    let urls = [&run["html_url"], &run["web_url"], &run["url"]];
    Run {
        id: run["id"].as_u64().unwrap_or_default(),
        url: urls.into_iter().find_map(Value::as_str).map(str::to_owned),
        state,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_run_is_done_only_when_it_succeeded() {
        let state = |run: Value| read(&run).state;
        assert_eq!(
            state(json!({"id": 1, "status": "completed", "conclusion": "success"})),
            RunState::Succeeded
        );
        assert_eq!(
            state(json!({"id": 1, "status": "completed", "conclusion": "action_required"})),
            RunState::Failed("action_required".into())
        );
        assert_eq!(
            state(json!({"id": 1, "status": "queued", "conclusion": null})),
            RunState::Waiting("queued".into())
        );
        assert_eq!(
            state(json!({"id": 1, "status": "running"})),
            RunState::Running
        );
        assert_eq!(
            state(json!({"id": 1, "status": "failed"})),
            RunState::Failed("failed".into())
        );
        assert_eq!(
            state(json!({"id": 1, "status": "success"})),
            RunState::Succeeded
        );
    }
}
