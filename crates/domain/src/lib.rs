//! Services, environments, deploys, targets and plans: the product in plain types.
//!
//! Nothing here reads a file, a repository or the clock. The other crates translate the outside
//! world into these types and ask them questions; the rules a person would argue about at 3 AM
//! (what counts as a rollback, which version is the last good one, what a plan warns about) are
//! all here, in one place, and can be read without knowing Git.

pub mod catalog;
pub mod config;
pub mod gate;
pub mod hotfix;
pub mod incident;
pub mod layout;
pub mod live;
pub mod message;
pub mod names;
pub mod path_template;
pub mod plan;
pub mod problem;
pub mod quarantine;
pub mod reach;
pub mod receiving;
pub mod recovery;
pub mod target;
pub mod time_span;
pub mod timeline;

pub use catalog::{Catalog, Place, PlaceId, Unit};
pub use config::Config;
pub use names::{Environment, Service};
pub use problem::{Kind, Problem};
pub use reach::{Reach, reach};
