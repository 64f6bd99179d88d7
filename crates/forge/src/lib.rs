//! Forges by their APIs: the rules that a push to a branch meets, dispatches to a receiver, the runs that
//! they start, pull requests, and what the checks of a commit say.
//!
//! `git push --dry-run` asks a server whether somebody may push at all; rules of a branch it only hears of
//! when it really pushes. In an incident that is too late.
//!
//! A question is asked again where that can help; what writes is sent again only where it surely was not
//! taken the first time. Whoever one is, is told to the host of the repository and to no other.

mod answer;
mod api;
mod branches;
mod dispatch;
mod place;
mod pulls;
mod refusal;
mod repository;
mod rules;
mod runs;
mod statuses;
mod which;

pub use api::{Secret, Who};
pub use dispatch::{Dispatch, Dispatched};
pub use place::Place;
pub use pulls::{Commented, Proposal, PullRequest, PullState};
pub use repository::Repository;
pub use rules::{Rules, rules};
pub use runs::{Run, RunRef, RunState, Spot, Wait};
pub use statuses::{CheckState, Outcome, outcome_of};
