//! The crate against the real git: every answer is compared with git's own.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod clones;
mod damage;
mod fixture;
mod history;
mod merges;
mod only_in;
mod patches;
mod private;
mod pushes;
mod refusals;
mod signing;
mod tree_merges;
mod trees;
