//! Kubernetes, Argo CD and Argo Rollouts: what they say, and what they are asked to do.
//!
//! This crate translates and decides nothing. [`Cluster`] is a way to it: a Kubernetes API, or
//! Argo CD's own API server, with the same answers; [`argocd`] and [`workloads`] are what it is asked for; [`read`] turns answers into `ripcord_domain::live`. Every
//! write is on a condition: what was read must still be so, else it is a [`ConnectError::Conflict`] and
//! whoever asked looks again.

pub mod access;
pub mod argocd;
pub mod bots;
mod cluster;
mod connection;
pub mod destination;
mod error;
pub mod events;
pub mod kinds;
mod login;
pub mod project;
pub mod read;
mod server;
pub mod sets;
pub mod workloads;

pub use cluster::{Cluster, Which, is_configured};
pub use error::ConnectError;
