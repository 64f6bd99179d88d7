//! The server over real connections and real files.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod announcing;
mod clerk;
mod intake;
mod serve;
mod web;
