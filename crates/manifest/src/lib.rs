//! Kubernetes files as text with meaning: find versions, edit them without touching other bytes.
//!
//! [`read`] tells what one file says about versions, objects and other files. [`restore_version`]
//! gives one declaration the fields it has in another version of the file, and leaves every other
//! byte alone; [`deploy_image`] gives it a new image. [`risks`] tells what in a change deserves a
//! warning. All are pure functions of bytes.

mod collect;
mod deploy;
mod facts;
mod field_path;
mod formats;
mod image;
mod key;
mod read;
mod restore;
mod risks;
mod screen;
pub mod yaml;

pub use deploy::{NewImage, deploy_image, is_pinned_by_digest};
pub use facts::{
    Declaration, DeclarationKind, Destination, FileFacts, ObjectRef, Problem, ReadRules, Reference,
    Role, VersionField,
};
pub use field_path::{FieldPath, FieldPathError, Step};
pub use image::ImageReference;
pub use key::{DeclarationKey, DeclarationKeyError};
pub use read::read;
pub use restore::{EditError, Side, Unsafe, restore_version};
pub use risks::{Risk, RiskKind, risks};
