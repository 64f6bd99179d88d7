//! The thread that understands and files what was kept.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ripcord_store::Records;
use tokio::sync::watch;

use crate::figures::Figures;
use crate::filing::file_waiting;
use crate::source::Sources;

/// How long it looks for nothing new before it looks by itself: another server may have kept something in the
/// same records.
const LOOKS_AFTER: Duration = Duration::from_secs(1);

/// How long it waits when the records cannot be used.
const TRIES_AFTER: Duration = Duration::from_secs(1);

enum Signal {
    Look,
    End,
}

/// Wakes the thread that files. Clones wake the same one.
#[derive(Clone)]
pub struct Filer {
    signal: SyncSender<Signal>,
    changed: Arc<watch::Sender<u64>>,
}

/// The thread that files.
pub struct Filing {
    thread: JoinHandle<()>,
    signal: SyncSender<Signal>,
}

impl Filing {
    /// Waits until what is being filed is filed. What still waits is filed when a server begins again. It must
    /// not be called where other work of an async runtime would be kept from going on.
    pub fn end(self) {
        let _it_ended = self.signal.send(Signal::End);
        let _it_broke = self.thread.join();
    }
}

impl Filer {
    /// Begins to file what waits, now and whenever it is woken.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn begin(
        mut records: Box<dyn Records>,
        sources: Arc<Sources>,
        figures: Figures,
    ) -> std::io::Result<(Self, Filing)> {
        let (signal, signals) = mpsc::sync_channel(1);
        let changed: Arc<watch::Sender<u64>> = Arc::default();
        let seen = Arc::clone(&changed);
        let thread = thread::Builder::new().name("filer".to_owned());
        let thread = thread.spawn(move || {
            loop {
                let fresh = || ripcord_casebook::fresh(fastrand::u128(..));
                let filed = file_waiting(records.as_mut(), &sources, fresh);
                figures.records_answer(filed.is_ok());
                let wait = match filed {
                    Ok(0) => LOOKS_AFTER,
                    Ok(filed) => {
                        figures.filed(filed);
                        seen.send_modify(|count| *count = count.wrapping_add(1));
                        Duration::ZERO
                    }
                    Err(_) => TRIES_AFTER,
                };
                match signals.recv_timeout(wait) {
                    Ok(Signal::Look) | Err(RecvTimeoutError::Timeout) => {}
                    Ok(Signal::End) | Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        })?;
        let filer = Self {
            signal: signal.clone(),
            changed,
        };
        Ok((filer, Filing { thread, signal }))
    }

    /// Has it look now.
    pub fn wake(&self) {
        // One that is to look already will see this too.
        let _full = self.signal.try_send(Signal::Look);
    }

    /// Where it says that incidents have changed.
    pub(crate) fn changes(&self) -> Arc<watch::Sender<u64>> {
        Arc::clone(&self.changed)
    }
}
