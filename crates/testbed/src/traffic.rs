//! Users: requests to a service, one after the other, and what became of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::bed::Testbed;

/// The time from one request to the next.
const APART: Duration = Duration::from_millis(20);

/// What became of the requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// Those that were answered well.
    pub answered: usize,
    /// Those that failed: no ready pod, or one that answers with an error.
    pub failed: usize,
    /// When the first of them failed, and the last, since the first request.
    pub failing: Option<(Duration, Duration)>,
}

/// Requests that go on until [`Traffic::end`].
#[must_use = "nobody asks any more when this is dropped"]
pub struct Traffic<'a> {
    bed: &'a Testbed,
    is_over: Arc<AtomicBool>,
    asking: JoinHandle<Requests>,
}

impl<'a> Traffic<'a> {
    /// Fifty requests a second to a Service, answered as its pods would.
    pub(crate) fn start(bed: &'a Testbed, namespace: &str, service: &str) -> Self {
        let url = format!("{}/{namespace}/{service}", bed.responder());
        let is_over = Arc::new(AtomicBool::new(false));
        let asking = bed.spawn(ask(bed.http().clone(), url, Arc::clone(&is_over)));
        Self {
            bed,
            is_over,
            asking,
        }
    }

    /// Ends it; what became of the requests.
    ///
    /// # Errors
    /// The testbed is ending.
    pub fn end(mut self) -> Result<Requests> {
        self.is_over.store(true, Ordering::Relaxed);
        self.bed
            .block_on(&mut self.asking)
            .context("nobody asked any more")
    }
}

impl Drop for Traffic<'_> {
    fn drop(&mut self) {
        self.asking.abort();
    }
}

async fn ask(http: reqwest::Client, url: String, is_over: Arc<AtomicBool>) -> Requests {
    let started = Instant::now();
    let mut seen = Requests::default();
    let mut turns = tokio::time::interval(APART);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !is_over.load(Ordering::Relaxed) {
        turns.tick().await;
        let answer = http.get(&url).send().await;
        if answer.is_ok_and(|answer| answer.status().is_success()) {
            seen.answered += 1;
        } else {
            seen.failed += 1;
            let now = started.elapsed();
            let first = seen.failing.map_or(now, |(first, _)| first);
            seen.failing = Some((first, now));
        }
    }
    seen
}
