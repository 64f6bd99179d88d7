//! The run that a dispatch started: where it is, and how it stands.

use jiff::{SignedDuration, Timestamp};
use ripcord_domain::Problem;
use ripcord_domain::config::Forge;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::answer::text;
use crate::dispatch::Dispatched;
use crate::repository::{Call, Repository, value};

/// A run is listed with the time when the forge made it, which is a little before it answered.
const BEFORE: SignedDuration = SignedDuration::from_secs(60);

/// A run of a workflow, or a pipeline of GitLab.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRef {
    /// The forge's number of it.
    pub id: u64,
    /// Its page.
    pub url: Option<String>,
}

/// How a run stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Which one.
    pub run: RunRef,
    /// Its name as the forge shows it; it contains the correlation id.
    pub title: String,
    /// How it stands.
    pub state: RunState,
    /// The same in the forge's own words, such as `completed, failure`.
    pub words: String,
    /// The commit whose workflow runs.
    pub commit: Option<String>,
}

/// How a run stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunState {
    /// Nothing of it runs yet, or no longer.
    Waiting {
        /// What for, where that is known.
        why: Option<Wait>,
    },
    /// Something of it runs.
    Running {
        /// What, where that is known.
        at: Option<Spot>,
    },
    /// All of it is done and well.
    Succeeded,
    /// It ended otherwise, also when nothing of it ran: the forge's own word says how.
    Failed {
        /// What failed first, where that is known.
        at: Option<Spot>,
    },
    /// Somebody or something stopped it.
    Cancelled,
}

/// What a run waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wait {
    /// No runner has taken a job yet.
    Runner {
        /// The job.
        job: String,
        /// The labels that a runner must have for it.
        labels: Vec<String>,
    },
    /// A person has to let it on.
    Approval {
        /// The environment, or GitLab's manual job; none where the run itself has to be let on.
        of: Option<String>,
    },
    /// Another run or job that goes first.
    Turn,
}

/// A place in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The job.
    pub job: String,
    /// The step, or GitLab's reason; none where the job did not come so far.
    pub step: Option<String>,
    /// The job's page.
    pub url: Option<String>,
}

/// How a run or a job stands, by one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stand {
    Queued,
    Held,
    Turn,
    Running,
    Succeeded,
    Failed,
    Cancelled,
    /// A word that is not known here.
    Unknown,
}

impl Repository {
    /// Finds the run of a dispatch and how it stands; none where there is none yet.
    ///
    /// The run is the one that the forge named, else one whose name contains the correlation id. The receiver's
    /// workflow must set such a name (`run-name`, `workflow:name`).
    ///
    /// # Errors
    /// The forge does not answer, or not to whoever asks.
    pub async fn run_of(&self, dispatched: &Dispatched) -> Result<Option<Run>, Problem> {
        let call = self.call();
        let what = format!("the run of {}", dispatched.workflow);
        let found = match &dispatched.run {
            Some(run) => {
                let path = match self.forge() {
                    Forge::Gitlab => format!("/pipelines/{}", run.id),
                    _ => format!("/actions/runs/{}", run.id),
                };
                Some(call.read(&what, &path).await?)
            }
            None => by_name(&call, dispatched).await?,
        };
        let Some(said) = found else {
            return Ok(None);
        };
        let (Some(id), forge) = (said["id"].as_u64(), self.forge()) else {
            return Ok(None);
        };
        let known = dispatched.run.as_ref().and_then(|run| run.url.clone());
        let run = RunRef {
            id,
            url: text(&said["html_url"])
                .or_else(|| text(&said["web_url"]))
                .or(known),
        };
        let stand = stand(forge, &said);
        Ok(Some(Run {
            state: state(&call, &run, stand).await,
            run,
            title: title(&said).to_owned(),
            words: said_of(&said),
            commit: text(&said["head_sha"]).or_else(|| text(&said["sha"])),
        }))
    }
}

