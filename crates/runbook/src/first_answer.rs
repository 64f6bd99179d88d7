//! Git's first answer, waited for no longer than production can wait.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use ripcord_domain::problem::{Kind, Problem};
use ripcord_git::{Oid, RepoError};
use ripcord_recovery::problems::from_repo;
use ripcord_recovery::survey::Branch;

/// After that long without an answer of Git the cluster is put back by what is known of it here. A server
/// that works answers within tenths of a second.
pub(crate) const ANSWERS_WITHIN: Duration = Duration::from_secs(3);

/// A question to the remote that is under way: where the branch is.
pub(crate) struct Question {
    answer: Receiver<Result<Option<Oid>, RepoError>>,
}

/// What came of it so far. What is to be fetched then may take its time: Git is there.
pub(crate) enum Answer {
    /// It is known now, and need not be asked once more.
    Known,
    /// Nothing yet.
    None,
    /// There was trouble.
    Trouble(Problem),
}

impl Question {
    /// Asks. A thread of its own waits for the answer: git itself is not interrupted, for it may have asked
    /// for a passphrase.
    pub(crate) fn ask(branch: &Branch) -> Self {
        let (repo, name) = (branch.repo.handle(), branch.name.clone());
        let (tell, answer) = mpsc::channel();
        std::thread::spawn(move || {
            // Nobody listens any more where patience has ended.
            let _ = tell.send(repo.remote_tip(&name));
        });
        Self { answer }
    }

    /// Waits for the answer for a while.
    pub(crate) fn wait(&self, branch: &Branch, time: Duration) -> Answer {
        match self.answer.recv_timeout(time) {
            Ok(Ok(tip)) => {
                // That there is no such branch is said by whoever fetches it.
                if let Some(tip) = tip {
                    branch.repo.announce(&branch.name, tip);
                }
                Answer::Known
            }
            Ok(Err(error)) => Answer::Trouble(from_repo(error)),
            Err(RecvTimeoutError::Timeout) => Answer::None,
            Err(RecvTimeoutError::Disconnected) => Answer::Trouble(Problem::new(
                Kind::Internal,
                "broken_task",
                "the question to Git was lost",
            )),
        }
    }
}

/// Whether Git is to be asked, and something is known here by which production could be put back without an
/// answer.
pub(crate) fn may_be_silent(branch: &Branch) -> bool {
    let is_known = matches!(branch.repo.local_tip(&branch.name), Ok(Some(_)));
    is_known && !branch.repo.is_announced(&branch.name)
}

/// That nothing was heard yet.
pub(crate) fn silent(branch: &Branch) -> Problem {
    Problem::new(
        Kind::Remote,
        "unreachable",
        format!("{} has not answered yet", branch.repo.remote()),
    )
}
