//! Forges by their APIs: the rules that a push to a branch meets, a deploy that is asked for, the run that it
//! starts, the checks of a commit, pull requests.
//!
//! `git push --dry-run` asks a server whether somebody may push at all; rules of a branch it only hears of
//! when it really pushes. In an incident that is too late.

mod api;
mod dispatch;
mod place;
mod pulls;
mod repository;
mod rules;
mod runs;
mod statuses;
mod which;

pub use api::Who;
pub use dispatch::{Dispatch, Dispatched};
pub use place::Place;
pub use pulls::{Pull, PullRequest};
pub use repository::Repository;
pub use rules::{Rules, rules};
pub use runs::{Run, RunState};
pub use statuses::Status;