/// Finds a run by its name, newest first.
async fn by_name(call: &Call<'_>, dispatched: &Dispatched) -> Result<Option<Value>, Problem> {
    let since = dispatched.at.map(|at| in_seconds(at - BEFORE));
    let id = dispatched.correlation_id.as_str();
    let (path, key) = match call.repository.forge() {
        // <https://docs.github.com/en/rest/actions/workflow-runs#list-workflow-runs-for-a-repository>
        Forge::Github => {
            let since = since.map(|since| format!("&created={}", value(&format!(">={since}"))));
            let path = format!(
                "/actions/runs?event=repository_dispatch&per_page=100{}",
                since.unwrap_or_default()
            );
            (path, Some("workflow_runs"))
        }
        Forge::Gitea => (
            "/actions/runs?event=workflow_dispatch&limit=50".to_owned(),
            Some("workflow_runs"),
        ),
        // <https://docs.gitlab.com/api/pipelines/#list-project-pipelines>
        Forge::Gitlab => {
            let since = since.map(|since| format!("&updated_after={}", value(&since)));
            let path = format!(
                "/pipelines?source=trigger&per_page=100{}",
                since.unwrap_or_default()
            );
            (path, None)
        }
    };
    let is_it = |said: &Value| names(title(said), id);
    let what = format!("the run of {}", dispatched.workflow);
    let listed = call.list(&what, &path, key, is_it).await?;
    Ok(listed.into_iter().find(is_it))
}

/// As all three take a time in a query.
fn in_seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// GitHub's and Gitea's `display_title`, Forgejo's `title`, GitLab's `name`.
fn title(said: &Value) -> &str {
    ["display_title", "title", "name"]
        .into_iter()
        .find_map(|field| said[field].as_str())
        .unwrap_or_default()
}

/// Whether a name contains an id as a whole: `d-1` is not in `d-10`.
fn names(title: &str, id: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    !id.is_empty()
        && title.match_indices(id).any(|(at, _)| {
            let before = title[..at].chars().next_back();
            let after = title[at + id.len()..].chars().next();
            !before.is_some_and(is_part) && !after.is_some_and(is_part)
        })
}

fn said_of(said: &Value) -> String {
    let words: Vec<&str> = ["status", "conclusion"]
        .into_iter()
        .filter_map(|field| said[field].as_str().filter(|word| !word.is_empty()))
        .collect();
    words.join(", ")
}

/// How a run or a job stands by its words.
fn stand(forge: Forge, said: &Value) -> Stand {
    let status = said["status"].as_str().unwrap_or_default();
    let ended = said["conclusion"].as_str().unwrap_or_default();
    match forge {
        // <https://docs.github.com/en/rest/actions/workflow-runs#get-a-workflow-run>
        Forge::Github => match (status, ended) {
            ("completed", "success" | "neutral") => Stand::Succeeded,
            ("completed", "cancelled") => Stand::Cancelled,
            ("completed", "action_required") | ("waiting", _) => Stand::Held,
            ("completed", _) => Stand::Failed,
            ("in_progress", _) => Stand::Running,
            ("queued", _) => Stand::Queued,
            ("pending" | "requested", _) => Stand::Turn,
            _ => Stand::Unknown,
        },
        // Gitea 1.26 speaks as GitHub, but for `waiting`, which is a job that another one goes before. The words
        // without a conclusion are Forgejo's.
        Forge::Gitea => match (status, ended) {
            ("completed", "success") | ("success", _) => Stand::Succeeded,
            ("completed", "cancelled") | ("cancelled", _) => Stand::Cancelled,
            ("completed" | "failure" | "skipped", _) => Stand::Failed,
            ("in_progress" | "running", _) => Stand::Running,
            ("queued", _) => Stand::Queued,
            ("waiting", _) if said["display_title"].is_null() && said["title"].is_string() => {
                Stand::Queued
            }
            ("waiting" | "blocked", _) => Stand::Turn,
            _ => Stand::Unknown,
        },
        // <https://docs.gitlab.com/api/pipelines/#list-project-pipelines> and, of jobs,
        // <https://docs.gitlab.com/ci/jobs/#available-job-statuses>
        Forge::Gitlab => match status {
            "success" => Stand::Succeeded,
            "failed" | "skipped" => Stand::Failed,
            "canceled" | "canceling" => Stand::Cancelled,
            "running" => Stand::Running,
            "pending" | "preparing" => Stand::Queued,
            "manual" => Stand::Held,
            "created" | "waiting_for_resource" | "scheduled" | "waiting_for_callback" => {
                Stand::Turn
            }
            _ => Stand::Unknown,
        },
    }
}

