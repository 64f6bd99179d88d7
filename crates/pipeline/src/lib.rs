//! The CI files of a hotfix: writes them, merges what is new into what people changed, and judges them.
//!
//! Everything is a function of texts. [`files`] makes the files of one side of a hotfix for a forge, [`regenerate`]
//! says what becomes of those that are there, [`check`] what is wrong with them. [`judge`] looks at one file, whoever
//! wrote it: what it must not do is the same for a file that was generated and one that was not.

mod check;
mod document;
mod expression;
mod files;
mod finding;
mod judge;
mod regenerate;
mod settings;
mod shell;

pub use check::{Report, check};
pub use files::{GeneratedFile, files, folders, secrets};
pub use finding::{Finding, Level, Rule};
pub use judge::judge;
pub use regenerate::{Change, Outcome, Write, regenerate};
pub use settings::{Download, SETTINGS_FILE, Settings, Side};

/// The texts of a repository by their paths from its root, with `/`. What [`folders`] names is enough.
pub type Texts = std::collections::BTreeMap<String, String>;
