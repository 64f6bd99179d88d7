//! The review of an incident: what was recorded, put in order, with the parts that only people can write left to
//! people.
//!
//! [`Review::of`] computes the figures, the timeline and the answers to the four questions about the pipeline from
//! an incident's events alone. [`markdown()`], [`html()`] and [`svg`] show it. A review that people have written in is
//! made anew without losing a word of theirs ([`regions`]). [`action_item`] reads what is to be done, [`blame`] reads
//! how people speak of each other.
//!
//! No I/O and no clock: the same events give the same bytes. What was not recorded is unknown and says what is
//! missing; an end before its beginning is shown as that.

pub mod action_item;
mod activity;
pub mod blame;
mod chart;
pub mod escape;
mod figure;
mod html;
mod knowledge;
mod markdown;
mod question;
pub mod regions;
mod review;
mod timeline;
mod wording;
pub mod words;

pub use activity::{Activity, Lane};
pub use chart::svg;
pub use figure::{End, Figure, Known, Part, Reached, Span};
pub use html::{html, policy};
pub use knowledge::{Canary, CurrentPolicy, Knowledge, Policy, Trigger};
pub use markdown::{markdown, unwritten};
pub use question::{
    Answer, Backed, CanaryResult, Estimate, Evidence, GateCandidate, GateKind, Questions, State,
    Support, Verdict,
};
pub use review::{Cause, Review, SCHEMA};
pub use timeline::{Entry, Hidden};
