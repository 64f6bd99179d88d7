//! Trouble with repositories, classed for people.

use ripcord_domain::problem::{Kind, Problem};
use ripcord_git::RepoError;

/// What a repository error means to a person, and what to do next.
#[expect(
    clippy::needless_pass_by_value,
    reason = "it is the end of the error: `map_err(from_repo)`"
)]
pub fn from_repo(error: RepoError) -> Problem {
    let text = error.to_string();
    let problem = |kind, code: &str| Problem::new(kind, code, text.clone());
    match error {
        RepoError::NotARepository { .. } => problem(Kind::Usage, "not_a_repository"),
        RepoError::BadLocation { .. } => problem(Kind::Usage, "bad_repository")
            .hint("`--repo https://…`, `--repo git@host:group/infra.git` or `--repo path/to/clone`"),
        RepoError::NoRemote { .. } => problem(Kind::Usage, "no_remote")
            .hint("add one with `git remote add origin URL`, or name the URL with `--repo`"),
        RepoError::EmptyRepository { .. } => problem(Kind::Nothing, "empty_repository"),
        RepoError::NoSuchBranch { ref branch, ref known, .. } => problem(Kind::Usage, "unknown_branch")
            .did_you_mean(&ripcord_domain::names::nearest(branch, known.iter().map(String::as_str)))
            .hint("`--branch NAME` names the branch that is deployed"),
        RepoError::BadBranchName { .. } => problem(Kind::Usage, "bad_branch_name"),
        RepoError::BadRevision { .. } => problem(Kind::Usage, "unknown_commit")
            .hint("`ripcord history SERVICE` lists the commits that deployed it"),
        RepoError::AmbiguousRevision { .. } => {
            problem(Kind::Usage, "ambiguous_commit").hint("write more of it")
        }
        RepoError::Missing { .. } => problem(Kind::Local, "missing_object")
            .hint("`git fsck` lists what is missing; a fresh clone or `--repo URL` works around it"),
        RepoError::Corrupt { .. } => problem(Kind::Local, "corrupt_repository")
            .hint("`git fsck` lists the damage; a fresh clone or `--repo URL` works around it"),
        RepoError::NoSpace { .. } => {
            problem(Kind::Local, "disk_full").hint("free some space and run the same command again")
        }
        RepoError::NoIdentity => problem(Kind::Local, "no_identity").hint(
            "git config --global user.name 'Your Name' && git config --global user.email you@example.org",
        ),
        RepoError::Signing { .. } => problem(Kind::Local, "signing_failed")
            .hint("commits are signed because `commit.gpgsign` is set; see `git config --get-regexp 'gpg|sign'`"),
        RepoError::GitMissing => problem(Kind::Local, "git_missing").hint("install git 2.39 or newer"),
        RepoError::Unreachable { .. } | RepoError::TimedOut { .. } => problem(Kind::Remote, "unreachable")
            .hint("nothing was pushed unless said otherwise; running the same command again is safe"),
        RepoError::AccessDenied { .. } => problem(Kind::Remote, "access_denied")
            .hint("`git ls-remote URL` with the same account shows whether git can log in"),
        RepoError::NotTrusted { .. } => problem(Kind::Usage, "not_trusted")
            .hint("git names the setting that allows it: `safe.directory`"),
        RepoError::OtherObjectFormat { .. } => problem(Kind::Usage, "sha256_repository")
            .hint("work in a clone of it: `--repo PATH`"),
        RepoError::GitTooOld { .. } => problem(Kind::Local, "git_too_old"),
        RepoError::NotAChild { .. } => problem(Kind::Internal, "not_a_child"),
        RepoError::UnsafePath { .. } => problem(Kind::Refused, "unsafe_path"),
        RepoError::Io { .. } => problem(Kind::Local, "io"),
        RepoError::Git { .. } => problem(Kind::Remote, "git_failed"),
    }
}
