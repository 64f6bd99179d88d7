//! What other systems are told of deploys, rollbacks, hotfixes and incidents.
//!
//! Events and incidents are made into [`News`], each with a key that stays the same however often the same is told;
//! a [`Target`] writes news as a request of its own form; a [`Sender`] sends it. Nothing here is kept: who calls
//! remembers by key and target what was announced, and so announces it once.

mod cdevents;
mod grafana;
pub mod news;
mod outgoing;
mod pagerduty;
mod sender;
mod slack;
mod target;
mod words;

pub use news::News;
pub use outgoing::{Outgoing, Secret};
pub use sender::{Outcome, Sender};
pub use target::{SlackChannel, Target};
