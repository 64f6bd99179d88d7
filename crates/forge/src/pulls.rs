//! Pull requests, which GitLab calls merge requests: one for a branch, and one comment of a kind on it.

use ripcord_domain::config::Forge;
use ripcord_domain::{Kind, Problem};
use serde_json::{Value, json};

use crate::answer::text;
use crate::repository::{Call, Repository, Unwritten, path, value};

/// What a pull request is to be.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The branch to merge, of the same repository.
    pub head: String,
    /// The branch to merge into.
    pub base: String,
    /// Its title.
    pub title: String,
    /// Its description, in Markdown.
    pub body: String,
}

/// How a pull request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullState {
    /// It can still be merged.
    Open,
    /// It was closed without being merged.
    Closed,
    /// It was merged.
    Merged,
}

/// A pull request as the forge shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequest {
    /// Its number in the repository.
    pub number: u64,
    /// Its page.
    pub url: String,
    /// How it stands.
    pub state: PullState,
    /// Whether it merges without conflicts; none where the forge has not found out yet.
    pub mergeable: Option<bool>,
    /// The forge's own word for whether it may be merged, such as `blocked` or `ci_must_pass`.
    pub words: Option<String>,
    /// The tip of the branch to merge.
    pub commit: Option<String>,
    /// The commit that merged it.
    pub merged_as: Option<String>,
}

/// A comment that is there now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commented {
    /// Its page, where the forge says it.
    pub url: Option<String>,
    /// Whether it was there before.
    pub was_there: bool,
}

impl Repository {
    /// Finds the pull request of a branch into another: an open one, else the newest.
    ///
    /// # Errors
    /// The forge does not answer, or not to whoever asks.
    pub async fn find_pull_request(
        &self,
        head: &str,
        base: &str,
    ) -> Result<Option<PullRequest>, Problem> {
        let call = self.call();
        match find(&call, head, base).await? {
            Some(said) => detailed(&call, said).await.map(Some),
            None => Ok(None),
        }
    }

    /// Finds the open pull request of a branch into another, or opens one.
    ///
    /// # Errors
    /// `nothing_to_merge`: the base contains all of the head. All others: the forge does not answer or refuses.
    pub async fn pull_request(&self, wanted: &Proposal) -> Result<PullRequest, Problem> {
        let call = self.call();
        if let Some(said) = find_open(&call, wanted).await? {
            return detailed(&call, said).await;
        }
        let what = format!("the pull request of {}", wanted.head);
        let Proposal {
            head,
            base,
            title,
            body,
        } = wanted;
        let (path, sent) = match self.forge() {
            Forge::Github | Forge::Gitea => (
                "/pulls",
                json!({"head": head, "base": base, "title": title, "body": body}),
            ),
            Forge::Gitlab => (
                "/merge_requests",
                json!({"source_branch": head, "target_branch": base, "title": title,
                       "description": body}),
            ),
        };
        let opened = match call.write(&what, path, &sent).await {
            Ok(answer) => read(self.forge(), answer.json())
                .ok_or_else(|| call.tell(&what, |question| question.unreadable(&answer))),
            Err(Unwritten::Refused { problem, .. }) if has_nothing(&problem.message) => {
                return Err(Problem::new(
                    Kind::Nothing,
                    "nothing_to_merge",
                    format!("{base} contains all of {head}: there is nothing to merge"),
                ));
            }
            // Somebody else was faster (all three refuse a second one, by 409 or 422), or it may have been opened.
            Err(
                Unwritten::Refused {
                    status: Some(409 | 422),
                    problem,
                }
                | Unwritten::Unclear(problem),
            ) => Err(problem),
            Err(Unwritten::Refused { problem, .. }) => {
                let is_hidden = problem.code == "forge_not_there";
                return Err(if is_hidden {
                    problem.hint(format!(
                        "it says the same where {head} or {base} is no branch"
                    ))
                } else {
                    problem
                });
            }
        };
        // Gitea may have let another one through in the same moment: see `find`.
        if opened.is_ok() && self.forge() != Forge::Gitea {
            return opened;
        }
        match find_open(&call, wanted).await {
            Ok(Some(said)) => detailed(&call, said).await,
            Ok(None) | Err(_) => opened,
        }
    }

