//! Objects in memory: nothing is on disk until a commit is made of them.

use std::collections::BTreeMap;

use bstr::{BString, ByteSlice};
use gix::objs::{Kind, Write};

use crate::commit::Person;
use crate::objects::{Mode, entries};
use crate::process::Git;
use crate::{NewCommit, Oid, Repo, RepoError};

/// New objects on their way into a repository.
pub struct Staged<'r> {
    repo: &'r Repo,
    objects: Vec<(Oid, Kind, Vec<u8>)>,
}

/// A path and what it shall hold; `None` removes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeEdit {
    /// From the root of the tree.
    pub path: BString,
    /// The new entry.
    pub entry: Option<(Mode, Oid)>,
}

/// An entry with its mode as the tree spells it.
struct Kept<'a> {
    mode_text: &'a [u8],
    mode: Mode,
    id: Oid,
}

impl Kept<'_> {
    fn new(mode: Mode, id: Oid) -> Self {
        Self {
            mode_text: mode.text(),
            mode,
            id,
        }
    }
}

/// Edits of one folder: by name, either the entry itself or edits below it.
#[derive(Default)]
struct Folder {
    here: BTreeMap<BString, Option<(Mode, Oid)>>,
    below: BTreeMap<BString, Folder>,
}

impl Repo {
    /// Starts with no new object.
    pub fn stage(&self) -> Staged<'_> {
        Staged {
            repo: self,
            objects: Vec::new(),
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

    /// Builds the tree that `base` (`None` is the empty one) becomes by the edits; only folders on the way are rewritten. A
    /// folder that loses its last entry goes.
    ///
    /// # Errors
    /// [`RepoError::UnsafePath`] for names that git refuses and for paths through a link, a file or a
    /// submodule.
    pub fn edit_tree(&mut self, base: Option<Oid>, edits: &[TreeEdit]) -> Result<Oid, RepoError> {
        let mut root = Folder::default();
        for edit in edits {
            let mut folder = &mut root;
            let mut parts: Vec<&[u8]> = edit.path.split_str("/").collect();
            let unsafe_name = |name: &&[u8]| {
                name.is_empty()
                    || **name == *b"."
                    || **name == *b".."
                    || name.eq_ignore_ascii_case(b".git")
                    || name.contains(&0)
            };
            if parts.iter().any(unsafe_name) {
                return Err(unsafe_path(&edit.path, "git does not take such a name"));
            }
            let Some(last) = parts.pop() else { continue };
            for part in parts {
                folder = folder.below.entry(part.into()).or_default();
            }
            folder.here.insert(last.into(), edit.entry);
        }
        let empty = self.repo.inner.empty_tree().id;
        let built = self.folder(base, &root, &BString::default())?;
        if let Some(id) = built {
            return Ok(id);
        }
        self.add(Kind::Tree, Vec::new())?;
        Ok(empty)
    }

    fn folder(
        &mut self,
        base: Option<Oid>,
        folder: &Folder,
        prefix: &BString,
    ) -> Result<Option<Oid>, RepoError> {
        let bytes = match base {
            Some(id) => self.repo.bytes(id)?,
            None => Vec::new(),
        };
        let mut all: BTreeMap<BString, Kept> = BTreeMap::new();
        let mut rest = bytes.as_slice();
        for entry in entries(&bytes) {
            // Old modes such as 100664 stay as they are in entries that nobody asked about.
            let (mode_text, after) = (&rest[..entry.mode_len], &rest[entry.length()..]);
            all.insert(
                entry.name.into(),
                Kept {
                    mode_text,
                    mode: entry.mode,
                    id: entry.id,
                },
            );
            rest = after;
        }
        for (name, wanted) in &folder.here {
            match wanted {
                Some((mode, id)) => all.insert(name.clone(), Kept::new(*mode, *id)),
                None => all.remove(name),
            };
        }
        for (name, below) in &folder.below {
            let path = if prefix.is_empty() {
                name.clone()
            } else {
                BString::from(format!("{prefix}/{name}"))
            };
            let below_base = match all.get(name) {
                None => None,
                Some(entry) if entry.mode == Mode::Tree => Some(entry.id),
                Some(_) => {
                    return Err(unsafe_path(
                        &path,
                        "a file, link or submodule stands where a folder is needed",
                    ));
                }
            };
            match self.folder(below_base, below, &path)? {
                Some(id) => all.insert(name.clone(), Kept::new(Mode::Tree, id)),
                None => all.remove(name),
            };
        }
        if all.is_empty() {
            return Ok(None);
        }
        let mut sorted: Vec<(&BString, &Kept<'_>)> = all.iter().collect();
        let key = |(name, entry): &(&BString, &Kept<'_>)| {
            let mut key = name.to_vec();
            if entry.mode == Mode::Tree {
                key.push(b'/');
            }
            key
        };
        sorted.sort_by_cached_key(key);
        let mut out = Vec::with_capacity(bytes.len() + 64);
        for (name, entry) in sorted {
            out.extend_from_slice(entry.mode_text);
            out.push(b' ');
            out.extend_from_slice(name);
            out.push(0);
            out.extend_from_slice(entry.id.as_bytes());
        }
        if out == bytes {
            return Ok(base);
        }
        self.add(Kind::Tree, out).map(Some)
    }

    fn add(&mut self, kind: Kind, bytes: Vec<u8>) -> Result<Oid, RepoError> {
        let id = gix::objs::compute_hash(self.repo.inner.object_hash(), kind, &bytes).map_err(
            |error| RepoError::Corrupt {
                git_dir: self.repo.git_dir.clone(),
                detail: error.to_string(),
            },
        )?;
        self.objects.push((id, kind, bytes));
        Ok(id)
    }

    /// Writes every object and then the commit on top of them. Done twice, it does no harm.
    ///
    /// # Errors
    /// The disk, or the signing program.
    pub fn commit(mut self, new: &NewCommit) -> Result<Oid, RepoError> {
        if new.sign {
            self.write()?;
            return self.signed(new);
        }
        let signature = |person: &Person| gix::actor::Signature {
            name: person.name.as_str().into(),
            email: person.email.as_str().into(),
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
            message: new.message.as_str().into(),
            extra_headers: Vec::new(),
        };
        let mut bytes = Vec::new();
        gix::objs::WriteTo::write_to(&commit, &mut bytes)
            .map_err(|error| RepoError::io(&self.repo.git_dir, error))?;
        let id = self.add(Kind::Commit, bytes)?;
        self.write()?;
        Ok(id)
    }

    fn write(&mut self) -> Result<(), RepoError> {
        for (id, kind, bytes) in self.objects.drain(..) {
            if self.repo.inner.has_object(id) {
                continue;
            }
            self.repo
                .inner
                .objects
                .write_buf(kind, &bytes)
                .map_err(|error| {
                    let words = error.to_string();
                    let path = self.repo.git_dir.clone();
                    if words.contains("No space left") || words.contains("StorageFull") {
                        RepoError::NoSpace { path }
                    } else {
                        RepoError::io(path, std::io::Error::other(words))
                    }
                })?;
        }
        Ok(())
    }

    /// Git itself signs: it knows gpg, ssh, x509 and the user's agents.
    fn signed(&self, new: &NewCommit) -> Result<Oid, RepoError> {
        let date = |person: &Person| {
            let minutes = person.offset_seconds / 60;
            let sign = if minutes < 0 { '-' } else { '+' };
            format!(
                "@{} {sign}{:02}{:02}",
                person.seconds,
                minutes.abs() / 60,
                minutes.abs() % 60
            )
        };
        let mut git =
            Git::new(&self.repo.git_dir, self.repo.worktree(), "commit-tree").args(["-S"]);
        for parent in &new.parents {
            git = git.args(["-p".to_owned(), parent.to_string()]);
        }
        let answer = git
            .args(["-F".to_owned(), "-".to_owned(), new.tree.to_string()])
            .env("GIT_AUTHOR_NAME", &new.author.name)
            .env("GIT_AUTHOR_EMAIL", &new.author.email)
            .env("GIT_AUTHOR_DATE", date(&new.author))
            .env("GIT_COMMITTER_NAME", &new.committer.name)
            .env("GIT_COMMITTER_EMAIL", &new.committer.email)
            .env("GIT_COMMITTER_DATE", date(&new.committer))
            .stdin(new.message.clone().into_bytes())
            .run()?;
        let id = String::from_utf8_lossy(&answer.stdout)
            .trim()
            .parse()
            .ok()
            .filter(|_| answer.ok);
        id.ok_or_else(|| RepoError::Signing {
            words: answer.stderr.trim().to_owned(),
        })
    }
}

fn unsafe_path(path: &BString, why: &'static str) -> RepoError {
    RepoError::UnsafePath {
        path: path.to_str_lossy().into_owned(),
        why,
    }
}
