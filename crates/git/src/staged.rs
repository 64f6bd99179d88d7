//! Objects in memory: nothing is on disk until it is asked for.

use std::collections::HashMap;

use gix::objs::Kind;

use crate::commit::{Person, clean};
use crate::{NewCommit, Oid, Repo, RepoError};

/// New objects on their way into a repository.
pub struct Staged<'r> {
    pub(crate) repo: &'r Repo,
    /// In the order in which they were made: what an object names comes before it.
    objects: Vec<Object>,
    index: HashMap<Oid, usize>,
}

/// An object that is not on disk yet.
pub(crate) struct Object {
    pub(crate) id: Oid,
    pub(crate) kind: Kind,
    pub(crate) bytes: Vec<u8>,
}

impl Repo {
    /// Starts with no new object.
    pub fn stage(&self) -> Staged<'_> {
        Staged {
            repo: self,
            objects: Vec::new(),
            index: HashMap::new(),
        }
    }
}

impl Staged<'_> {
    /// Adds a file's content.
    ///
    /// # Errors
    /// The content cannot be hashed.
    pub fn blob(&mut self, bytes: &[u8]) -> Result<Oid, RepoError> {
        self.add(Kind::Blob, bytes.to_vec())
    }

    /// A file's content, staged or stored.
    ///
    /// # Errors
    /// Missing or damaged objects.
    pub fn read_blob(&self, id: Oid) -> Result<Vec<u8>, RepoError> {
        match self.staged(id, Kind::Blob) {
            Some(bytes) => Ok(bytes.to_vec()),
            None => self.repo.blob(id),
        }
    }

    /// A tree's bytes, staged or stored.
    pub(crate) fn read_tree(&self, id: Oid) -> Result<Vec<u8>, RepoError> {
        match self.staged(id, Kind::Tree) {
            Some(bytes) => Ok(bytes.to_vec()),
            None => self.repo.tree_bytes(id),
        }
    }

    /// An object of any kind, staged or stored, into a buffer.
    pub(crate) fn read_any(&self, id: Oid, buffer: &mut Vec<u8>) -> Result<Kind, RepoError> {
        match self.index.get(&id).and_then(|at| self.objects.get(*at)) {
            Some(object) => {
                buffer.clear();
                buffer.extend_from_slice(&object.bytes);
                Ok(object.kind)
            }
            None => self.repo.read_any(id, buffer),
        }
    }

    fn staged(&self, id: Oid, kind: Kind) -> Option<&[u8]> {
        let object = self.objects.get(*self.index.get(&id)?)?;
        (object.kind == kind).then_some(&object.bytes)
    }

    pub(crate) fn add(&mut self, kind: Kind, bytes: Vec<u8>) -> Result<Oid, RepoError> {
        let id = gix::objs::compute_hash(self.repo.inner.object_hash(), kind, &bytes).map_err(
            |error| RepoError::Corrupt {
                git_dir: self.repo.git_dir.clone(),
                detail: error.to_string(),
            },
        )?;
        let next = self.objects.len();
        if let std::collections::hash_map::Entry::Vacant(place) = self.index.entry(id) {
            place.insert(next);
            self.objects.push(Object { id, kind, bytes });
        }
        Ok(id)
    }

    /// Writes what was staged and is not stored yet; on disk for good when this returns. Done twice,
    /// it does no harm.
    ///
    /// # Errors
    /// [`RepoError::NoSpace`] and other trouble with the disk.
    pub fn persist(self) -> Result<(), RepoError> {
        self.repo.store(self.objects)
    }

    /// Makes a commit and writes everything: blobs and trees before the commit that names them.
    /// Signed ones are made by git, which knows gpg, ssh, x509 and the user's agents.
    ///
    /// # Errors
    /// The disk, or the signing program.
    pub fn commit(mut self, new: &NewCommit) -> Result<Oid, RepoError> {
        if new.sign {
            let repo = self.repo;
            self.persist()?;
            return repo.sign_commit(new);
        }
        let signature = |person: &Person| gix::actor::Signature {
            name: clean(&person.name).into(),
            email: clean(&person.email).into(),
            time: gix::date::Time {
                seconds: person.seconds,
                offset: person.offset_seconds,
            },
        };
        let commit = gix::objs::Commit {
            tree: new.tree,
            parents: new.parents.iter().copied().collect(),
            author: signature(&new.author),
            committer: signature(&new.committer),
            encoding: None,
            message: message(&new.message).into(),
            extra_headers: Vec::new(),
        };
        let mut bytes = Vec::new();
        gix::objs::WriteTo::write_to(&commit, &mut bytes)
            .map_err(|error| RepoError::io(&self.repo.git_dir, error))?;
        let id = self.add(Kind::Commit, bytes)?;
        self.persist()?;
        Ok(id)
    }
}

/// A message as `git commit-tree` takes it: ended by a line break, without zero bytes.
pub(crate) fn message(text: &str) -> String {
    let mut message = text.replace('\0', "");
    if !message.is_empty() && !message.ends_with('\n') {
        message.push('\n');
    }
    message
}
