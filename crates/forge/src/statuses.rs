//! What was checked on a commit.

use ripcord_domain::config::Forge;
use ripcord_domain::problem::Problem;
use serde_json::Value;

use crate::repository::Repository;

/// A check of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its name, as the forge shows it.
    pub name: String,
    /// Whether it passed; none while it has no result.
    pub passed: Option<bool>,
}

/// Pages that are read at the most.
const PAGES: usize = 10;
const PER_PAGE: usize = 50;

impl Repository<'_> {
    /// Every check and status of a commit, the newest of each name.
    ///
    /// # Errors
    /// The forge does not answer, or not to whoever asks.
    pub async fn statuses(&self, commit: &str) -> Result<Vec<Status>, Problem> {
        let what = format!("the checks of {commit}");
        let mut found = Vec::new();
        match self.forge {
            Forge::Github => {
                let path = format!("/commits/{commit}/check-runs");
                for run in self.pages(&what, &path, Some("check_runs")).await? {
                    // One that did not run says nothing against the commit.
                    add(&mut found, &run["name"], &run["conclusion"]);
                }
                let path = format!("/commits/{commit}/statuses");
                for one in self.pages(&what, &path, None).await? {
                    add(&mut found, &one["context"], &one["state"]);
                }
            }
            Forge::Gitea => {
                let path = format!("/commits/{commit}/statuses");
                for one in self.pages(&what, &path, None).await? {
                    add(&mut found, &one["context"], &one["status"]);
                }
            }
            Forge::Gitlab => {
                let path = format!("/repository/commits/{commit}/statuses");
                for one in self.pages(&what, &path, None).await? {
                    add(&mut found, &one["name"], &one["status"]);
                }
            }
        }
        Ok(found)
    }

    async fn pages(
        &self,
        what: &str,
        path: &str,
        field: Option<&str>,
    ) -> Result<Vec<Value>, Problem> {
        let mut all = Vec::new();
        for page in 1..=PAGES {
            let size = if self.forge == Forge::Gitea {
                "limit"
            } else {
                "per_page"
            };
            let path = format!("{path}?page={page}&{size}={PER_PAGE}");
            let said = self.get(what, &path).await?;
            let list = field.map_or(&said, |field| &said[field]);
            let list = list.as_array().cloned().unwrap_or_default();
            let is_last = list.len() < PER_PAGE;
            all.extend(list);
            if is_last {
                break;
            }
        }
        Ok(all)
    }
}

/// Adds one unless a newer of its name is there: forges list the newest first.
fn add(found: &mut Vec<Status>, name: &Value, result: &Value) {
    let Some(name) = name.as_str() else { return };
    if found.iter().any(|known| known.name == name) {
        return;
    }
    let passed = match result.as_str().unwrap_or_default() {
        "success" | "neutral" => Some(true),
        ""
        | "pending"
        | "running"
        | "created"
        | "queued"
        | "waiting_for_resource"
        | "preparing"
        | "scheduled"
        | "manual" => None,
        _ => Some(false),
    };
    found.push(Status {
        name: name.to_owned(),
        passed,
    });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_newest_of_a_name_counts_and_nothing_but_success_passed() {
        let mut found = Vec::new();
        add(&mut found, &json!("ci"), &json!("success"));
        add(&mut found, &json!("ci"), &json!("failure"));
        add(&mut found, &json!("e2e"), &json!("skipped"));
        add(&mut found, &json!("scan"), &json!(null));
        let passed: Vec<Option<bool>> = found.iter().map(|one| one.passed).collect();
        assert_eq!(passed, [Some(true), Some(false), None]);
    }
}
