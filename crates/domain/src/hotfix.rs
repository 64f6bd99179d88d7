//! Hotfixes: their names, what is asked of the infra repo, what is recorded of them, what they owe.

pub mod debt;
pub mod name;
pub mod payload;
pub mod record;

pub use debt::{Debt, Owed, Part, Stage};
pub use name::HotfixName;
pub use payload::Payload;
pub use record::Shipped;
