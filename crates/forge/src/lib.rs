//! Forges by their APIs: which rules a push to a branch meets. Nothing is written.
//!
//! `git push --dry-run` asks a server whether somebody may push at all; rules of a branch it only hears of
//! when it really pushes. In an incident that is too late.

mod api;
mod place;
mod rules;

pub use api::Who;
pub use place::Place;
pub use rules::{Rules, rules};
