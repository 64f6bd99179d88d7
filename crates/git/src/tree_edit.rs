//! Trees that differ from a given one at a few paths.

use std::collections::BTreeMap;

use bstr::{BStr, BString, ByteSlice};
use gix::objs::Kind;
use gix::validate::path::component;

use crate::tree_bytes::{Key, Mode, NoEntry, RawEntry, entries};
use crate::{Oid, RepoError, Staged};

/// A path and what it shall hold; `None` removes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeEdit {
    /// From the root of the tree.
    pub path: BString,
    /// The new entry.
    pub entry: Option<(Mode, Oid)>,
}

/// Edits of one folder, by name.
#[derive(Default)]
struct Folder {
    names: BTreeMap<BString, Edit>,
}

/// What is wanted of an entry.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Wish {
    #[default]
    Nothing,
    Remove,
    Put(Mode, Oid),
}

/// What happens at a name: to the entry itself, and to what is below it.
#[derive(Default)]
struct Edit {
    itself: Wish,
    below: Option<Folder>,
}

impl Staged<'_> {
    /// Builds the tree that `base` (`None` is the empty one) becomes by the edits; only folders on the
    /// way are rewritten, everything else keeps its bytes. A folder that loses its last entry goes.
    /// Of two edits of one path the later counts; to remove what is not there does nothing.
    ///
    /// # Errors
    /// [`RepoError::UnsafePath`] for names that git refuses, for paths through a link, a file or a
    /// submodule, and for a file where a folder or a submodule stands: what is inside must be removed
    /// by name.
    pub fn edit_tree(
        &mut self,
        base: impl Into<Option<Oid>>,
        edits: &[TreeEdit],
    ) -> Result<Oid, RepoError> {
        let mut root = Folder::default();
        for edit in edits {
            root.add(edit)?;
        }
        match self.edit_folder(base.into(), &root, BStr::new(""))? {
            Some(id) => Ok(id),
            None => self.add(Kind::Tree, Vec::new()),
        }
    }

    /// The edited folder; none when nothing is left in it.
    fn edit_folder(
        &mut self,
        base: Option<Oid>,
        folder: &Folder,
        prefix: &BStr,
    ) -> Result<Option<Oid>, RepoError> {
        let old = match base {
            Some(id) => self.read_tree(id)?,
            None => Vec::new(),
        };
        let hash_len = self.repo.hash_len();
        let mut kept: Vec<RawEntry<'_>> = Vec::with_capacity(old.len() / 32);
        let mut touched: BTreeMap<&[u8], RawEntry<'_>> = BTreeMap::new();
        for entry in entries(&old, hash_len) {
            let damaged = |NoEntry| self.repo.no_entry(base.unwrap_or_else(|| self.empty()));
            let entry = entry.map_err(damaged)?;
            if folder.names.contains_key(BStr::new(entry.name)) {
                touched.insert(entry.name, entry);
            } else {
                kept.push(entry);
            }
        }
        let mut fresh: Vec<(&BStr, Mode, Oid)> = Vec::new();
        for (name, edit) in &folder.names {
            let before = touched.get(name.as_slice()).copied();
            let path = joined(prefix, name.as_bstr());
            if let Some((mode, id)) = self.edit_name(before, edit, path.as_bstr())? {
                fresh.push((name.as_bstr(), mode, id));
            }
        }
        fresh.sort_by(|a, b| is_at(a.0, a.1).cmp(&is_at(b.0, b.1)));
        let mut out = Vec::with_capacity(old.len() + 64);
        let mut fresh = fresh.iter().peekable();
        for entry in kept {
            while let Some(new) = fresh.next_if(|new| is_at(new.0, new.1) < entry.key()) {
                write(&mut out, new, touched.get(new.0.as_bytes()));
            }
            out.extend_from_slice(entry.bytes);
        }
        for new in fresh {
            write(&mut out, new, touched.get(new.0.as_bytes()));
        }
        match base {
            _ if out.is_empty() => Ok(None),
            Some(base) if out == old => Ok(Some(base)),
            _ => self.add(Kind::Tree, out).map(Some),
        }
    }

    /// What a name holds after its edits.
    fn edit_name(
        &mut self,
        before: Option<RawEntry<'_>>,
        edit: &Edit,
        path: &BStr,
    ) -> Result<Option<(Mode, Oid)>, RepoError> {
        let mut now = before.map(|entry| (entry.mode, entry.entry().id));
        let is_folder = |now: Option<(Mode, Oid)>| now.is_some_and(|(mode, _)| mode == Mode::Tree);
        let is_submodule = now.is_some_and(|(mode, _)| mode == Mode::Submodule);
        if is_submodule && edit.itself != Wish::Nothing {
            return Err(unsafe_path(path, "a submodule stands there"));
        }
        if edit.itself == Wish::Remove && !is_folder(now) {
            now = None;
        }
        if let Some(below) = &edit.below {
            let base = match now {
                None => None,
                Some((Mode::Tree, id)) => Some(id),
                // Below a file there is nothing to remove.
                Some(_) if below.only_removes() => return Ok(edit.itself.applied(now)),
                Some(_) => {
                    return Err(unsafe_path(
                        path,
                        "a file, link or submodule stands where a folder is needed",
                    ));
                }
            };
            let id = self.edit_folder(base, below, path)?;
            now = id.map(|id| (Mode::Tree, id));
            // With edits below, the file that stood there is the one to remove.
            if edit.itself == Wish::Remove {
                return Ok(now);
            }
        }
        let keeps_folder = matches!(edit.itself, Wish::Nothing | Wish::Put(Mode::Tree, _));
        if is_folder(now) && !keeps_folder {
            return Err(unsafe_path(path, "a folder stands there"));
        }
        Ok(edit.itself.applied(now))
    }

    fn empty(&self) -> Oid {
        Oid::empty_tree(self.repo.inner.object_hash())
    }
}

