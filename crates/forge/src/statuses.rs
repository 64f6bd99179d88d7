//! What the checks of a commit say: whether the normal pipeline has passed what a gate left out.

use ripcord_domain::Problem;
use ripcord_domain::config::Forge;
use serde_json::Value;

use crate::answer::text;
use crate::repository::{Call, Repository};

/// How a check ended, or that it has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It ran, and nothing was wrong.
    Passed,
    /// It was left out: nothing is known by it.
    Skipped,
    /// It runs, or waits to.
    Pending,
    /// It found something, or did not get to an end.
    Failed,
}

/// One check of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckState {
    /// Its name, as the forge's rules of a branch take it: GitHub's job, Gitea's context.
    pub name: String,
    /// The workflow that it is a job of, on GitHub: its page shows `ci / integration (push)` for the job
    /// `integration` of the workflow `ci` on the event `push`.
    pub workflow: Option<String>,
    /// The event that the workflow ran on, such as `push`.
    pub event: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// The same in the forge's own word, such as `timed_out`.
    pub words: String,
    /// Its page.
    pub url: Option<String>,
}

impl CheckState {
    /// Whether a person means this one: by its name alone, with its workflow, or with the event too. Of a context
    /// of Gitea (`ci / integration (push)`) the event may be left out.
    pub fn is(&self, wanted: &str) -> bool {
        let Self { name, .. } = self;
        if name == wanted {
            return true;
        }
        let Some(workflow) = &self.workflow else {
            let bare = name
                .strip_suffix(')')
                .and_then(|name| name.rsplit_once(" ("));
            return bare.is_some_and(|(bare, _)| bare == wanted);
        };
        let long = format!("{workflow} / {name}");
        let longest = self.event.as_ref().map(|event| format!("{long} ({event})"));
        long == wanted || longest.as_deref() == Some(wanted)
    }
}

/// What the checks of a name say together: the worst of them, since a job may run on several events. None
/// where there is none of this name.
pub fn outcome_of(states: &[CheckState], wanted: &str) -> Option<Outcome> {
    let of_name = states.iter().filter(|state| state.is(wanted));
    of_name.map(|state| state.outcome).max()
}

impl Repository {
    /// Every check of a commit, each as it ended last.
    ///
    /// # Errors
    /// The forge does not answer, does not know the commit, or not for whoever asks.
    pub async fn statuses(&self, commit: &str) -> Result<Vec<CheckState>, Problem> {
        let call = self.call();
        match self.forge() {
            Forge::Github => of_github(&call, commit).await,
            Forge::Gitea => {
                // <https://docs.gitea.com/api/> (`repoGetCombinedStatusByRef`): the last of each context.
                let path = format!("/commits/{commit}/status?limit=50");
                let listed = listed(&call, "the statuses", &path, Some("statuses"), commit).await?;
                let mut states: Vec<CheckState> =
                    listed.iter().map(|said| plain(said, "context")).collect();
                // Of its own runs it says where they are without the host.
                for url in states.iter_mut().filter_map(|state| state.url.as_mut()) {
                    if url.starts_with('/') {
                        url.insert_str(0, &self.place().origin);
                    }
                }
                Ok(states)
            }
            Forge::Gitlab => {
                // <https://docs.gitlab.com/api/commits/#list-commit-statuses>
                let path = format!("/repository/commits/{commit}/statuses?per_page=100");
                let listed = listed(&call, "the statuses", &path, None, commit).await?;
                Ok(listed.iter().map(|said| plain(said, "name")).collect())
            }
        }
    }
}

async fn listed(
    call: &Call<'_>,
    of: &str,
    path: &str,
    key: Option<&str>,
    commit: &str,
) -> Result<Vec<Value>, Problem> {
    let what = format!("{of} of commit {}", commit.get(..12).unwrap_or(commit));
    call.list(&what, path, key, |_| false).await
}

/// A status that somebody set, the same on all three but for its name.
fn plain(said: &Value, name: &str) -> CheckState {
    // Gitea says `status` of each, GitHub `state`.
    let word = said["status"].as_str().or(said["state"].as_str());
    let word = word.unwrap_or_default();
    CheckState {
        name: said[name].as_str().unwrap_or_default().to_owned(),
        workflow: None,
        event: None,
        outcome: outcome(word),
        words: word.to_owned(),
        url: text(&said["target_url"]),
    }
}

