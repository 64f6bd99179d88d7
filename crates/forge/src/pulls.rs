//! Pull requests: found, else opened.

use ripcord_domain::config::Forge;
use ripcord_domain::problem::Problem;
use serde_json::{Value, json};

use crate::place::escaped;
use crate::repository::Repository;

/// What is to be merged.
pub struct PullRequest<'a> {
    /// The branch with the change.
    pub head: &'a str,
    /// The branch that it goes to.
    pub base: &'a str,
    /// The title.
    pub title: &'a str,
    /// What is said of it, as Markdown.
    pub body: &'a str,
}

/// A pull request that is open; a merge request where it is called so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pull {
    /// Its number.
    pub number: u64,
    /// Where a person sees it.
    pub url: String,
    /// Whether it was made now.
    pub is_new: bool,
}

impl Repository<'_> {
    /// The open pull request of a branch to another, opened if there is none.
    ///
    /// # Errors
    /// The forge does not take it, or does not answer.
    pub async fn pull_request(&self, wanted: &PullRequest<'_>) -> Result<Pull, Problem> {
        if let Some(known) = self.find_pull(wanted.head, wanted.base).await? {
            return Ok(known);
        }
        let what = format!("a pull request of {}", wanted.head);
        let PullRequest {
            head,
            base,
            title,
            body,
        } = wanted;
        let said = match self.forge {
            Forge::Gitlab => {
                let sent = json!({"source_branch": head, "target_branch": base, "title": title, "description": body});
                self.post(&what, "/merge_requests", &sent).await?
            }
            Forge::Github | Forge::Gitea => {
                let sent = json!({"head": head, "base": base, "title": title, "body": body});
                self.post(&what, "/pulls", &sent).await?
            }
        };
        Ok(read(&said, true))
    }

    /// The open pull request of a branch to another.
    ///
    /// # Errors
    /// The forge does not answer, or not to whoever asks.
    pub async fn find_pull(&self, head: &str, base: &str) -> Result<Option<Pull>, Problem> {
        let what = format!("pull requests of {head}");
        let owner = self.place.path.split('/').next().unwrap_or_default();
        let path = match self.forge {
            Forge::Gitlab => format!(
                "/merge_requests?state=opened&source_branch={}&target_branch={}",
                escaped(head),
                escaped(base)
            ),
            Forge::Github => format!(
                "/pulls?state=open&head={}&base={}",
                escaped(&format!("{owner}:{head}")),
                escaped(base)
            ),
            Forge::Gitea => "/pulls?state=open&limit=50".to_owned(),
        };
        let said = self.get(&what, &path).await?;
        let is_it = |one: &&Value| match self.forge {
            Forge::Gitea => one["head"]["ref"] == head && one["base"]["ref"] == base,
            _ => true,
        };
        let list = said.as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(list.iter().find(is_it).map(|one| read(one, false)))
    }
}

fn read(said: &Value, is_new: bool) -> Pull {
    let number = said["number"].as_u64().or_else(|| said["iid"].as_u64());
    let url = said["html_url"]
        .as_str()
        .or_else(|| said["web_url"].as_str());
    Pull {
        number: number.unwrap_or_default(),
        url: url.unwrap_or_default().to_owned(),
        is_new,
    }
}
