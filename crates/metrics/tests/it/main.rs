//! What is counted, and what is not.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod deployments;
mod known_errors;
mod properties;
mod shown;
mod spans;
mod story;
