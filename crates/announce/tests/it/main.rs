//! What is announced: the bodies, and the sending against a real server.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod bodies;
mod listener;
mod sending;
