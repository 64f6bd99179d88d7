//! Three-way merges of files.

use gix::merge::blob::Resolution;
use gix::merge::blob::builtin_driver::text;

use crate::{Repo, Staged};

/// What became of a merge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileMerge {
    /// The merged bytes.
    Clean(Vec<u8>),
    /// Both sides changed the same lines, or both changed a file that is no text.
    Conflict,
}

impl Repo {
    /// Merges line by line, as git does. Attributes and merge drivers of the repository do not count.
    pub fn merge_file(&self, base: &[u8], ours: &[u8], theirs: &[u8]) -> FileMerge {
        merge_file(base, ours, theirs)
    }
}

impl Staged<'_> {
    /// The same as [`Repo::merge_file`].
    pub fn merge_file(&self, base: &[u8], ours: &[u8], theirs: &[u8]) -> FileMerge {
        merge_file(base, ours, theirs)
    }
}

fn merge_file(base: &[u8], ours: &[u8], theirs: &[u8]) -> FileMerge {
    // What only one side changed needs no lines: true of every file, text or not.
    if ours == theirs || base == theirs {
        return FileMerge::Clean(ours.to_vec());
    }
    if base == ours {
        return FileMerge::Clean(theirs.to_vec());
    }
    if [base, ours, theirs].into_iter().any(is_binary) {
        return FileMerge::Conflict;
    }
    let mut input = gix::diff::blob::InternedInput::default();
    let mut merged = Vec::new();
    let options = text::Options {
        diff_algorithm: gix::diff::blob::Algorithm::Histogram,
        ..text::Options::default()
    };
    let labels = text::Labels::default();
    let resolution = gix::merge::blob::builtin_driver::text(
        &mut merged,
        &mut input,
        labels,
        ours,
        base,
        theirs,
        options,
    );
    match resolution {
        Resolution::Complete => FileMerge::Clean(merged),
        Resolution::CompleteWithAutoResolvedConflict | Resolution::Conflict => FileMerge::Conflict,
    }
}

/// As git decides it: a zero byte near the start.
pub(crate) fn is_binary(bytes: &[u8]) -> bool {
    bytes.iter().take(8000).any(|byte| *byte == 0)
}
