//! Git repositories: read history, build trees and commits in memory, fetch and push.
//!
//! `gix` reads, compares, merges and builds; the `git` program does everything that touches the
//! network or a signing key. Nothing here knows what a service is, and nothing here writes a ref, an
//! index or a work tree of a person's clone.

mod commit;
mod error;
mod history;
mod location;
mod merge;
mod objects;
mod open;
mod process;
mod staged;
pub mod trailers;
mod transport;
mod tree_walk;

pub use gix::ObjectId as Oid;

pub use commit::{Commit, Identities, Identity, NewCommit, Person};
pub use error::RepoError;
pub use history::{Change, Interest, Link};
pub use location::{Location, SafeUrl};
pub use merge::FileMerge;
pub use objects::{Entry, Mode};
pub use open::Repo;
pub use staged::{Staged, TreeEdit};
pub use transport::{FetchDepth, PushOutcome, RejectKind};
