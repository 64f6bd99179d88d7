//! Runs of workflows, as the forge's API shows them.

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use data_encoding::BASE64;
use serde_json::{Value, json};

use super::{FORGE_USER, Forge};
use crate::argocd::PASSWORD;

/// How long after the end of a job its log may take to be readable.
const LOG_WITHIN: Duration = Duration::from_secs(30);

impl Forge<'_> {
    /// Commits a file to `main` of one of the administrator's repositories; the commit. A file that is there
    /// is replaced.
    ///
    /// # Errors
    /// The forge refuses it.
    pub fn commit(&self, repository: &str, path: &str, content: &str) -> Result<String> {
        let url = format!("/repos/{FORGE_USER}/{repository}/contents/{path}");
        let there = self.call("GET", &url, &Value::Null)?.ok();
        let sha = there.map(|file| file["sha"].clone());
        let verb = if sha.is_some() { "PUT" } else { "POST" };
        let body = json!({
            "content": BASE64.encode(content.as_bytes()),
            "message": format!("Change {path}"), "branch": "main", "sha": sha,
        });
        let made = self.asked(verb, &url, &body)?;
        let commit = made["commit"]["sha"].as_str();
        commit.map(str::to_owned).context("a commit without a name")
    }

    /// Sets a secret of a repository's workflows.
    ///
    /// # Errors
    /// The forge refuses it.
    pub fn set_secret(&self, repository: &str, name: &str, value: &str) -> Result<()> {
        let url = format!("/repos/{FORGE_USER}/{repository}/actions/secrets/{name}");
        self.asked("PUT", &url, &json!({"data": value})).map(drop)
    }

    /// Makes a variable of a repository's workflows.
    ///
    /// # Errors
    /// There is one; the forge refuses it.
    pub fn set_variable(&self, repository: &str, name: &str, value: &str) -> Result<()> {
        let url = format!("/repos/{FORGE_USER}/{repository}/actions/variables/{name}");
        self.asked("POST", &url, &json!({"value": value})).map(drop)
    }

    /// Starts a workflow that can be started by hand; the number of its run. `workflow` is its file's name.
    ///
    /// # Errors
    /// There is no such workflow, or it does not know an input.
    pub fn dispatch(
        &self,
        repository: &str,
        workflow: &str,
        branch: &str,
        inputs: &Value,
    ) -> Result<u64> {
        let url = format!(
            "/repos/{FORGE_USER}/{repository}/actions/workflows/{workflow}/dispatches?return_run_details=true"
        );
        let body = json!({"ref": branch, "inputs": inputs});
        let made = self.asked("POST", &url, &body)?;
        let id = made["workflow_run_id"].as_u64();
        id.with_context(|| format!("a run without a number: {made}"))
    }

    /// The runs of a repository's workflows, the newest first.
    ///
    /// # Errors
    /// There is no such repository.
    pub fn runs(&self, repository: &str) -> Result<Vec<Value>> {
        let url = format!("/repos/{FORGE_USER}/{repository}/actions/runs");
        let mut listed = self.asked("GET", &url, &Value::Null)?;
        serde_json::from_value(listed["workflow_runs"].take()).context("a list of runs")
    }

    /// Waits until a run and all its jobs have ended; how it did: `success`, `failure`, `cancelled`,
    /// `skipped`. Gitea calls a run a failure as soon as a job has failed, also while others wait for that one
    /// and may run yet.
    ///
    /// # Errors
    /// It does not end within `patience`; there is no such run.
    pub fn wait_for_run(&self, repository: &str, run: u64, patience: Duration) -> Result<String> {
        let url = format!("/repos/{FORGE_USER}/{repository}/actions/runs/{run}");
        let jobs = format!("{url}/jobs");
        let what = format!("the end of run {run}");
        let waited = self.bed.wait_for(&what, patience, || async {
            let found = self.read(&jobs).await?;
            let jobs = found["jobs"].as_array().into_iter().flatten();
            let mut open = jobs.filter(|job| job["status"] != "completed");
            if let Some(job) = open.next() {
                return Err(format!("job {} is {}", job["name"], job["status"]));
            }
            let run = self.read(&url).await?;
            match (run["status"].as_str(), run["conclusion"].as_str()) {
                (Some("completed"), Some(conclusion)) => Ok(conclusion.to_owned()),
                (status, _) => Err(format!("it is {status:?}")),
            }
        });
        self.bed.block_on(waited)
    }

    async fn read(&self, path: &str) -> Result<Value, String> {
        let found = self.ask("GET", path, &Value::Null).await;
        let found = found.map_err(|error| error.to_string())?;
        found.map_err(|refused| format!("{refused:?}"))
    }

    /// The jobs of a run, as the API shows them. It says of each step that it ended as its job did.
    ///
    /// # Errors
    /// There is no such run.
    pub fn jobs(&self, repository: &str, run: u64) -> Result<Vec<Value>> {
        let url = format!("/repos/{FORGE_USER}/{repository}/actions/runs/{run}/jobs");
        let mut listed = self.asked("GET", &url, &Value::Null)?;
        serde_json::from_value(listed["jobs"].take()).context("a list of jobs")
    }

    /// The log of a job of a run, by the job's name. Gitea says that a job has ended some moments before its
    /// log can be read, so that of an ended one is waited for.
    ///
    /// # Errors
    /// There is no such job, or it has not run.
    pub fn job_log(&self, repository: &str, run: u64, job: &str) -> Result<String> {
        let jobs = self.jobs(repository, run)?;
        let found = jobs.iter().find(|one| one["name"] == job);
        let found = found.with_context(|| format!("no job {job} in run {run}"))?;
        let id = found["id"].as_u64().context("a job without a number")?;
        let url = format!(
            "{}/api/v1/repos/{FORGE_USER}/{repository}/actions/jobs/{id}/logs",
            self.url
        );
        let ended = found["status"] == "completed";
        let patience = if ended { LOG_WITHIN } else { Duration::ZERO };
        let what = format!("the log of job {job}");
        let log = self.bed.wait_for(&what, patience, || async {
            let request = self.bed.http().get(&url);
            let answer = request.basic_auth(FORGE_USER, Some(PASSWORD)).send().await;
            let answer = answer.and_then(reqwest::Response::error_for_status);
            let answer = answer.map_err(|error| error.to_string())?;
            answer.text().await.map_err(|error| error.to_string())
        });
        self.bed.block_on(log)
    }

    /// What the API says, where a refusal is an error.
    fn asked(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let said = self.call(method, path, body)?;
        said.map_err(|refused| anyhow!("{method} {path}: {refused:?}"))
    }
}
