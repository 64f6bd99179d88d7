//! What ripcord does: read what is deployed, plan a rollback, ship it, take it back.
//!
//! Reading goes [`survey`] (what the tree declares) → [`history`] (which commits changed it).
//! Changing goes [`select`] (which services) → [`rollback`] or [`undo`] (the plan: the new bytes of
//! each file, in memory) → [`ship`] (the commit, the push, the race). Planning and shipping use the
//! same code up to the moment where objects are written, so a plan cannot drift from what is done.

pub mod agreement;
pub mod change;
pub mod declared;
pub mod deploy;
pub mod fed;
mod freshen;
pub mod guard;
pub mod history;
pub mod hotfixes;
pub mod index;
pub mod init;
pub mod keep;
pub mod lift;
pub mod places;
pub mod problems;
pub mod quarantine;
pub mod request;
pub mod risk;
pub mod rollback;
pub mod select;
pub mod ship;
pub mod status;
pub mod survey;
pub mod undo;

mod bots;
mod contention;
mod draft;
mod moved;
