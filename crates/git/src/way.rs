//! The way down to a few files, and what changed there.

use std::collections::BTreeMap;

use bstr::{BStr, BString, ByteSlice};

use crate::spots::{Source, Spots};
use crate::{Change, Entry, Mode, Oid, Repo, RepoError};

/// Compares trees by the few files that are of interest.
pub(crate) struct Way<'r> {
    source: Source<'r>,
    root: Folder,
}

/// More names in a folder than this are found quicker by comparing whole trees.
const FEW: usize = 8;

impl<'r> Way<'r> {
    /// The way to these files; none when they are many in one folder.
    pub(crate) fn to(repo: &'r Repo, files: &[&BStr]) -> Option<Self> {
        let root = Folder::with(BString::default(), files)?;
        Some(Self {
            source: Source::of(repo),
            root,
        })
    }

    /// The files that differ between two trees.
    pub(crate) fn changes(
        &mut self,
        old: Option<Oid>,
        new: Option<Oid>,
    ) -> Result<Vec<Change>, RepoError> {
        let mut found = Vec::new();
        self.root.changes(&mut self.source, old, new, &mut found)?;
        Ok(found)
    }
}

/// A folder on the way to files.
struct Folder {
    path: BString,
    spots: Spots,
    /// What is of interest below, by the number of the name; none for a file.
    below: Vec<Option<Folder>>,
}

impl Folder {
    fn with(path: BString, files: &[&BStr]) -> Option<Self> {
        let mut parts: BTreeMap<&[u8], Vec<Option<&BStr>>> = BTreeMap::new();
        for file in files {
            let (name, rest) = match file.split_once_str("/") {
                Some((name, rest)) => (name, Some(rest.as_bstr())),
                None => (file.as_bytes(), None),
            };
            parts.entry(name).or_default().push(rest);
        }
        if parts.len() > FEW {
            return None;
        }
        let mut names = Vec::with_capacity(parts.len());
        let mut below = Vec::with_capacity(parts.len());
        for (name, rests) in parts {
            let name = BString::from(name);
            // A name that is a file here and a folder there is none of ours.
            let files: Option<Vec<&BStr>> = rests.iter().copied().collect();
            below.push(match files {
                Some(files) => Some(Self::with(joined(&path, &name), &files)?),
                None if rests.iter().all(Option::is_none) => None,
                None => return None,
            });
            names.push(name);
        }
        Some(Self {
            path,
            spots: Spots::new(names),
            below,
        })
    }

    fn changes(
        &mut self,
        source: &mut Source<'_>,
        old: Option<Oid>,
        new: Option<Oid>,
        found: &mut Vec<Change>,
    ) -> Result<(), RepoError> {
        if old == new {
            return Ok(());
        }
        let before = self.spots.entries(source, old)?;
        let after = self.spots.entries(source, new)?;
        for (index, (old, new)) in before.into_iter().zip(after).enumerate() {
            if old == new {
                continue;
            }
            let is_folder = |entry: &Entry| entry.mode == Mode::Tree;
            if let Some(below) = &mut self.below[index] {
                let id = |entry: Option<Entry>| entry.filter(is_folder).map(|entry| entry.id);
                below.changes(source, id(old), id(new), found)?;
                continue;
            }
            let file = |entry: Option<Entry>| entry.filter(|entry| !is_folder(entry));
            let (old, new) = (file(old), file(new));
            if old != new {
                let path = joined(&self.path, &self.spots.names[index]);
                found.push(Change { path, old, new });
            }
        }
        Ok(())
    }
}

fn joined(folder: &BString, name: &BString) -> BString {
    let mut path = folder.clone();
    if !path.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}
