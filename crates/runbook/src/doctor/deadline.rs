//! How long all of it may take: whoever asks before an incident gets an answer, also from a slow cluster.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::Finding;

/// How long everything together is waited for.
const LIMIT: Duration = Duration::from_secs(10);

/// When the waiting ends.
#[derive(Clone, Copy)]
pub(super) struct Deadline(Instant);

impl Deadline {
    /// That of a look that begins now.
    pub(super) fn start() -> Self {
        Self(Instant::now() + LIMIT)
    }

    /// What a part answers, or the finding that it did not in time.
    pub(super) async fn waits_for<T>(
        self,
        code: &str,
        what: &str,
        part: impl Future<Output = T>,
    ) -> Result<T, Finding> {
        timeout_at(self.0, part).await.map_err(|_| {
            Finding::amber(
                code,
                format!("{what}: not answered within {} s", LIMIT.as_secs()),
                "look again; what is this slow now is slow in an incident too",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Light;
    use super::*;

    #[test]
    fn what_does_not_answer_in_time_is_amber_and_named() {
        let over = Deadline(Instant::now());
        let runtime = crate::recover::runtime().unwrap();
        let never = std::future::pending::<()>();
        let late = runtime.block_on(over.waits_for("image", "acme/pay:v1", never));
        let late = late.unwrap_err();
        assert_eq!((late.code.as_str(), late.light), ("image", Light::Amber));
        assert_eq!(late.what, "acme/pay:v1: not answered within 10 s");
    }

    #[test]
    fn what_has_answered_counts_also_at_the_end() {
        let over = Deadline(Instant::now());
        let runtime = crate::recover::runtime().unwrap();
        let there = runtime.block_on(over.waits_for("image", "it", std::future::ready(1)));
        assert_eq!(there, Ok(1));
    }
}
