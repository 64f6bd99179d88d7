//! The thread that reminds of what is due, and closes what is over.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use ripcord_casebook::{Minding, mind};
use ripcord_store::Records;
use tokio::sync::watch;

/// How often it looks: the nearest deadline is two minutes after a page.
const EVERY: Duration = Duration::from_secs(15);

/// By what rules it looks.
pub(crate) struct Rules {
    /// What this server is called in what it writes.
    pub(crate) name: String,
    /// The time zone of the team.
    pub(crate) zone: TimeZone,
    /// See [`Minding::close_after`].
    pub(crate) close_after: Option<SignedDuration>,
    /// Tells the time.
    pub(crate) clock: fn() -> Timestamp,
}

/// The thread; it ends when this is ended.
pub(crate) struct Minder {
    thread: JoinHandle<()>,
    end: Sender<()>,
}

impl Minder {
    /// Begins to look. `changed` is told when something was written.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(crate) fn begin(
        mut records: Box<dyn Records>,
        rules: Rules,
        changed: Arc<watch::Sender<u64>>,
    ) -> std::io::Result<Self> {
        let (end, ended) = mpsc::channel();
        let thread = thread::Builder::new().name("minder".to_owned());
        let thread = thread.spawn(move || {
            loop {
                let by = Minding {
                    place: &rules.name,
                    zone: &rules.zone,
                    close_after: rules.close_after,
                    now: (rules.clock)(),
                    chance: fastrand::u128(..),
                };
                // What could not be said now is said when it is looked at next.
                let said = mind(records.as_mut(), &by).unwrap_or_default();
                if !said.is_empty() {
                    changed.send_modify(|count| *count = count.wrapping_add(1));
                }
                match ended.recv_timeout(EVERY) {
                    Err(RecvTimeoutError::Timeout) => {}
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        })?;
        Ok(Self { thread, end })
    }

    /// Waits until what it is saying is said.
    pub(crate) fn end(self) {
        drop(self.end);
        let _it_broke = self.thread.join();
    }
}
