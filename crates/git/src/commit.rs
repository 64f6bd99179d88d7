//! Commits, read and described.

use bstr::{BStr, ByteSlice};
use gix::objs::Kind;

use crate::{Oid, Repo, RepoError};

/// A commit as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub id: Oid,
    /// Its tree.
    pub tree: Oid,
    /// Its parents; the first is the line of the branch. In a shallow repository they need not be
    /// there.
    pub parents: Vec<Oid>,
    /// Who wrote it.
    pub author: Person,
    /// Who committed it.
    pub committer: Person,
    /// Latin-1 is understood when the commit says so; other bytes that are not UTF-8 are replaced.
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
        let mut bytes = Vec::new();
        self.read(id, Kind::Commit, &mut bytes)?;
        let read = gix::objs::CommitRef::from_bytes(&bytes, self.inner.object_hash())
            .map_err(|error| self.unreadable(id, &error.to_string()))?;
        let latin = read.encoding.is_some_and(is_latin_1);
        // A commit with a broken name or date is still a commit.
        let person = |signature: Option<gix::actor::SignatureRef<'_>>| match signature {
            Some(signature) => {
                let time = signature.time().unwrap_or_default();
                Person {
                    name: text(signature.name, latin),
                    email: text(signature.email, latin),
                    seconds: time.seconds,
                    offset_seconds: time.offset,
                }
            }
            None => Person {
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
            author: person(read.author().ok()),
            committer: person(read.committer().ok()),
            message: text(read.message, latin),
        })
    }

    /// Who git takes the user for, `now` seconds after 1970: environment, then configuration.
    ///
    /// # Errors
    /// [`RepoError::NoIdentity`].
    pub fn identity(&self, now: i64) -> Result<Identities, RepoError> {
        let person = |found: Option<Result<gix::actor::SignatureRef<'_>, gix::Error>>| {
            let signature = found.and_then(Result::ok).ok_or(RepoError::NoIdentity)?;
            let (name, email) = (
                clean(&signature.name.to_str_lossy()),
                clean(&signature.email.to_str_lossy()),
            );
            if name.is_empty() || email.is_empty() {
                return Err(RepoError::NoIdentity);
            }
            Ok(Person {
                name,
                email,
                seconds: now,
                offset_seconds: signature.time().map_or(0, |time| time.offset),
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

fn is_latin_1(encoding: &BStr) -> bool {
    [
        &b"ISO-8859-1"[..],
        b"ISO8859-1",
        b"latin1",
        b"latin-1",
        b"ISO-8859-15",
    ]
    .iter()
    .any(|name| encoding.eq_ignore_ascii_case(name))
}

fn text(bytes: &BStr, latin: bool) -> String {
    match bytes.to_str() {
        Ok(text) => text.to_owned(),
        Err(_) if latin => bytes.iter().map(|byte| char::from(*byte)).collect(),
        Err(_) => bytes.to_str_lossy().into_owned(),
    }
}

/// A name as git puts it into a commit: without what would end it there, and without the
/// punctuation that git cuts off at both ends.
pub(crate) fn clean(name: &str) -> String {
    let is_crud =
        |c: char| c <= ' ' || matches!(c, '.' | ',' | ':' | ';' | '<' | '>' | '"' | '\\' | '\'');
    name.trim_matches(is_crud)
        .chars()
        .filter(|c| !matches!(c, '\n' | '\0' | '<' | '>'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_break_out_of_its_header() {
        assert_eq!(clean(" A <b>\ncommitter x. "), "A bcommitter x");
        assert_eq!(clean("<>"), "");
    }
}
