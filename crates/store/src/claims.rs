//! What others are told, claimed before it is told: so each is told each thing once, by whichever server, and across
//! restarts.

use jiff::Timestamp;

use crate::StoreError;

/// What was told to whom, by a name for whom and a key for what.
pub trait Claims: Send {
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

    /// Forgets what was so before an instant: nobody tells it any more.
    ///
    /// # Errors
    /// It is not forgotten.
    fn forget_claims(&mut self, before: Timestamp) -> Result<(), StoreError>;
}
