//! The one setting that says where records are kept.

use std::path::Path;

use crate::{Postgres, Records, Sqlite, StoreError};

/// Opens the records that a setting names: `postgres://…` or `postgresql://…` a PostgreSQL, anything else the path
/// of an SQLite file, with `sqlite:` before it or without.
///
/// # Errors
/// The setting is not understood, or its records cannot be opened: see [`Postgres::open`] and [`Sqlite::open`].
pub fn open(setting: &str) -> Result<Box<dyn Records>, StoreError> {
    let path = match setting.split_once(':') {
        Some(("postgres" | "postgresql", _)) => return Ok(Box::new(Postgres::open(setting)?)),
        Some(("sqlite", path)) => path,
        // Only the scheme is named: what follows may hold a password.
        Some((scheme, rest)) if rest.starts_with("//") => {
            let why = format!("{scheme}:// is neither sqlite: nor postgres://");
            return Err(StoreError::NotUnderstood { why });
        }
        _ => setting,
    };
    if path.is_empty() {
        let why = "no file is named".into();
        return Err(StoreError::NotUnderstood { why });
    }
    Ok(Box::new(Sqlite::open(Path::new(path))?))
}