/// The details of a run. They are only worth telling: where its jobs are not shown, the run's own word stands.
async fn state(call: &Call<'_>, run: &RunRef, stand: Stand) -> RunState {
    let forge = call.repository.forge();
    match stand {
        Stand::Succeeded => RunState::Succeeded,
        Stand::Cancelled => RunState::Cancelled,
        Stand::Unknown => RunState::Waiting { why: None },
        Stand::Turn => RunState::Waiting {
            why: Some(Wait::Turn),
        },
        Stand::Held => RunState::Waiting {
            why: Some(Wait::Approval {
                of: held_for(call, run).await,
            }),
        },
        Stand::Queued => RunState::Waiting {
            why: jobs(call, run)
                .await
                .iter()
                .find(|job| stands(forge, job, Stand::Queued))
                .map(|job| Wait::Runner {
                    job: name(job),
                    labels: labels(job),
                }),
        },
        Stand::Running => RunState::Running {
            at: jobs(call, run)
                .await
                .iter()
                .find(|job| stands(forge, job, Stand::Running))
                .map(|job| spot(forge, job, Stand::Running)),
        },
        Stand::Failed => {
            let jobs = jobs(call, run).await;
            let is_forgiven = |job: &&Value| job["allow_failure"] == true;
            RunState::Failed {
                at: jobs
                    .iter()
                    .filter(|job| !is_forgiven(job))
                    .find(|job| stands(forge, job, Stand::Failed) && !is_skipped(job))
                    .map(|job| spot(forge, job, Stand::Failed)),
            }
        }
    }
}

fn stands(forge: Forge, job: &Value, wanted: Stand) -> bool {
    stand(forge, job) == wanted
}

/// A job or step that was left out is not what failed.
fn is_skipped(said: &Value) -> bool {
    said["conclusion"] == "skipped" || said["status"] == "skipped"
}

async fn jobs(call: &Call<'_>, run: &RunRef) -> Vec<Value> {
    let (path, key) = match call.repository.forge() {
        Forge::Github => (
            format!("/actions/runs/{}/jobs?filter=latest&per_page=100", run.id),
            Some("jobs"),
        ),
        Forge::Gitea => (
            format!("/actions/runs/{}/jobs?limit=50", run.id),
            Some("jobs"),
        ),
        Forge::Gitlab => (format!("/pipelines/{}/jobs?per_page=100", run.id), None),
    };
    let listed = call
        .list("the jobs of the run", &path, key, |_| false)
        .await;
    let mut jobs = listed.unwrap_or_default();
    if call.repository.forge() == Forge::Gitlab {
        // The newest are first there.
        jobs.sort_by_key(|job| job["id"].as_u64());
    }
    jobs
}

fn name(said: &Value) -> String {
    said["name"].as_str().unwrap_or_default().to_owned()
}

fn labels(job: &Value) -> Vec<String> {
    let of = |field: &str| job[field].as_array().cloned().unwrap_or_default();
    let labels = [of("labels"), of("tag_list")].concat();
    labels.iter().filter_map(text).collect()
}

fn spot(forge: Forge, job: &Value, wanted: Stand) -> Spot {
    let steps = job["steps"].as_array().into_iter().flatten();
    let step = steps
        .filter(|step| !is_skipped(step))
        .find(|step| stands(forge, step, wanted))
        .map(name);
    Spot {
        job: name(job),
        step: step.or_else(|| text(&job["failure_reason"])),
        url: text(&job["html_url"]).or_else(|| text(&job["web_url"])),
    }
}

/// What a run waits to be approved for.
async fn held_for(call: &Call<'_>, run: &RunRef) -> Option<String> {
    match call.repository.forge() {
        // <https://docs.github.com/en/rest/actions/workflow-runs#get-pending-deployments-for-a-workflow-run>
        Forge::Github => {
            let path = format!("/actions/runs/{}/pending_deployments", run.id);
            let said = call.read("what the run waits for", &path).await.ok()?;
            text(&said[0]["environment"]["name"])
        }
        Forge::Gitlab => jobs(call, run)
            .await
            .iter()
            .find(|job| job["status"] == "manual")
            .map(name),
        Forge::Gitea => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_id_is_found_as_a_whole_only() {
        assert!(names("deploy checkout v1 to production (d-1)", "d-1"));
        assert!(!names("deploy checkout v1 to production (d-10)", "d-1"));
        assert!(!names("deploy ad-1", "d-1") && !names("d-1", ""));
        assert!(names("d-10 after d-1", "d-1"));
    }

    #[test]
    fn nothing_that_did_not_run_counts_as_a_success() {
        for (forge, status, conclusion) in [
            (Forge::Github, "completed", "skipped"),
            (Forge::Github, "completed", "stale"),
            (Forge::Github, "completed", "startup_failure"),
            (Forge::Github, "completed", "a new word"),
            (Forge::Gitea, "completed", "skipped"),
            (Forge::Gitea, "skipped", ""),
            (Forge::Gitlab, "skipped", ""),
        ] {
            let said = json!({"status": status, "conclusion": conclusion});
            assert_eq!(stand(forge, &said), Stand::Failed, "{said}");
        }
    }
}
