//! From what a person writes to a commit.

use std::error::Error;

use crate::{Oid, Repo, RepoError};

impl Repo {
    /// The commit that a text names: an id, the start of one, a tag, a branch, `main~2`. Of objects
    /// that share a short id only commits count.
    ///
    /// # Errors
    /// [`RepoError::BadRevision`] and [`RepoError::AmbiguousRevision`].
    pub fn resolve(&self, spec: &str) -> Result<Oid, RepoError> {
        let bad = || RepoError::BadRevision {
            spec: spec.to_owned(),
        };
        if spec.is_empty() || spec.starts_with('-') || spec.contains('\0') {
            return Err(bad());
        }
        match self
            .inner
            .rev_parse_single(format!("{spec}^{{commit}}").as_str())
        {
            Ok(id) => Ok(id.detach()),
            Err(error) if is_ambiguous(&error) => Err(RepoError::AmbiguousRevision {
                spec: spec.to_owned(),
            }),
            Err(_) => Err(bad()),
        }
    }
}

/// `Short id 12ab is ambiguous. Candidates are:`, anywhere in the chain of causes.
fn is_ambiguous(error: &gix::Error) -> bool {
    let mut at: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = at {
        if error.to_string().contains("is ambiguous") {
            return true;
        }
        at = error.source();
    }
    false
}
