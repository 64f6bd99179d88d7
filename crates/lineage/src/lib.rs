//! Whether a change is contained in a line of commits, whether it was reverted there, and how it lands
//! again. By the content of Git alone: no network, no clock, nothing printed, nothing written unless
//! [`Prepared::write`] is called.

mod ahead;
mod branch;
mod claims;
mod containment;
mod effect;
mod landed;
mod message;
mod names;
mod prepare;
mod problems;
mod reland;
mod taken;
mod undoing;
mod undone;

pub use ahead::{NotIn, conflicts, not_in};
pub use branch::Branch;
pub use containment::{Containment, How, Range, contained};
pub use effect::Effect;
pub use landed::{Copy, Sameness};
pub use names::Named;
pub use prepare::{
    Clash, Doing, NOTHING_REVERTED, Planned, Preparation, Prepared, RELAND_CONFLICT,
    RELAND_DIFFERS, REVERT_DOES_MORE, Way, reland_prepare,
};
pub use problems::{LONG_HISTORY, SHALLOW_HISTORY, UNRELATED_HISTORIES};
pub use reland::{Case, Merge, Verdict, reland_check};
pub use undone::{Landing, Proof, Undone};
