//! What can go wrong with a repository.

use std::path::PathBuf;

use crate::Oid;

/// Every failure of this crate. Texts are lowercase fragments without a period and never hold a
/// secret: what git said is redacted where it is read.
#[derive(Debug, thiserror::Error)]
pub enum RepoError {
    /// There is no repository at the path.
    #[error("{} is not inside a git repository", path.display())]
    NotARepository {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The repository belongs to somebody else and git does not trust it; its settings could run
    /// programs.
    #[error("{} belongs to another user and git does not trust it: {words}", path.display())]
    NotTrusted {
        /// The repository.
        path: PathBuf,
        /// Git's words, with the setting that would allow it.
        words: String,
    },
    /// The text is neither a URL nor a path that exists.
    #[error("`{text}` is neither a URL nor a path to a clone")]
    BadLocation {
        /// As it was given, without credentials.
        text: String,
    },
    /// The clone has no remote to fetch from and to push to.
    #[error("the clone at {} has no remote", path.display())]
    NoRemote {
        /// The clone.
        path: PathBuf,
    },
    /// The remote has no commit at all.
    #[error("{remote} is empty: it has no branch yet")]
    EmptyRepository {
        /// The remote.
        remote: String,
    },
    /// The remote has no such branch.
    #[error("{remote} has no branch `{branch}`")]
    NoSuchBranch {
        /// The remote.
        remote: String,
        /// The branch.
        branch: String,
        /// The branches that it has.
        known: Vec<String>,
    },
    /// A name that git does not take for a branch.
    #[error("`{name}` is no branch name")]
    BadBranchName {
        /// As it was given.
        name: String,
    },
    /// The remote names its objects by another hash than the private repository that was made.
    #[error("{remote} uses another object format; make a clone of it and name the clone")]
    OtherObjectFormat {
        /// The remote.
        remote: String,
    },
    /// An object is not there.
    #[error("object {id} is missing from {}; `git fsck` shows what is missing", git_dir.display())]
    Missing {
        /// Which.
        id: Oid,
        /// From where.
        git_dir: PathBuf,
    },
    /// An object, a ref or a pack cannot be read.
    #[error("{} is damaged: {detail}; `git fsck` shows the damage", git_dir.display())]
    Corrupt {
        /// The repository.
        git_dir: PathBuf,
        /// What could not be read.
        detail: String,
    },
    /// The remote cannot be reached, or the link broke.
    #[error("{remote} cannot be reached: {words}")]
    Unreachable {
        /// The remote.
        remote: String,
        /// Git's words.
        words: String,
    },
    /// The remote did not let us in.
    #[error("{remote} refuses these credentials: {words}")]
    AccessDenied {
        /// The remote.
        remote: String,
        /// Git's words.
        words: String,
    },
    /// A git process took too long and was ended.
    #[error("`git {command}` took longer than {seconds} s")]
    TimedOut {
        /// The subcommand.
        command: String,
        /// The limit.
        seconds: u64,
    },
    /// The machine has no git.
    #[error("the program `git` was not found")]
    GitMissing,
    /// Git lacks what is needed here.
    #[error("git {found} is too old: 2.39 or newer is needed")]
    GitTooOld {
        /// Its version.
        found: String,
    },
    /// The disk is full, or the quota is used up.
    #[error("no space left on the disk of {}", path.display())]
    NoSpace {
        /// Where it was written to.
        path: PathBuf,
    },
    /// Git does not know who the user is.
    #[error(
        "git does not know who you are: run `git config --global user.name NAME` and \
         `git config --global user.email EMAIL`"
    )]
    NoIdentity,
    /// A commit that is not there.
    #[error("`{spec}` is no commit here")]
    BadRevision {
        /// As it was given.
        spec: String,
    },
    /// A short id that fits several commits.
    #[error("`{spec}` fits several commits")]
    AmbiguousRevision {
        /// As it was given.
        spec: String,
    },
    /// A push that would do more than put one commit on top of the expected tip.
    #[error("commit {commit} is not a child of {expected}: pushing it would drop commits")]
    NotAChild {
        /// The commit.
        commit: Oid,
        /// The tip that was expected to be its parent.
        expected: Oid,
    },
    /// A path in a tree that cannot be edited safely.
    #[error("the path {path:?} cannot be written: {why}")]
    UnsafePath {
        /// The path.
        path: String,
        /// The reason.
        why: &'static str,
    },
    /// The commit could not be signed as the configuration asks.
    #[error("the commit could not be signed: {words}")]
    Signing {
        /// Git's words.
        words: String,
    },
    /// A file operation failed.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// Git failed in a way that is not known here.
    #[error("`git {command}` failed: {words}")]
    Git {
        /// The subcommand.
        command: String,
        /// Git's words.
        words: String,
    },
}

impl RepoError {
    /// A failed file operation, told apart from a full disk.
    pub(crate) fn io(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        use std::io::ErrorKind;

        let path = path.into();
        match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::NoSpace { path },
            _ => Self::Io { path, source },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_other_trouble() {
        let full = std::io::Error::from_raw_os_error(28);
        assert!(matches!(
            RepoError::io("/x", full),
            RepoError::NoSpace { .. }
        ));
        let other = std::io::Error::from_raw_os_error(13);
        assert!(matches!(RepoError::io("/x", other), RepoError::Io { .. }));
    }
}
