//! Signed commits, made by git itself.

use crate::commit::{Person, clean};
use crate::staged::message;
use crate::{NewCommit, Oid, Repo, RepoError, words};

impl Repo {
    /// Lets git make and sign a commit whose tree is stored.
    pub(crate) fn sign_commit(&self, new: &NewCommit) -> Result<Oid, RepoError> {
        let mut git = self
            .git("commit-tree")
            // The message is UTF-8, whatever the user's editor writes.
            .setting("i18n.commitEncoding=UTF-8")
            .args(["-S"]);
        for parent in &new.parents {
            git = git.args(["-p".to_owned(), parent.to_string()]);
        }
        let answer = git
            .args(["-F".to_owned(), "-".to_owned(), new.tree.to_string()])
            .env("GIT_AUTHOR_NAME", clean(&new.author.name))
            .env("GIT_AUTHOR_EMAIL", clean(&new.author.email))
            .env("GIT_AUTHOR_DATE", date(&new.author))
            .env("GIT_COMMITTER_NAME", clean(&new.committer.name))
            .env("GIT_COMMITTER_EMAIL", clean(&new.committer.email))
            .env("GIT_COMMITTER_DATE", date(&new.committer))
            .stdin(message(&new.message).into_bytes())
            .run()?;
        let id = String::from_utf8_lossy(&answer.stdout).trim().parse();
        match (answer.ok, id) {
            (true, Ok(id)) => Ok(id),
            _ => Err(match words::trouble(&answer.stderr) {
                words::Trouble::Disk | words::Trouble::Identity => {
                    self.classed("commit-tree", &answer.stderr)
                }
                _ => RepoError::Signing {
                    words: answer.stderr.trim().to_owned(),
                },
            }),
        }
    }
}

/// `@SECONDS +HHMM`: git's own form, never taken for a date in words.
fn date(person: &Person) -> String {
    let minutes = person.offset_seconds / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    let minutes = minutes.abs();
    format!(
        "@{} {sign}{:02}{:02}",
        person.seconds,
        minutes / 60,
        minutes % 60
    )
}
