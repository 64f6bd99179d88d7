//! Three-way merges of files.

use gix::merge::blob::Resolution;
use gix::merge::blob::builtin_driver::text;

use crate::{Repo, RepoError};

/// What became of a merge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileMerge {
    /// The merged bytes.
    Clean(Vec<u8>),
    /// Both sides changed the same lines, or the file is no text.
    Conflict,
}

impl Repo {
    /// Merges line by line, as git does.
    ///
    /// # Errors
    /// None today; merges may read attributes one day.
    pub fn merge_file(
        &self,
        base: &[u8],
        ours: &[u8],
        theirs: &[u8],
    ) -> Result<FileMerge, RepoError> {
        let binary = |bytes: &[u8]| bytes.iter().take(8000).any(|byte| *byte == 0);
        if binary(base) || binary(ours) || binary(theirs) {
            return Ok(FileMerge::Conflict);
        }
        let mut input = gix::diff::blob::InternedInput::default();
        let mut merged = Vec::new();
        let resolution = gix::merge::blob::builtin_driver::text(
            &mut merged,
            &mut input,
            text::Labels::default(),
            ours,
            base,
            theirs,
            text::Options {
                diff_algorithm: gix::diff::blob::Algorithm::Histogram,
                ..text::Options::default()
            },
        );
        Ok(match resolution {
            Resolution::Complete => FileMerge::Clean(merged),
            Resolution::CompleteWithAutoResolvedConflict | Resolution::Conflict => {
                FileMerge::Conflict
            }
        })
    }
}
