//! What other systems send by webhook: first proven to be theirs, then read, then turned into events.
//!
//! A system that is not known here is read by a mapping ([`mapping::body`]).
//!
//! Everything here is a function of its arguments. Nothing is fetched, kept or asked of a clock.

mod alertmanager;
mod argocd;
mod cdevents;
pub mod enrichment;
mod generic;
mod gitea;
mod github;
mod gitlab;
mod grafana;
pub mod mapping;
mod opsgenie;
mod pagerduty;
mod push;
mod rollouts;
mod shape;
pub mod signature;
pub mod understand;
mod wording;

pub use mapping::Mapping;
pub use understand::{Headers, NotUnderstood, Told, Understood, understand};
pub use wording::hash;
