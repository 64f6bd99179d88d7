//! How long all of it may take: whoever asks before an incident gets an answer, also from a slow cluster and
//! a silent Git server.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::Finding;

/// When the waiting ends.
#[derive(Clone, Copy)]
pub(super) struct Deadline {
    ends: Instant,
    /// How long everything together is waited for, Git included.
    limit: Duration,
}

impl Deadline {
    /// That of a look that begins now.
    pub(super) fn start(limit: Duration) -> Self {
        Self {
            ends: Instant::now() + limit,
            limit,
        }
    }

    /// One that is over.
    #[cfg(test)]
    pub(super) fn over() -> Self {
        Self {
            ends: Instant::now(),
            limit: Duration::from_secs(2),
        }
    }

    /// When git processes are ended: so that it can still be told of them.
    pub(super) fn of_git(self) -> std::time::Instant {
        (self.ends - self.limit / 20).into_std()
    }

    /// How long forges and registries are waited for: they are asked after others.
    pub(super) fn of_a_question(self) -> Duration {
        self.limit * 3 / 5
    }

    /// Whether git processes are ended by now.
    pub(super) fn has_ended_git(self) -> bool {
        std::time::Instant::now() >= self.of_git()
    }

    /// What a part answers, or the finding that it did not in time.
    pub(super) async fn waits_for<T>(
        self,
        code: &str,
        what: &str,
        part: impl Future<Output = T>,
    ) -> Result<T, Finding> {
        let answer = timeout_at(self.ends, part).await;
        answer.map_err(|_| self.late(code, what))
    }

    /// What a part answers while there is time left to look at the cluster by it.
    pub(super) async fn in_good_time<T>(self, part: impl Future<Output = T>) -> Option<T> {
        timeout_at(self.ends - self.limit * 2 / 5, part).await.ok()
    }

    /// That something was not answered in time.
    pub(super) fn late(self, code: &str, what: &str) -> Finding {
        Finding::amber(
            code,
            format!("{what}: not answered within {} s", self.limit.as_secs_f64()),
            "look again; what is this slow now is slow in an incident too (`--within` waits longer)",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::Light;
    use super::*;

    #[test]
    fn what_does_not_answer_in_time_is_amber_and_named() {
        let over = Deadline::over();
        let runtime = crate::recover::runtime().unwrap();
        let never = std::future::pending::<()>();
        let late = runtime.block_on(over.waits_for("image", "acme/pay:v1", never));
        let late = late.unwrap_err();
        assert_eq!((late.code.as_str(), late.light), ("image", Light::Amber));
        assert_eq!(late.what, "acme/pay:v1: not answered within 2 s");
        assert!(late.mend.is_some());
    }

    #[test]
    fn what_has_answered_counts_also_at_the_end() {
        let over = Deadline::over();
        let runtime = crate::recover::runtime().unwrap();
        let there = runtime.block_on(over.waits_for("image", "it", std::future::ready(1)));
        assert_eq!(there, Ok(1));
        assert!(over.has_ended_git());
    }

    #[test]
    fn the_cluster_has_time_left_after_git_was_read() {
        let mut soon = Deadline::start(Duration::from_secs(100));
        soon.ends -= soon.limit * 3 / 5;
        let runtime = crate::recover::runtime().unwrap();
        let never = std::future::pending::<()>();
        assert_eq!(runtime.block_on(soon.in_good_time(never)), None);
        assert!(!soon.has_ended_git());
    }
}