    /// Comments on a pull request once: where a comment of this key is, nothing is written.
    ///
    /// # Errors
    /// The forge does not answer or refuses.
    pub async fn comment(&self, number: u64, key: &str, words: &str) -> Result<Commented, Problem> {
        let call = self.call();
        let marker = marker(key);
        if let Some(there) = commented(&call, number, &marker).await? {
            return Ok(there);
        }
        let what = format!("the comment on pull request {number}");
        let body = json!({"body": format!("{words}\n\n{marker}")});
        let problem = match call
            .write(&what, &comments(self.forge(), number), &body)
            .await
        {
            Ok(answer) => {
                return Ok(Commented {
                    url: text(&answer.json()["html_url"]),
                    was_there: false,
                });
            }
            Err(Unwritten::Refused { problem, .. }) => return Err(problem),
            Err(Unwritten::Unclear(problem)) => problem,
        };
        match commented(&call, number, &marker).await {
            Ok(Some(there)) => Ok(Commented {
                was_there: false,
                ..there
            }),
            Ok(None) | Err(_) => Err(problem),
        }
    }
}

/// The newest one of a branch into another, an open one before all others.
async fn find(call: &Call<'_>, head: &str, base: &str) -> Result<Option<Value>, Problem> {
    let forge = call.repository.forge();
    let what = format!("the pull requests of {head}");
    let is_of = |said: &Value| is_of(forge, said, head, base);
    let is_it = |said: &Value| is_of(said) && state_of(forge, said) == PullState::Open;
    let listed = match forge {
        Forge::Github => {
            let path = &call.repository.place().path;
            let owner = path.split('/').next().unwrap_or_default();
            let url = format!(
                "/pulls?state=all&sort=created&direction=desc&per_page=100&base={}&head={}",
                value(base),
                value(&format!("{owner}:{head}"))
            );
            call.list(&what, &url, None, is_it).await?
        }
        Forge::Gitlab => {
            let url = format!(
                "/merge_requests?state=all&order_by=created_at&sort=desc&per_page=100\
                 &source_branch={}&target_branch={}",
                value(head),
                value(base)
            );
            call.list(&what, &url, None, is_it).await?
        }
        Forge::Gitea => {
            // It does not list by head: all open ones are looked through, and of the others it names the newest.
            let url = format!("/pulls?state=open&limit=50&base_branch={}", value(base));
            let mut listed = call.list(&what, &url, None, |_| false).await?;
            if !listed.iter().any(is_it) {
                let url = format!("/pulls/{}/{}", value(base), path(head));
                listed.extend(call.read_if_there(&what, &url).await?);
            }
            // It lets two that are opened in the same moment through: all who look take the first.
            listed.sort_by_key(number);
            listed
        }
    };
    let found = listed.iter().find(|said| is_it(said));
    Ok(found
        .or_else(|| listed.iter().find(|said| is_of(said)))
        .cloned())
}

async fn find_open(call: &Call<'_>, wanted: &Proposal) -> Result<Option<Value>, Problem> {
    let found = find(call, &wanted.head, &wanted.base).await?;
    let forge = call.repository.forge();
    Ok(found.filter(|said| state_of(forge, said) == PullState::Open))
}

/// Whether one is of these branches, and of this repository and no fork.
fn is_of(forge: Forge, said: &Value, head: &str, base: &str) -> bool {
    if forge == Forge::Gitlab {
        return said["source_branch"] == head
            && said["target_branch"] == base
            && said["source_project_id"] == said["target_project_id"];
    }
    let (of_head, of_base) = (&said["head"], &said["base"]);
    // After the branch is gone Gitea keeps its name in the label only. GitHub was asked by it.
    let is_head = of_head["ref"] == head || forge == Forge::Gitea && of_head["label"] == head;
    let is_here = forge == Forge::Github || of_head["repo_id"] == of_base["repo_id"];
    is_head && is_here && of_base["ref"] == base
}

