//! What came in about incidents, kept: deliveries as they arrived, the events that were understood from them,
//! and the incidents that the events come to.
//!
//! Events are the truth and are only ever added. An incident's row is what its events come to, kept so that it
//! is found without reading them all. A delivery is on the disk before its sender is answered, and leaves the
//! row of those that wait in the same transaction that writes its events: a crash in between loses nothing and
//! doubles nothing. Nothing here decides what belongs where; [`filing`] asks the domain.

mod claims;
mod encoding;
pub mod filing;
mod postgres;
mod setting;
mod sqlite;

use std::collections::BTreeSet;

use jiff::Timestamp;
use ripcord_domain::incident::Incident;
use ripcord_domain::incident::event::{Event, EventId, IncidentId};
use ripcord_domain::incident::joining::Key;
use serde::{Deserialize, Serialize};

pub use claims::Claims;
pub use filing::Filing;
pub use postgres::Postgres;
pub use setting::open;
pub use sqlite::Sqlite;

/// The number of a delivery, in the order in which they came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DeliveryNumber(pub i64);

/// The number of an event, in the order in which they were filed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EventNumber(pub i64);

/// What a source sent, as it came in; its signature was good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The source, as the configuration names it.
    pub source: String,
    /// What its sender calls this delivery, the same for each try; else a digest of the body.
    pub key: String,
    /// When it came in.
    pub received: Timestamp,
    /// The headers that are needed to understand it; never one that holds a secret.
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte.
    pub body: Vec<u8>,
}

/// What became of a delivery that was handed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It is kept, and waits to be understood.
    New,
    /// The same was kept before; nothing was written.
    Again,
}

/// A delivery that was not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its number.
    pub number: DeliveryNumber,
    /// What came in.
    pub delivery: Delivery,
    /// Why it was not understood.
    pub why: String,
}

/// What was told after an event, for those who show what is known and want to know what changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// The number of the newest event; 0 where there is none.
    pub latest: EventNumber,
    /// The incidents of which something was told.
    pub incidents: BTreeSet<IncidentId>,
    /// Something was told that is no incident's own, such as a deploy.
    pub production: bool,
}

/// What can go wrong with what is kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be read or written now: a full disk, a database that is away.
    #[error("what is known of incidents cannot be kept in {place}: {why}")]
    Unusable {
        /// Where, without secrets.
        place: String,
        /// Why.
        why: String,
    },
    /// A newer ripcord wrote it.
    #[error("what is known of incidents in {place} was written by a newer ripcord")]
    Newer {
        /// Where.
        place: String,
    },
    /// The setting does not say where.
    #[error("where incidents are kept is not understood: {why}")]
    NotUnderstood {
        /// Why, without what may be a secret.
        why: String,
    },
    /// Somebody else filed meanwhile: what was decided may not hold any more.
    #[error("somebody else filed events meanwhile")]
    Overtaken,
}

/// Where deliveries, events and incidents are kept. Each call is one transaction, and what it wrote is on the
/// disk when it returns.
///
/// Calls block. They are made, and the records dropped, on threads of the caller's own, never inside an
/// asynchronous task: a client of a database may wait there with a runtime of its own.
///
/// A call that failed may be made again. Where only the answer was lost, deliveries are found to be kept
/// ([`Accepted::Again`]), and a filing is [`StoreError::Overtaken`] by itself: who decides it anew finds its
/// events told.
pub trait Records: Claims {
    /// Keeps deliveries; what became of each, in order.
    ///
    /// # Errors
    /// None of them is kept.
    fn accept(&mut self, deliveries: &[Delivery]) -> Result<Vec<Accepted>, StoreError>;

    /// Deliveries that wait to be understood, oldest first.
    ///
    /// # Errors
    /// They cannot be read.
    fn waiting(&mut self, limit: u32) -> Result<Vec<(DeliveryNumber, Delivery)>, StoreError>;

    /// A number that grows with each filing: what [`Records::file`] wants to see unchanged.
    ///
    /// # Errors
    /// It cannot be read.
    fn version(&mut self) -> Result<i64, StoreError>;

    /// What was told after the event of this number. Numbers grow in the order in which events were filed, so that who
    /// asks with the `latest` of the answer before misses nothing, whoever filed it.
    ///
    /// # Errors
    /// It cannot be read.
    fn news(&mut self, after: EventNumber) -> Result<News, StoreError>;

    /// The incidents that are found by any of the keys. An id that was merged into another finds that one.
    ///
    /// # Errors
    /// They cannot be read.
    fn known(&mut self, keys: &BTreeSet<Key>) -> Result<Vec<Incident>, StoreError>;

    /// Of these events, the ids of those that are kept already.
    ///
    /// # Errors
    /// They cannot be read.
    fn told(&mut self, events: &[Event]) -> Result<BTreeSet<String>, StoreError>;

    /// The events that name an incident which was not known when they came in, oldest first.
    ///
    /// # Errors
    /// They cannot be read.
    fn waiting_for(&mut self, incident: &IncidentId) -> Result<Vec<Event>, StoreError>;

    /// Writes what was decided: events, incidents, and the deliveries that they came from.
    ///
    /// # Errors
    /// [`StoreError::Overtaken`] if the version is another one; nothing was written.
    fn file(&mut self, filing: &Filing) -> Result<(), StoreError>;

    /// The events of an incident, oldest first.
    ///
    /// # Errors
    /// They cannot be read.
    fn events_of(&mut self, incident: &IncidentId) -> Result<Vec<Event>, StoreError>;

    /// The incident that an event is filed under; none where it is production's own, or not known.
    ///
    /// # Errors
    /// It cannot be read.
    fn incident_of(&mut self, event: &EventId) -> Result<Option<Incident>, StoreError>;

    /// The events that belong to production as a whole, observed between two instants, oldest first.
    ///
    /// # Errors
    /// They cannot be read.
    fn events_of_production(
        &mut self,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Event>, StoreError>;

    /// Events in the order in which they were filed, those after a number. An event that is filed later has a
    /// higher number: who goes on behind the last one that it saw misses none.
    ///
    /// # Errors
    /// They cannot be read.
    fn events_after(
        &mut self,
        after: EventNumber,
        limit: u32,
    ) -> Result<Vec<(EventNumber, Event)>, StoreError>;

    /// How far somebody who passes events on has come; the beginning for who has not begun.
    ///
    /// # Errors
    /// It cannot be read.
    fn passed_on(&mut self, to: &str) -> Result<EventNumber, StoreError>;

    /// Remembers how far somebody who passes events on has come. It never goes back.
    ///
    /// # Errors
    /// It is not remembered.
    fn pass_on(&mut self, to: &str, until: EventNumber) -> Result<(), StoreError>;

    /// Incidents, the newest first.
    ///
    /// # Errors
    /// They cannot be read.
    fn incidents(&mut self, limit: u32) -> Result<Vec<Incident>, StoreError>;

    /// Deliveries that were not understood, the newest first.
    ///
    /// # Errors
    /// They cannot be read.
    fn dead_letters(&mut self, limit: u32) -> Result<Vec<DeadLetter>, StoreError>;

    /// Lets deliveries that were not understood wait to be understood once more; how many there were.
    ///
    /// # Errors
    /// None is changed.
    fn replay(&mut self, numbers: &[DeliveryNumber]) -> Result<u64, StoreError>;
}
