//! Reading objects.

use bstr::{BString, ByteSlice};
use gix::objs::{Find, Kind};

use crate::tree_bytes::{NoEntry, entries};
use crate::{Mode, Oid, Repo, RepoError};

/// What a path holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// The kind.
    pub mode: Mode,
    /// The object.
    pub id: Oid,
}

impl Repo {
    /// Reads an object into a buffer; in a partial clone a missing one is fetched.
    pub(crate) fn read(
        &self,
        id: Oid,
        expected: Kind,
        buffer: &mut Vec<u8>,
    ) -> Result<(), RepoError> {
        let kind = self.read_any(id, buffer)?;
        self.kind_is(id, kind, expected)
    }

    /// The same for an object of any kind, which is told.
    pub(crate) fn read_any(&self, id: Oid, buffer: &mut Vec<u8>) -> Result<Kind, RepoError> {
        // No object has to exist to be the empty tree.
        if id.is_empty_tree() {
            buffer.clear();
            return Ok(Kind::Tree);
        }
        match self.inner.objects.try_find(&id, buffer) {
            Ok(Some(data)) => return Ok(data.kind),
            Ok(None) if self.is_partial() => {}
            Ok(None) => return Err(self.missing(id)),
            Err(error) => return Err(self.unreadable(id, &error.to_string())),
        }
        self.fetch_objects(&[id], Some("blob:none"))?;
        match self.inner.objects.try_find(&id, buffer) {
            Ok(Some(data)) => Ok(data.kind),
            Ok(None) => Err(self.missing(id)),
            Err(error) => Err(self.unreadable(id, &error.to_string())),
        }
    }

    fn kind_is(&self, id: Oid, kind: Kind, expected: Kind) -> Result<(), RepoError> {
        if kind == expected {
            Ok(())
        } else {
            Err(self.unreadable(id, &format!("a {kind} stands where a {expected} should")))
        }
    }

    fn missing(&self, id: Oid) -> RepoError {
        RepoError::Missing {
            id,
            git_dir: self.git_dir.clone(),
        }
    }

    pub(crate) fn unreadable(&self, id: Oid, words: &str) -> RepoError {
        RepoError::Corrupt {
            git_dir: self.git_dir.clone(),
            detail: format!("object {id}: {words}"),
        }
    }

    /// Bytes of an object's id: 20 or, in repositories of the newer format, 32.
    pub(crate) fn hash_len(&self) -> usize {
        self.inner.object_hash().len_in_bytes()
    }

    pub(crate) fn tree_bytes(&self, id: Oid) -> Result<Vec<u8>, RepoError> {
        let mut bytes = Vec::new();
        self.read(id, Kind::Tree, &mut bytes)?;
        Ok(bytes)
    }

    /// A file's bytes (or a link's target).
    ///
    /// # Errors
    /// Missing or damaged objects.
    pub fn blob(&self, id: Oid) -> Result<Vec<u8>, RepoError> {
        let mut bytes = Vec::new();
        self.read(id, Kind::Blob, &mut bytes)?;
        Ok(bytes)
    }

    /// What a path holds in a tree; the empty path is the tree itself.
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
        if path.is_empty() {
            return Ok(Some(at));
        }
        for name in path.split_str("/") {
            if at.mode != Mode::Tree {
                return Ok(None);
            }
            let bytes = self.tree_bytes(at.id)?;
            let mut found = None;
            for entry in entries(&bytes, self.hash_len()) {
                let entry = entry.map_err(|NoEntry| self.no_entry(at.id))?;
                if entry.name == name {
                    found = Some(entry.entry());
                    break;
                }
            }
            match found {
                Some(entry) => at = entry,
                None => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    pub(crate) fn no_entry(&self, tree: Oid) -> RepoError {
        self.unreadable(tree, "the tree holds bytes that are no entry")
    }

    /// Every file (and link and submodule) below a folder of a tree with its path from the root, in
    /// the order of git.
    ///
    /// # Errors
    /// Missing or damaged objects.
    pub fn files(&self, tree: Oid, under: &str) -> Result<Vec<(BString, Entry)>, RepoError> {
        let mut files = Vec::new();
        if let Some(root) = self.folder(tree, under)? {
            let mut prefix = BString::from(under.trim_end_matches('/'));
            self.list(root, &mut prefix, &|_| true, &mut files)?;
        }
        Ok(files)
    }

    /// Every file of a tree as [`Repo::files`], but for folders that `enter` turns down by their path:
    /// those are not read.
    ///
    /// # Errors
    /// Missing or damaged objects.
    pub fn files_where(
        &self,
        tree: Oid,
        enter: &dyn Fn(&[u8]) -> bool,
    ) -> Result<Vec<(BString, Entry)>, RepoError> {
        let mut files = Vec::new();
        self.list(tree, &mut BString::default(), enter, &mut files)?;
        Ok(files)
    }

    fn folder(&self, tree: Oid, under: &str) -> Result<Option<Oid>, RepoError> {
        let found = self.entry(tree, under.trim_end_matches('/'))?;
        Ok(found
            .filter(|entry| entry.mode == Mode::Tree)
            .map(|entry| entry.id))
    }

    fn list(
        &self,
        tree: Oid,
        prefix: &mut BString,
        enter: &dyn Fn(&[u8]) -> bool,
        files: &mut Vec<(BString, Entry)>,
    ) -> Result<(), RepoError> {
        let bytes = self.tree_bytes(tree)?;
        let length = prefix.len();
        for entry in entries(&bytes, self.hash_len()) {
            let entry = entry.map_err(|NoEntry| self.no_entry(tree))?;
            if length > 0 {
                prefix.push(b'/');
            }
            prefix.extend_from_slice(entry.name);
            if entry.mode != Mode::Tree {
                files.push((prefix.clone(), entry.entry()));
            } else if enter(prefix) {
                self.list(entry.entry().id, prefix, enter, files)?;
            }
            prefix.truncate(length);
        }
        Ok(())
    }
}
