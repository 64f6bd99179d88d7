//! The testbed itself, with everything real.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that cannot be set up has failed; one starts the process that it kills"
)]

mod act;
mod argo;
mod ci;
mod faults;
mod forge;
mod place;
mod pods;
mod registry;
mod runner;
mod scenes;
mod start;
