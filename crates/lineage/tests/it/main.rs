//! The crate against the real git: histories are made by git, and every answer is held against what
//! git itself says of them or does with them.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a panic is the report"
)]

mod by_hand;
mod containment;
mod content;
mod fixture;
mod lines;
mod random;
mod reland;
