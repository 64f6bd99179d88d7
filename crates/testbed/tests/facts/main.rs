//! What a recovery relies on, shown by the real Argo CD: see `docs/concepts/*-facts.md`.
//!
//! A fact that is about what does not happen is watched for [`incident::A_WHILE`], several times as
//! long as what would happen was seen to take.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot be set up has failed; figures are printed"
)]

mod applicationsets;
mod document;
mod holds;
mod incident;
mod leftovers;
mod operations;
mod parts;
mod projects;
mod rolling;
mod rollouts;
mod sources;
mod undo;
mod ways_back;
mod workloads;
mod writes;
