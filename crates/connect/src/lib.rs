//! Kubernetes, Argo CD and Argo Rollouts: what they say, and what they are asked to do.
//!
//! This crate translates and decides nothing. [`Cluster`] is a Kubernetes API; [`argocd`] and
//! [`workloads`] are what it is asked for; [`read`] turns answers into `ripcord_domain::live`. Every
//! write is on a condition: what was read must still be so, else it is a [`ConnectError::Conflict`] and
//! whoever asked looks again.

pub mod access;
pub mod argocd;
pub mod bots;
mod cluster;
mod error;
pub mod events;
pub mod project;
pub mod read;
pub mod workloads;

pub use cluster::{Cluster, Which, is_configured};
pub use error::ConnectError;
