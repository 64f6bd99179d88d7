//! What others were told, so that each is told each thing once, by whichever server, and across its restarts.

use jiff::Timestamp;
use ripcord_domain::incident::event::{Event, IncidentId};

use crate::StoreError;

/// An event with its number in the order in which events were filed, and the incident that it is filed under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filed {
    /// The number: greater than that of every event that was filed before.
    pub number: i64,
    /// The incident; none is production's own.
    pub incident: Option<IncidentId>,
    /// What was told.
    pub event: Event,
}

/// How far each target of announcements has come, and what it was told. A target is a name in the settings, news are
/// called by a key of their own.
pub trait Announced: Send {
    /// The events that were filed after one, in order.
    ///
    /// # Errors
    /// They cannot be read.
    fn filed_after(&mut self, number: i64, limit: u32) -> Result<Vec<Filed>, StoreError>;

    /// The number of the event up to which a target was told everything. One that is new begins after the last event
    /// that there is: nobody wants to be told of last year.
    ///
    /// # Errors
    /// It cannot be read or written.
    fn announced_to(&mut self, target: &str) -> Result<i64, StoreError>;

    /// Notes up to which event a target was told everything, and forgets what it was told of times before an instant,
    /// of which it will not be told again.
    ///
    /// # Errors
    /// It is not noted.
    fn announce_after(
        &mut self,
        target: &str,
        number: i64,
        forget: Timestamp,
    ) -> Result<(), StoreError>;

    /// Takes it upon oneself to tell a target something that was so at an instant; whether nobody did before.
    ///
    /// # Errors
    /// Nobody knows whether it was noted: who claims again may be told that somebody did.
    fn claim(&mut self, target: &str, key: &str, at: Timestamp) -> Result<bool, StoreError>;

    /// Lets go of what was surely not told, so that it is told later.
    ///
    /// # Errors
    /// It stays claimed.
    fn disclaim(&mut self, target: &str, key: &str) -> Result<(), StoreError>;
}
