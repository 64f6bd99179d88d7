//! Git repositories: read history, build trees and commits in memory, fetch and push.
//!
//! `gix` reads, compares, merges and builds; the `git` program does everything that touches the
//! network or a signing key. Nothing here knows what a service is, and nothing here writes a ref, an
//! index or a work tree of a person's clone.

mod address;
mod beside;
mod branch;
mod commit;
mod credentials;
mod differing;
mod error;
mod fetch;
mod first_parents;
mod interest;
mod loose;
mod merge;
mod merge_trees;
mod objects;
mod only_in;
mod open;
mod packs;
mod patch;
mod pieces;
mod private;
mod process;
mod push;
mod receiving;
mod resolve;
mod signing;
mod spots;
mod staged;
pub mod trailers;
mod tree_bytes;
mod tree_edit;
mod tree_walk;
mod walk;
mod way;
mod words;
mod work_tree;

pub use gix::ObjectId as Oid;

pub use address::{Location, SafeUrl};
pub use commit::{Commit, Identities, Identity, NewCommit, Person};
pub use credentials::Credentials;
pub use error::RepoError;
pub use fetch::{FetchDepth, Filter};
pub use first_parents::Link;
pub use interest::{Interest, Paths};
pub use merge::FileMerge;
pub use merge_trees::TreeMerge;
pub use objects::Entry;
pub use only_in::{Node, OnlyIn};
pub use open::{Remote, Repo};
pub use patch::{Patch, PatchId};
pub use push::{PushOutcome, RejectKind};
pub use staged::Staged;
pub use tree_bytes::Mode;
pub use tree_edit::TreeEdit;
pub use tree_walk::Change;