/// As one entry of a list says less than the thing itself.
async fn detailed(call: &Call<'_>, said: Value) -> Result<PullRequest, Problem> {
    let forge = call.repository.forge();
    let number = number(&said).unwrap_or_default();
    let path = match forge {
        Forge::Gitlab => format!("/merge_requests/{number}"),
        Forge::Github | Forge::Gitea => format!("/pulls/{number}"),
    };
    let what = format!("pull request {number}");
    let is_open = state_of(forge, &said) == PullState::Open;
    let said = match call.read(&what, &path).await {
        Ok(detail) => detail,
        // What the list says is enough to go on.
        Err(_) if !is_open => said,
        Err(problem) => return Err(problem),
    };
    read(forge, &said).ok_or_else(|| {
        Problem::new(
            Kind::Remote,
            "not_an_api",
            format!("{what} is shown without its number and page"),
        )
    })
}

fn number(said: &Value) -> Option<u64> {
    said["iid"].as_u64().or(said["number"].as_u64())
}

fn state_of(forge: Forge, said: &Value) -> PullState {
    let is_merged = match forge {
        // In a list GitHub tells by the time only.
        Forge::Github => said["merged"] == true || said["merged_at"].is_string(),
        Forge::Gitea => said["merged"] == true,
        Forge::Gitlab => said["state"] == "merged",
    };
    match said["state"].as_str() {
        _ if is_merged => PullState::Merged,
        Some("open" | "opened" | "locked") => PullState::Open,
        _ => PullState::Closed,
    }
}

fn read(forge: Forge, said: &Value) -> Option<PullRequest> {
    let state = state_of(forge, said);
    let (mergeable, words) = match forge {
        Forge::Github => (said["mergeable"].as_bool(), &said["mergeable_state"]),
        Forge::Gitea => (said["mergeable"].as_bool(), &Value::Null),
        // <https://docs.gitlab.com/api/merge_requests/#merge-status>: conflicts are not known before it is checked.
        Forge::Gitlab => {
            let status = &said["detailed_merge_status"];
            let is_known = !matches!(
                status.as_str(),
                None | Some("unchecked" | "checking" | "preparing" | "approvals_syncing")
            );
            let has_conflicts = said["has_conflicts"].as_bool().filter(|_| is_known);
            (has_conflicts.map(|has| !has), status)
        }
    };
    let merged_as = ["merge_commit_sha", "squash_commit_sha"]
        .into_iter()
        .find_map(|field| text(&said[field]));
    Some(PullRequest {
        number: number(said)?,
        url: text(&said["html_url"]).or_else(|| text(&said["web_url"]))?,
        state,
        mergeable: mergeable.filter(|_| state == PullState::Open),
        words: text(words),
        commit: text(&said["head"]["sha"]).or_else(|| text(&said["sha"])),
        // Of an open one GitHub names a merge that it tried.
        merged_as: merged_as.filter(|_| state == PullState::Merged),
    })
}

/// As GitHub and Gitea say that there is nothing to merge; GitLab opens one without changes.
fn has_nothing(message: &str) -> bool {
    message.contains("No commits between")
        || message.contains("There are no changes between the head and the base")
}

fn comments(forge: Forge, number: u64) -> String {
    match forge {
        Forge::Gitlab => format!("/merge_requests/{number}/notes"),
        Forge::Github | Forge::Gitea => format!("/issues/{number}/comments"),
    }
}

/// What no reader sees: a comment of HTML, which none of the three shows.
fn marker(key: &str) -> String {
    let key: String = key
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    // Two dashes would end it.
    let parts: Vec<&str> = key.split('-').filter(|part| !part.is_empty()).collect();
    format!("<!-- ripcord:{} -->", parts.join("-"))
}

async fn commented(
    call: &Call<'_>,
    number: u64,
    marker: &str,
) -> Result<Option<Commented>, Problem> {
    let has = |said: &Value| {
        said["body"]
            .as_str()
            .is_some_and(|body| body.contains(marker))
    };
    let forge = call.repository.forge();
    let query = match forge {
        Forge::Gitea => "?limit=50",
        Forge::Github => "?per_page=100",
        Forge::Gitlab => "?per_page=100&sort=asc",
    };
    let path = format!("{}{query}", comments(forge, number));
    let what = format!("the comments on pull request {number}");
    let listed = call.list(&what, &path, None, has).await?;
    Ok(listed.iter().find(|said| has(said)).map(|said| Commented {
        url: text(&said["html_url"]),
        was_there: true,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_cannot_be_ended_by_its_key() {
        assert_eq!(marker("INC-31 --> <b>"), "<!-- ripcord:INC-31-b -->");
        assert_eq!(marker("a-1"), marker("a--1"));
    }
}
