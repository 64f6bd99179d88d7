//! Which files a comparison looks at.

use std::collections::HashSet;

use bstr::{BStr, BString};

/// Which files a comparison looks at. Folders that hold none of them are not read.
#[derive(Clone, Debug)]
pub enum Interest {
    /// All.
    All,
    /// These only.
    Some(Paths),
}

/// Files, and folders with everything below them.
#[derive(Clone, Debug, Default)]
pub struct Paths {
    files: HashSet<BString>,
    trees: HashSet<BString>,
    /// The folders on the way to both.
    way: HashSet<BString>,
}

impl Interest {
    /// Only these files.
    pub fn files(paths: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self::paths(paths, [])
    }

    /// These files, and everything below these folders. A folder is written without a slash at its
    /// end; the empty one is the root.
    pub fn paths(
        files: impl IntoIterator<Item = Vec<u8>>,
        folders: impl IntoIterator<Item = Vec<u8>>,
    ) -> Self {
        let mut paths = Paths {
            files: files.into_iter().map(BString::from).collect(),
            trees: folders.into_iter().map(BString::from).collect(),
            way: HashSet::new(),
        };
        if paths.trees.contains(&b""[..]) {
            return Self::All;
        }
        for path in paths.files.iter().chain(&paths.trees) {
            for (at, _) in path.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
                paths.way.insert(BString::from(&path[..at]));
            }
        }
        Self::Some(paths)
    }

    /// The files, when no folder is of interest as a whole.
    pub(crate) fn only_files(&self) -> Option<Vec<&BStr>> {
        match self {
            Self::Some(paths) if paths.trees.is_empty() => {
                Some(paths.files.iter().map(AsRef::as_ref).collect())
            }
            _ => None,
        }
    }

    /// Whether the folder of this path holds something of interest.
    pub(crate) fn of_folder(&self, path: &BStr) -> OfFolder {
        match self {
            Self::All => OfFolder::Everything,
            Self::Some(paths) if paths.trees.contains(path) => OfFolder::Everything,
            Self::Some(paths) if paths.way.contains(path) => OfFolder::Parts,
            Self::Some(_) => OfFolder::Nothing,
        }
    }

    /// Whether the file of this path, in a folder of which parts are of interest, is one of them.
    pub(crate) fn of_file(&self, path: &BStr) -> bool {
        match self {
            Self::All => true,
            Self::Some(paths) => paths.files.contains(path) || paths.trees.contains(path),
        }
    }
}

/// How much of a folder is of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OfFolder {
    Nothing,
    Parts,
    Everything,
}