/// The words of all three; they do not contradict each other. What is not known has not passed.
fn outcome(word: &str) -> Outcome {
    match word {
        "success" | "neutral" => Outcome::Passed,
        "skipped" => Outcome::Skipped,
        "pending"
        | "queued"
        | "in_progress"
        | "requested"
        | "waiting"
        | "running"
        | "created"
        | "preparing"
        | "waiting_for_resource"
        | "waiting_for_callback"
        | "scheduled"
        | "manual"
        | "action_required"
        | "canceling"
        | "" => Outcome::Pending,
        _ => Outcome::Failed,
    }
}

/// Jobs and apps report by check runs there, other systems by statuses
/// (<https://docs.github.com/en/rest/checks/runs#list-check-runs-for-a-git-reference>,
/// <https://docs.github.com/en/rest/commits/statuses#get-the-combined-status-for-a-specific-reference>).
async fn of_github(call: &Call<'_>, commit: &str) -> Result<Vec<CheckState>, Problem> {
    let (runs, statuses) = (
        format!("/commits/{commit}/check-runs?filter=latest&per_page=100"),
        format!("/commits/{commit}/status?per_page=100"),
    );
    let (runs, statuses) = futures_util::future::join(
        listed(call, "the checks", &runs, Some("check_runs"), commit),
        listed(call, "the statuses", &statuses, Some("statuses"), commit),
    )
    .await;
    let (runs, statuses) = (runs?, statuses?);
    let is_job = |said: &Value| said["app"]["slug"] == "github-actions";
    let workflows = if runs.iter().any(is_job) {
        let path = format!("/actions/runs?head_sha={commit}&per_page=100");
        let of_commit = listed(call, "the runs", &path, Some("workflow_runs"), commit).await;
        // Without them names are shorter.
        of_commit.unwrap_or_default()
    } else {
        Vec::new()
    };
    let mut states: Vec<CheckState> = runs
        .iter()
        .map(|said| {
            let suite = &said["check_suite"]["id"];
            let of_suite = |run: &&Value| !suite.is_null() && run["check_suite_id"] == *suite;
            let run = workflows.iter().find(of_suite);
            let word = text(&said["conclusion"]).or_else(|| text(&said["status"]));
            let word = word.unwrap_or_default();
            CheckState {
                name: said["name"].as_str().unwrap_or_default().to_owned(),
                workflow: run.and_then(|run| text(&run["name"])),
                event: run.and_then(|run| text(&run["event"])),
                outcome: outcome(&word),
                words: word,
                url: text(&said["html_url"]),
            }
        })
        .collect();
    states.extend(statuses.iter().map(|said| plain(said, "context")));
    Ok(states)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, workflow: Option<&str>, word: &str) -> CheckState {
        CheckState {
            name: name.to_owned(),
            workflow: workflow.map(str::to_owned),
            event: workflow.map(|_| "push".to_owned()),
            outcome: outcome(word),
            words: word.to_owned(),
            url: None,
        }
    }

    #[test]
    fn a_job_is_meant_by_each_of_its_names_and_by_no_other_workflow() {
        let job = check("integration", Some("ci"), "success");
        for name in ["integration", "ci / integration", "ci / integration (push)"] {
            assert!(job.is(name), "{name}");
        }
        assert!(!job.is("nightly / integration") && !job.is("ci"));
        let context = check("ci / integration (push)", None, "success");
        assert!(context.is("ci / integration") && !context.is("integration"));
    }

    #[test]
    fn the_worst_of_the_same_name_counts_and_nothing_unknown_has_passed() {
        let on_push = check("unit", Some("ci"), "success");
        let on_pull = check("unit", Some("ci"), "timed_out");
        let both = [on_push.clone(), on_pull];
        assert_eq!(outcome_of(&both, "ci / unit"), Some(Outcome::Failed));
        let skipped = [on_push, check("unit", Some("ci"), "skipped")];
        assert_eq!(outcome_of(&skipped, "unit"), Some(Outcome::Skipped));
        assert_eq!(outcome_of(&skipped, "scan"), None);
        assert_eq!(outcome("a new word"), Outcome::Failed);
        assert_eq!(outcome("warning"), Outcome::Failed);
    }
}