impl Wish {
    fn applied(self, now: Option<(Mode, Oid)>) -> Option<(Mode, Oid)> {
        match self {
            Self::Nothing => now,
            Self::Remove => None,
            Self::Put(mode, id) => Some((mode, id)),
        }
    }
}

impl Folder {
    fn add(&mut self, edit: &TreeEdit) -> Result<(), RepoError> {
        let mode = edit.entry.map(|(mode, _)| mode);
        let mut folder = self;
        let mut parts = edit.path.split_str("/").peekable();
        while let Some(name) = parts.next() {
            let is_last = parts.peek().is_none();
            check(name, mode.filter(|_| is_last))
                .map_err(|why| unsafe_path(edit.path.as_bstr(), why))?;
            let at = folder.names.entry(name.into()).or_default();
            if is_last {
                at.itself = match edit.entry {
                    Some((mode, id)) => Wish::Put(mode, id),
                    None => Wish::Remove,
                };
                return Ok(());
            }
            folder = at.below.get_or_insert_default();
        }
        Ok(())
    }

    fn only_removes(&self) -> bool {
        self.names.values().all(|edit| {
            !matches!(edit.itself, Wish::Put(..))
                && edit.below.as_ref().is_none_or(Folder::only_removes)
        })
    }
}

/// Names that git refuses to check out on some system, or that would leave the tree.
fn check(name: &[u8], mode: Option<Mode>) -> Result<(), &'static str> {
    if name.contains(&0) {
        return Err("a name holds a zero byte");
    }
    let options = component::Options {
        // Colons and the like are valid where infra repos are used.
        protect_windows: false,
        protect_hfs: true,
        protect_ntfs: true,
    };
    let link = (mode == Some(Mode::Symlink)).then_some(component::Mode::Symlink);
    match gix::validate::path::component(name.into(), link, options) {
        Ok(_) => Ok(()),
        Err(component::Error::Empty) => Err("a name in it is empty"),
        Err(component::Error::Relative) => Err("`.` and `..` are no names"),
        Err(component::Error::DotGitDir) => Err("`.git` is git's own"),
        Err(_) => Err("git does not take such a name"),
    }
}

fn is_at(name: &BStr, mode: Mode) -> Key<'_> {
    Key {
        name: name.as_bytes(),
        is_tree: mode == Mode::Tree,
    }
}

fn write(out: &mut Vec<u8>, (name, mode, id): &(&BStr, Mode, Oid), old: Option<&RawEntry<'_>>) {
    match old.filter(|old| old.mode == *mode) {
        // Old modes such as 100664 stay as they are: a mode that was not asked for does not change.
        Some(old) => {
            let space = old.bytes.find_byte(b' ').unwrap_or(0);
            out.extend_from_slice(&old.bytes[..space]);
        }
        None => out.extend_from_slice(mode.text()),
    }
    out.push(b' ');
    out.extend_from_slice(name);
    out.push(0);
    out.extend_from_slice(id.as_bytes());
}

fn joined(prefix: &BStr, name: &BStr) -> BString {
    let mut path = BString::from(prefix);
    if !path.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}

fn unsafe_path(path: &BStr, why: &'static str) -> RepoError {
    RepoError::UnsafePath {
        path: path.to_str_lossy().into_owned(),
        why,
    }
}
