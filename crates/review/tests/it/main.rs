//! What a review says, shows and keeps.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod answers;
mod hostile;
mod keeping;
mod people;
mod scenario;
mod shown;
