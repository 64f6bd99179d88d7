//! Gives one declaration the fields it has in another version of the file.

mod error;
pub(crate) mod locate;

pub use error::{EditError, Unsafe};

use crate::facts::ReadRules;
use crate::key::DeclarationKey;

/// Rewrites `current` so that the declaration `key` has exactly the fields it has in `target`.
pub fn restore_version(
    current: &[u8],
    target: &[u8],
    path: &str,
    key: &DeclarationKey,
    rules: &ReadRules,
) -> Result<Vec<u8>, EditError> {
    let _ = (current, target, path, rules);
    Err(EditError::NotFound {
        key: key.clone(),
        side: Side::Target,
    })
}
pub use error::Side;
