//! Whether a branch is there.

use ripcord_domain::Problem;
use ripcord_domain::config::Forge;

use crate::place::escaped;
use crate::repository::{Repository, path};

impl Repository {
    /// Whether the repository has a branch of this name.
    ///
    /// # Errors
    /// The forge does not answer, or the repository is not there or hidden: that is never taken for a
    /// branch that is gone.
    pub async fn branch_exists(&self, branch: &str) -> Result<bool, Problem> {
        let call = self.call();
        let what = format!("the branch {branch}");
        match self.forge() {
            // Asked of the branch itself, GitHub answers for one that was renamed with its new name. The list of
            // those that begin so has no such surprise, and is empty where there is none
            // (<https://docs.github.com/en/rest/git/refs#list-matching-references>).
            Forge::Github => {
                let name = format!("refs/heads/{branch}");
                let url = format!("/git/matching-refs/heads/{}?per_page=100", path(branch));
                let is_it = |said: &serde_json::Value| said["ref"] == name.as_str();
                match call.list(&what, &url, None, is_it).await {
                    Ok(found) => Ok(found.iter().any(is_it)),
                    // "Git Repository is empty."
                    Err(problem) if problem.code == "forge_conflict" => Ok(false),
                    Err(problem) => Err(problem),
                }
            }
            Forge::Gitlab | Forge::Gitea => {
                let of_branch = match self.forge() {
                    Forge::Gitlab => format!("/repository/branches/{}", escaped(branch)),
                    _ => format!("/branches/{}", escaped(branch)),
                };
                if call.read_if_there(&what, &of_branch).await?.is_some() {
                    return Ok(true);
                }
                // The same is said of a repository that is not shown.
                call.read("the repository", "").await?;
                Ok(false)
            }
        }
    }
}
