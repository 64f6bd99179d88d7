//! What Git and Argo CD know of deploys, asked again and again: their webhooks lose some.
//!
//! A forge tells each push once and Argo CD each operation once; what was lost on the way is found here. What is
//! found twice has the same id and is the same event.

mod argocd;
mod git;

use jiff::SignedDuration;

pub use argocd::Syncs;
pub use git::Commits;

/// How far back is looked: what is older was seen, or explains no incident any more.
pub const LOOKS_BACK: SignedDuration = SignedDuration::from_hours(7 * 24);
