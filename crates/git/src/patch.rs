//! What a commit changes, apart from where it stands: the sameness of patches.

use std::ops::Range;

use bstr::{BString, ByteSlice};
use gix::diff::blob::{Algorithm, Diff, InternedInput, sources::byte_lines};
use gix::objs::Kind;

use crate::merge::is_binary;
use crate::{Change, Entry, Interest, Mode, Oid, Repo, RepoError};

/// A name that two differences share exactly when they say the same: the same files, lines and lines
/// around them, wherever in the file they stand.
///
/// As `git patch-id --verbatim` (<https://git-scm.com/docs/git-patch-id>), and not `--stable`, which
/// takes no account of white space: in YAML and Python the indentation is the change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PatchId(Oid);

/// The difference of two trees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    /// Its name.
    pub id: PatchId,
    /// The files that differ, in the order of git. Empty: nothing differs.
    pub paths: Vec<BString>,
}

/// Lines that are shown around a change, as git does.
const CONTEXT: u32 = 3;
/// Files with more bytes are compared whole, as those that are no text.
const LARGE: usize = 16 << 20;

impl Repo {
    /// The difference of two trees; against nothing when `old` is none. Renames are a file less and a
    /// file more.
    ///
    /// # Errors
    /// Missing or damaged objects.
    pub fn patch(&self, old: Option<Oid>, new: Oid) -> Result<Patch, RepoError> {
        let changes = self.changes(old, new, &Interest::All)?;
        let mut text = Vec::new();
        for change in &changes {
            self.write_change(change, &mut text)?;
        }
        let hash = self.inner.object_hash();
        let id = gix::objs::compute_hash(hash, Kind::Blob, &text).map_err(|error| {
            RepoError::Corrupt {
                git_dir: self.git_dir.clone(),
                detail: error.to_string(),
            }
        })?;
        Ok(Patch {
            id: PatchId(id),
            paths: changes.into_iter().map(|change| change.path).collect(),
        })
    }

    /// Writes what a file becomes in a form in which nothing else writes the same.
    fn write_change(&self, change: &Change, out: &mut Vec<u8>) -> Result<(), RepoError> {
        out.extend_from_slice(change.path.as_bytes());
        out.push(0);
        for side in [change.old, change.new] {
            out.extend_from_slice(side.map_or(b"none", |entry| entry.mode.text()));
            out.push(0);
        }
        if change.old.map(|entry| entry.id) == change.new.map(|entry| entry.id) {
            return Ok(());
        }
        let (before, after) = (self.text_of(change.old)?, self.text_of(change.new)?);
        match (before, after) {
            (Some(before), Some(after)) => write_lines(&before, &after, out),
            _ => {
                for side in [change.old, change.new].into_iter().flatten() {
                    out.extend_from_slice(side.id.as_bytes());
                }
            }
        }
        out.push(0);
        Ok(())
    }

    /// The lines of one side; none when it is not made of lines.
    fn text_of(&self, side: Option<Entry>) -> Result<Option<Vec<u8>>, RepoError> {
        let Some(entry) = side else {
            return Ok(Some(Vec::new()));
        };
        if entry.mode == Mode::Submodule {
            return Ok(None);
        }
        let bytes = self.blob(entry.id)?;
        Ok((bytes.len() <= LARGE && !is_binary(&bytes)).then_some(bytes))
    }
}

fn write_lines(before: &[u8], after: &[u8], out: &mut Vec<u8>) {
    let input = InternedInput::new(byte_lines(before), byte_lines(after));
    let mut diff = Diff::compute(Algorithm::Myers, &input);
    diff.postprocess_lines(&input);
    let mut write = |mark: u8, tokens: &[gix::diff::blob::Token], range: Range<u32>| {
        for token in &tokens[range.start as usize..range.end as usize] {
            let line = input.interner[*token];
            out.push(mark);
            out.extend_from_slice(line);
            // The last line may have no end: that is a difference like any other.
            if !line.ends_with(b"\n") {
                out.extend_from_slice(b"\n\\\n");
            }
        }
    };
    let length = u32::try_from(input.before.len()).unwrap_or(u32::MAX);
    let mut shown: Option<u32> = None;
    for hunk in diff.hunks() {
        let start = hunk.before.start;
        // The lines after the hunk before, and those before this one: each of them once.
        if let Some(end) = shown {
            write(b' ', &input.before, end..(end + CONTEXT).min(start));
        }
        let passed = shown.map_or(0, |end| (end + CONTEXT).min(start));
        let from = start.saturating_sub(CONTEXT).max(passed);
        write(b' ', &input.before, from..start);
        write(b'-', &input.before, hunk.before.clone());
        write(b'+', &input.after, hunk.after);
        shown = Some(hunk.before.end);
    }
    if let Some(end) = shown {
        write(b' ', &input.before, end..(end + CONTEXT).min(length));
    }
}
