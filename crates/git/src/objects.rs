//! Reading objects.

use bstr::{BString, ByteSlice};
use gix::objs::FindExt;

use crate::{Oid, Repo, RepoError};

/// What a tree entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// A file.
    Blob,
    /// An executable file.
    Exec,
    /// A symbolic link.
    Symlink,
    /// A folder.
    Tree,
    /// Another repository's commit.
    Submodule,
}

impl Mode {
    /// Whether it is a plain file, executable or not.
    pub fn is_blob(self) -> bool {
        matches!(self, Self::Blob | Self::Exec)
    }

    /// From the octal text of a tree; old repositories hold `100664` too.
    pub(crate) fn parse(text: &[u8]) -> Self {
        match text {
            b"40000" | b"040000" => Self::Tree,
            b"100755" => Self::Exec,
            b"120000" => Self::Symlink,
            b"160000" => Self::Submodule,
            _ => Self::Blob,
        }
    }

    pub(crate) fn text(self) -> &'static [u8] {
        match self {
            Self::Blob => b"100644",
            Self::Exec => b"100755",
            Self::Symlink => b"120000",
            Self::Tree => b"40000",
            Self::Submodule => b"160000",
        }
    }
}

/// What a path holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// The kind.
    pub mode: Mode,
    /// The object.
    pub id: Oid,
}

/// One entry of one tree, borrowed from its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RawEntry<'a> {
    pub(crate) mode: Mode,
    pub(crate) name: &'a [u8],
    pub(crate) id: Oid,
    /// Bytes of the mode's text.
    pub(crate) mode_len: usize,
}

impl RawEntry<'_> {
    /// Bytes that the entry takes in its tree.
    pub(crate) fn length(&self) -> usize {
        self.mode_len + 1 + self.name.len() + 1 + 20
    }
}

/// The entries of a tree's bytes. Ends early at bytes that are no entry.
pub(crate) fn entries(mut bytes: &[u8]) -> impl Iterator<Item = RawEntry<'_>> {
    std::iter::from_fn(move || {
        let space = bytes.find_byte(b' ')?;
        let end = space + bytes[space..].find_byte(0)?;
        let id = bytes.get(end + 1..end + 21)?;
        let entry = RawEntry {
            mode: Mode::parse(&bytes[..space]),
            name: &bytes[space + 1..end],
            id: Oid::try_from(id).ok()?,
            mode_len: space,
        };
        bytes = &bytes[end + 21..];
        Some(entry)
    })
}

impl Repo {
    /// The bytes of an object of any kind; in a partial clone a missing one is fetched.
    pub(crate) fn bytes(&self, id: Oid) -> Result<Vec<u8>, RepoError> {
        let mut buffer = Vec::new();
        match self.inner.objects.find(&id, &mut buffer) {
            Ok(_) => return Ok(buffer),
            Err(_) if self.is_partial() => {}
            Err(error) => return Err(self.unreadable(id, &error.to_string())),
        }
        self.fetch_objects(&[id], Some("blob:none"))?;
        match self.inner.objects.find(&id, &mut buffer) {
            Ok(_) => Ok(buffer),
            Err(error) => Err(self.unreadable(id, &error.to_string())),
        }
    }

    pub(crate) fn unreadable(&self, id: Oid, words: &str) -> RepoError {
        let git_dir = self.git_dir.clone();
        if self.inner.has_object(id) {
            RepoError::Corrupt {
                git_dir,
                detail: format!("object {id}: {words}"),
            }
        } else {
            RepoError::Missing { id, git_dir }
        }
    }

    /// A file's bytes.
    ///
    /// # Errors
    /// Missing or damaged objects.
    pub fn blob(&self, id: Oid) -> Result<Vec<u8>, RepoError> {
        self.bytes(id)
    }

    /// What a path holds in a tree.
    ///
    /// # Errors
    /// Missing or damaged objects.
    pub fn entry(&self, tree: Oid, path: &str) -> Result<Option<Entry>, RepoError> {
        self.entry_bytes(tree, path.as_bytes())
    }

    /// The same for a path that need not be UTF-8.
    ///
    /// # Errors
    /// Missing or damaged objects.
    pub fn entry_bytes(&self, tree: Oid, path: &[u8]) -> Result<Option<Entry>, RepoError> {
        let mut at = Entry {
            mode: Mode::Tree,
            id: tree,
        };
        for name in path.split_str("/") {
            if at.mode != Mode::Tree {
                return Ok(None);
            }
            let bytes = self.bytes(at.id)?;
            match entries(&bytes).find(|entry| entry.name == name) {
                Some(entry) => {
                    at = Entry {
                        mode: entry.mode,
                        id: entry.id,
                    }
                }
                None => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    /// Every file (and link and submodule) of a tree, in the order of git. Folders that `enter`
    /// turns down are not read.
    ///
    /// # Errors
    /// Missing or damaged objects.
    pub fn files(
        &self,
        tree: Oid,
        enter: &dyn Fn(&[u8]) -> bool,
    ) -> Result<Vec<(BString, Entry)>, RepoError> {
        let mut files = Vec::new();
        self.list(tree, &mut BString::default(), enter, &mut files)?;
        Ok(files)
    }

    fn list(
        &self,
        tree: Oid,
        prefix: &mut BString,
        enter: &dyn Fn(&[u8]) -> bool,
        files: &mut Vec<(BString, Entry)>,
    ) -> Result<(), RepoError> {
        let bytes = self.bytes(tree)?;
        let length = prefix.len();
        for entry in entries(&bytes) {
            if !prefix.is_empty() {
                prefix.push(b'/');
            }
            prefix.extend_from_slice(entry.name);
            if entry.mode == Mode::Tree {
                if enter(prefix) {
                    self.list(entry.id, prefix, enter, files)?;
                }
            } else {
                files.push((
                    prefix.clone(),
                    Entry {
                        mode: entry.mode,
                        id: entry.id,
                    },
                ));
            }
            prefix.truncate(length);
        }
        Ok(())
    }

    /// The commit that a text names: an id, the start of one, a tag, a branch.
    ///
    /// # Errors
    /// [`RepoError::BadRevision`] and [`RepoError::AmbiguousRevision`].
    pub fn resolve(&self, spec: &str) -> Result<Oid, RepoError> {
        let bad = || RepoError::BadRevision {
            spec: spec.to_owned(),
        };
        if spec.is_empty() || spec.starts_with('-') {
            return Err(bad());
        }
        let id = self
            .inner
            .rev_parse_single(format!("{spec}^{{commit}}").as_str())
            .map_err(|error| {
                if error.to_string().contains("ambiguous") {
                    RepoError::AmbiguousRevision {
                        spec: spec.to_owned(),
                    }
                } else {
                    bad()
                }
            })?;
        Ok(id.detach())
    }
}
