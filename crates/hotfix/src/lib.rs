//! What happens around a hotfix: it begins at what production runs, it is asked for, received and followed, and
//! it owes something until evidence pays.

pub mod debts;
mod drop_guard;
pub mod forges;
mod gate_record;
pub mod guard;
pub mod merge_back;
mod overdue;
pub mod production;
pub mod proof;
pub mod receive;
pub mod reland;
pub mod ship;
pub mod source;
pub mod start;

pub use receive::{Received, Receiver, receive};
