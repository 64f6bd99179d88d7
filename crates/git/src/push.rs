//! Putting a commit on a branch of the remote: compare-and-set, never forced.

use std::time::Duration;

use crate::branch::{reference, tip_ref};
use crate::open::NAMELESS;
use crate::process::Answer;
use crate::words;
use crate::{Oid, Repo, RepoError};

/// How long a server may take to say whether one may push: it is a question only.
const ASKED: Duration = Duration::from_secs(8);

/// What became of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushOutcome {
    /// The branch is now at our commit.
    Updated,
    /// It was there before.
    AlreadyThere,
    /// Somebody else moved the branch: nothing was changed.
    Moved,
    /// The server said no.
    Rejected {
        /// What kind of no.
        kind: RejectKind,
        /// The reason beside the ref.
        reason: String,
        /// What the server printed, without `remote: `.
        server_words: String,
    },
}

/// Why a server says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectKind {
    /// A rule about the branch.
    ProtectedBranch,
    /// A hook.
    Hook,
    /// The account.
    Permission,
    /// Anything else.
    Other,
}

impl Repo {
    /// Moves the remote's branch from `expected`, which must be a parent of the commit, to the
    /// commit; with `None` makes a branch that must not exist, or be at the commit already. A
    /// compare-and-set that can only fast-forward.
    ///
    /// # Errors
    /// [`RepoError::NotAChild`], and trouble on the way; after that it is not known whether the
    /// branch moved. A branch that moved and a server that says no are no errors.
    pub fn push(
        &self,
        commit: Oid,
        branch: &str,
        expected: Option<Oid>,
    ) -> Result<PushOutcome, RepoError> {
        let name = reference(branch)?;
        // A lease lets git overwrite what it names, so what it names must be what we build on.
        if let Some(expected) = expected
            && !self.commit(commit)?.parents.contains(&expected)
        {
            return Err(RepoError::NotAChild { commit, expected });
        }
        let lease = expected.map(|id| id.to_string()).unwrap_or_default();
        let answer = self
            .git("push")
            .args([
                "--porcelain",
                "--no-verify",
                "--no-signed",
                "--no-follow-tags",
                "--no-mirror",
                &format!("--force-with-lease={name}:{lease}"),
                NAMELESS,
                &format!("{commit}:{name}"),
            ])
            .run()?;
        let outcome = self.outcome(&name, &answer)?;
        if self.private
            && matches!(outcome, PushOutcome::Updated | PushOutcome::AlreadyThere)
            && let Ok(turn) = self.turn_file()
            // Whoever fetches right now writes a ref at least as new.
            && turn.try_lock().is_ok()
        {
            // So that the next fetch need not load our own objects, and gc keeps them. A ref that
            // another process moved on meanwhile is the better one.
            let seen = expected.unwrap_or(Oid::null(commit.kind()));
            let (to, seen) = (commit.to_string(), seen.to_string());
            let git = self.git("update-ref");
            let _ = git.args([tip_ref(branch), to, seen]).turn(turn).run();
        }
        Ok(outcome)
    }

    /// Asks the server whether these credentials may push to a branch, and pushes nothing. Rules and
    /// hooks say nothing before a real push.
    ///
    /// # Errors
    /// The branch is not known here; trouble on the way.
    pub fn may_push(&self, branch: &str) -> Result<PushOutcome, RepoError> {
        let name = reference(branch)?;
        let Some(tip) = self.local_tip(branch)? else {
            return Err(RepoError::EmptyRepository {
                remote: self.remote().to_string(),
            });
        };
        // Over SSH a passphrase may have to be typed: nobody is hurried there but by a deadline.
        let mut git = self.git("push");
        if self.remote().push_url().secret().starts_with("http") {
            git = git.at_most(ASKED);
        }
        let answer = git
            .args([
                "--dry-run",
                "--porcelain",
                "--no-verify",
                NAMELESS,
                &format!("{tip}:{name}"),
            ])
            .run()?;
        self.outcome(&name, &answer)
    }

    fn outcome(&self, name: &str, answer: &Answer) -> Result<PushOutcome, RepoError> {
        let text = String::from_utf8_lossy(&answer.stdout);
        // `FLAG\tFROM:TO\tSUMMARY (REASON)`
        let line = text.lines().find(|line| {
            line.split('\t')
                .nth(1)
                .is_some_and(|refs| ends_in(refs, name))
        });
        match line.and_then(|line| Some((line.chars().next()?, line))) {
            Some((' ' | '*', _)) if answer.ok => Ok(PushOutcome::Updated),
            Some(('=', _)) => Ok(PushOutcome::AlreadyThere),
            Some(('!', line)) => Ok(words::refused(line, words::server_words(&answer.stderr))),
            // The host let us in to read, and says no to writing before git names any ref.
            _ if answer.stderr.contains("returned error: 403") => Ok(PushOutcome::Rejected {
                kind: RejectKind::Permission,
                reason: words::last_words(&answer.stderr),
                server_words: words::server_words(&answer.stderr),
            }),
            _ => Err(self.classed("push", &answer.stderr)),
        }
    }
}

fn ends_in(refs: &str, name: &str) -> bool {
    refs.strip_suffix(name)
        .is_some_and(|from| from.ends_with(':'))
}
