//! Why an edit is refused.

use crate::key::DeclarationKey;
use std::fmt;

/// Why a declaration was not restored. The file is unchanged then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// One of the two versions of the file does not have the declaration, nor a place for it.
    #[error("no declaration {key} in the {side} file")]
    NotFound {
        /// The declaration asked for.
        key: DeclarationKey,
        /// Which version of the file.
        side: Side,
    },
    /// One of the two versions of the file cannot be read.
    #[error("cannot read the {side} file: {message}")]
    Unreadable {
        /// Which version of the file.
        side: Side,
        /// What is wrong.
        message: String,
    },
    /// The edit would change more than the declaration, or nobody can tell.
    #[error("cannot edit {place} safely: {why}")]
    Unsafe {
        /// The field in question.
        place: String,
        /// Why.
        why: Unsafe,
    },
    /// The edited file did not read as it should. This is a bug in ripcord, and the edit is dropped.
    #[error("the edited file does not read as expected: {message}")]
    Verification {
        /// The difference.
        message: String,
    },
}

/// Which version of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The file to edit.
    Current,
    /// The file with the wanted version.
    Target,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Current => "current",
            Self::Target => "target",
        })
    }
}

/// What makes an edit unsafe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsafe {
    /// The value is an alias, or is used elsewhere through one.
    #[error("the value is shared through a YAML alias")]
    Alias,
    /// A merge key (`<<`) may bring in the field from elsewhere.
    #[error("a merge key brings in fields from elsewhere")]
    MergeKey,
    /// The value is filled in by a template engine.
    #[error("the file or the value is a template")]
    Template,
    /// A key on the way to the field, or the name of a list entry, appears twice.
    #[error("a key on the way appears twice")]
    DuplicateKey,
    /// The field is a scalar in one version of the file and a collection in the other.
    #[error("the field has another shape in the target file")]
    Shape,
    /// The value is a block scalar or spans lines.
    #[error("the value spans several lines")]
    Multiline,
    /// The place is inside a text that holds YAML, where only values that exist can be set.
    #[error("the field is inside an embedded text")]
    Embedded,
    /// The edit would change what names another declaration, so that nobody could follow it.
    #[error("it would change or rename another declaration")]
    Identity,
    /// The lines around the field are not laid out in a way that allows the edit.
    #[error("the layout around the field does not allow it")]
    Layout,
}
