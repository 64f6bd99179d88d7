//! What is checked out in a clone: read, never changed.

use gix::bstr::ByteSlice as _;

use crate::{Oid, Repo, RepoError};

impl Repo {
    /// The commit that is checked out, and its branch; none where HEAD names a commit.
    ///
    /// # Errors
    /// Nothing is checked out yet.
    pub fn checked_out(&self) -> Result<(Oid, Option<String>), RepoError> {
        let commit = self.resolve("HEAD")?;
        let name = self.inner.head_name().ok().flatten();
        let branch = name.map(|name| name.shorten().to_str_lossy().into_owned());
        Ok((commit, branch))
    }

    /// Files that are otherwise than in the commit that is checked out; those that git does not know do not
    /// count.
    ///
    /// # Errors
    /// git cannot look.
    pub fn changed_files(&self) -> Result<Vec<String>, RepoError> {
        let git = self.git("status").args([
            "--porcelain",
            "--untracked-files=no",
            "--ignore-submodules=none",
        ]);
        let answer = self.ask(git, "status")?;
        let text = String::from_utf8_lossy(&answer.stdout);
        let paths = text.lines().filter_map(|line| line.get(3..));
        Ok(paths.map(str::to_owned).collect())
    }
}
