//! The identity of a declaration inside its file.

use crate::facts::ObjectRef;
use crate::field_path::FieldPath;
use std::fmt;
use std::str::FromStr;

/// Identity of a declaration inside its file, stable while values change.
///
/// It is `Kind/name:path` in a Kubernetes object and `path` elsewhere, where path addresses list
/// entries by name: `Deployment/payments:spec.template.spec.containers[app]`,
/// `images[acme/payments]`, `global.image`. When two declarations of a file would share a key, the
/// object's namespace tells them apart (`Deployment/prod/payments:…`), else their order (`…~2`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeclarationKey(String);

/// A text that cannot be a [`DeclarationKey`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a declaration key: {0:?}")]
pub struct DeclarationKeyError(pub String);

impl DeclarationKey {
    /// The text of the key.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn new(object: Option<&ObjectRef>, with_namespace: bool, owner: &FieldPath) -> Self {
        let Some(object) = object else {
            // The top of the document itself: a plain text file, or an array of images.
            let path = owner.to_string();
            return Self(if path.is_empty() {
                ".".to_owned()
            } else {
                path
            });
        };
        let namespace = object.namespace.as_deref().filter(|_| with_namespace);
        Self(match namespace {
            Some(namespace) => format!("{}/{namespace}/{}:{owner}", object.kind, object.name),
            None => format!("{}/{}:{owner}", object.kind, object.name),
        })
    }

    /// The key of the `count`th declaration that would have this key.
    pub(crate) fn numbered(&self, count: usize) -> Self {
        Self(format!("{}~{count}", self.0))
    }
}

impl fmt::Display for DeclarationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for DeclarationKey {
    type Err = DeclarationKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() || text.contains(char::is_control) {
            return Err(DeclarationKeyError(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}
