//! Trouble with repositories, in the words of this crate.

use ripcord_domain::problem::{Kind, Problem};
use ripcord_git::RepoError;

/// The code of a history that ends before the question does.
pub const SHALLOW_HISTORY: &str = "shallow_history";
/// The code of a history with more commits than are read.
pub const LONG_HISTORY: &str = "long_history";
/// The code of two commits that never had one past.
pub const UNRELATED_HISTORIES: &str = "unrelated_histories";

/// What a repository error means here.
#[expect(
    clippy::needless_pass_by_value,
    reason = "it is the end of the error: `map_err(from_repo)`"
)]
pub(crate) fn from_repo(error: RepoError) -> Problem {
    let text = error.to_string();
    let problem = |kind, code: &str| Problem::new(kind, code, text.clone());
    match error {
        RepoError::Missing { .. } => problem(Kind::Local, "missing_object")
            .hint("`git fetch --unshallow` or `git fetch --refetch` brings what is missing"),
        RepoError::Corrupt { .. } => problem(Kind::Local, "corrupt_repository")
            .hint("`git fsck` lists the damage; a fresh clone works around it"),
        RepoError::NoSpace { .. } => {
            problem(Kind::Local, "disk_full").hint("free some space and run the same command again")
        }
        RepoError::NoIdentity => problem(Kind::Local, "no_identity"),
        RepoError::Signing { .. } => problem(Kind::Local, "signing_failed").hint(
            "commits are signed because it was asked for; see `git config --get-regexp 'gpg|sign'`",
        ),
        RepoError::BadRevision { .. } => problem(Kind::Usage, "unknown_commit"),
        RepoError::AmbiguousRevision { .. } => problem(Kind::Usage, "ambiguous_commit"),
        RepoError::UnsafePath { .. } => problem(Kind::Refused, "unsafe_path"),
        RepoError::Unreachable { .. } | RepoError::TimedOut { .. } => {
            problem(Kind::Remote, "unreachable")
                .hint("objects that this partial clone lacks are fetched when they are needed")
        }
        RepoError::AccessDenied { .. } => problem(Kind::Remote, "access_denied"),
        RepoError::GitMissing => {
            problem(Kind::Local, "git_missing").hint("install git 2.39 or newer")
        }
        RepoError::Io { .. } => problem(Kind::Local, "io"),
        _ => problem(Kind::Local, "git_failed"),
    }
}
