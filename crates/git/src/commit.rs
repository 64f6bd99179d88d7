//! Commits, read and described.

use gix::bstr::ByteSlice;

use crate::{Oid, Repo, RepoError};

/// A commit as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub id: Oid,
    /// Its tree.
    pub tree: Oid,
    /// Its parents; the first is the line of the branch.
    pub parents: Vec<Oid>,
    /// Who wrote it.
    pub author: Person,
    /// Who committed it.
    pub committer: Person,
    /// Bytes that are not UTF-8 are replaced.
    pub message: String,
}

/// A name with a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// As in the commit.
    pub name: String,
    /// As in the commit.
    pub email: String,
    /// Since 1970, UTC.
    pub seconds: i64,
    /// East of UTC.
    pub offset_seconds: i32,
}

/// Who makes a commit, and when.
pub type Identity = Person;

/// The two people of a new commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identities {
    /// Who wrote it.
    pub author: Identity,
    /// Who committed it.
    pub committer: Identity,
}

/// A commit to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCommit {
    /// Its tree.
    pub tree: Oid,
    /// Its parents.
    pub parents: Vec<Oid>,
    /// Who wrote it.
    pub author: Identity,
    /// Who commits it.
    pub committer: Identity,
    /// The whole message.
    pub message: String,
    /// Sign it as git is configured to.
    pub sign: bool,
}

impl Repo {
    /// Reads a commit.
    ///
    /// # Errors
    /// Missing or damaged objects; an object that is no commit.
    pub fn commit(&self, id: Oid) -> Result<Commit, RepoError> {
        let bytes = self.bytes(id)?;
        let damaged = |detail: String| RepoError::Corrupt {
            git_dir: self.git_dir.clone(),
            detail,
        };
        let read = gix::objs::CommitRef::from_bytes(&bytes, self.inner.object_hash())
            .map_err(|error| damaged(format!("commit {id}: {error}")))?;
        // A commit with a broken name or date is still a commit.
        let person = |signature: Result<gix::actor::SignatureRef<'_>, _>| match signature {
            Ok(signature) => {
                let time = signature.time().unwrap_or_default();
                Person {
                    name: signature.name.to_str_lossy().into_owned(),
                    email: signature.email.to_str_lossy().into_owned(),
                    seconds: time.seconds,
                    offset_seconds: time.offset,
                }
            }
            Err(()) => Person {
                name: String::new(),
                email: String::new(),
                seconds: 0,
                offset_seconds: 0,
            },
        };
        Ok(Commit {
            id,
            tree: read.tree(),
            parents: read.parents().collect(),
            author: person(read.author().map_err(drop)),
            committer: person(read.committer().map_err(drop)),
            message: read.message.to_str_lossy().into_owned(),
        })
    }

    /// Who git takes the user for: environment, then configuration.
    ///
    /// # Errors
    /// [`RepoError::NoIdentity`].
    pub fn identity(&self, now: i64) -> Result<Identities, RepoError> {
        let person =
            |found: Option<Result<gix::actor::SignatureRef<'_>, _>>| -> Result<Person, RepoError> {
                let signature = found
                    .and_then(|r: Result<_, gix::Error>| r.ok())
                    .ok_or(RepoError::NoIdentity)?;
                let time = signature.time().ok();
                Ok(Person {
                    name: signature.name.to_str_lossy().into_owned(),
                    email: signature.email.to_str_lossy().into_owned(),
                    seconds: now,
                    offset_seconds: time.map_or(0, |time| time.offset),
                })
            };
        let committer = person(self.inner.committer())?;
        let author = person(self.inner.author())?;
        Ok(Identities { author, committer })
    }

    /// Whether git is configured to sign commits.
    pub fn signing_wanted(&self) -> bool {
        self.inner
            .config_snapshot()
            .boolean("commit.gpgSign")
            .unwrap_or(false)
    }
}
