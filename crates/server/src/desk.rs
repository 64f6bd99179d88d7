//! The records as calls of people and programs use them: one at a time, and never on a thread of the runtime.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ripcord_casebook::CaseError;
use ripcord_store::{Records, StoreError};
use tokio::sync::watch;

use crate::filer::Filer;

/// Reads and writes records for calls. Clones share the same records.
#[derive(Clone)]
pub struct Desk {
    records: Arc<Mutex<Box<dyn Records>>>,
    changed: Arc<watch::Sender<u64>>,
    filer: Filer,
    /// Tells the time.
    pub clock: fn() -> Timestamp,
    /// The time zone of the team: a working day is one of theirs.
    pub zone: TimeZone,
    /// What this server is called in what it writes.
    pub name: String,
}

impl Desk {
    /// Uses these records.
    pub fn new(
        records: Box<dyn Records>,
        filer: Filer,
        name: impl Into<String>,
        zone: TimeZone,
        clock: fn() -> Timestamp,
    ) -> Self {
        Self {
            records: Arc::new(Mutex::new(records)),
            changed: filer.changes(),
            filer,
            clock,
            zone,
            name: name.into(),
        }
    }

    /// Does something with the records, on a thread that may wait.
    ///
    /// # Errors
    /// What it failed with.
    pub async fn with<T: Send + 'static>(
        &self,
        doing: impl FnOnce(&mut dyn Records) -> Result<T, CaseError> + Send + 'static,
    ) -> Result<T, CaseError> {
        let records = Arc::clone(&self.records);
        let done = tokio::task::spawn_blocking(move || {
            let mut records = records.lock().unwrap_or_else(PoisonError::into_inner);
            doing(records.as_mut())
        });
        done.await.unwrap_or_else(|error| {
            Err(CaseError::Store(StoreError::Unusable {
                place: "the records".to_owned(),
                why: error.to_string(),
            }))
        })
    }

    /// Says that incidents have changed.
    pub fn changed(&self) {
        self.changed
            .send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Has what waits to be understood looked at now.
    pub fn read_again(&self) {
        self.filer.wake();
    }

    /// Sees each time that incidents have changed; times that are close together may be seen as one.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}
