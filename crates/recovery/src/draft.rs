//! Files as they will be: edits in memory on top of a tree.

use std::cell::RefCell;
use std::collections::BTreeMap;

use bstr::{BString, ByteSlice};
use ripcord_domain::plan::FileChange;
use ripcord_domain::problem::Problem;
use ripcord_git::{Entry, Mode, Oid, Repo, Staged, TreeEdit};
use similar::TextDiff;

use crate::problems::from_repo;

/// What a path holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) mode: Mode,
    pub(crate) content: Content,
}

/// A file's content: read and perhaps changed, or a symlink or submodule that is only moved about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Bytes(Vec<u8>),
    Opaque(Oid),
}

impl File {
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        match &self.content {
            Content::Bytes(bytes) => Some(bytes),
            Content::Opaque(_) => None,
        }
    }
}

/// Edits on top of a tree. Nothing is written anywhere until [`Draft::stage`].
#[derive(Clone)]
pub(crate) struct Draft<'a> {
    repo: &'a Repo,
    tree: Oid,
    edits: BTreeMap<BString, Option<File>>,
    /// What was read of the tree: every file is asked for several times.
    read: RefCell<BTreeMap<BString, Option<File>>>,
}

/// What `path` holds in `tree`.
pub(crate) fn file_in(repo: &Repo, tree: Oid, path: &[u8]) -> Result<Option<File>, Problem> {
    file_of(repo, repo.entry_bytes(tree, path).map_err(from_repo)?)
}

/// What an entry of a tree is; none for a folder.
pub(crate) fn file_of(repo: &Repo, entry: Option<Entry>) -> Result<Option<File>, Problem> {
    let Some(entry) = entry else {
        return Ok(None);
    };
    let content = match entry.mode {
        Mode::Blob | Mode::Exec => Content::Bytes(repo.blob(entry.id).map_err(from_repo)?),
        Mode::Symlink | Mode::Submodule => Content::Opaque(entry.id),
        Mode::Tree => return Ok(None),
    };
    Ok(Some(File {
        mode: entry.mode,
        content,
    }))
}

impl<'a> Draft<'a> {
    pub(crate) fn on(repo: &'a Repo, tree: Oid) -> Self {
        Self {
            repo,
            tree,
            edits: BTreeMap::new(),
            read: RefCell::default(),
        }
    }

    pub(crate) fn repo(&self) -> &'a Repo {
        self.repo
    }

    /// The tree that is edited.
    pub(crate) fn tree(&self) -> Oid {
        self.tree
    }

    /// What the path held before any edit.
    fn original(&self, path: &[u8]) -> Result<Option<File>, Problem> {
        if let Some(read) = self.read.borrow().get(path.as_bstr()) {
            return Ok(read.clone());
        }
        let file = file_in(self.repo, self.tree, path)?;
        self.read.borrow_mut().insert(path.into(), file.clone());
        Ok(file)
    }

    /// What the path holds now, edits included.
    pub(crate) fn file(&self, path: &[u8]) -> Result<Option<File>, Problem> {
        match self.edits.get(path.as_bstr()) {
            Some(edited) => Ok(edited.clone()),
            None => self.original(path),
        }
    }

    pub(crate) fn set(&mut self, path: &[u8], file: Option<File>) {
        self.edits.insert(path.into(), file);
    }

    /// Every path that ends up different, with what it held and will hold.
    pub(crate) fn changed(&self) -> Result<Vec<Changed>, Problem> {
        self.changed_where(|_, _| true)
    }

    /// The same for what was edited since `earlier`, a state of the same draft.
    pub(crate) fn changed_since(&self, earlier: &Self) -> Result<Vec<Changed>, Problem> {
        self.changed_where(|path, after| earlier.edits.get(path) != Some(after))
    }

    fn changed_where(
        &self,
        wanted: impl Fn(&BString, &Option<File>) -> bool,
    ) -> Result<Vec<Changed>, Problem> {
        let mut changed = Vec::new();
        for (path, after) in self
            .edits
            .iter()
            .filter(|(path, after)| wanted(path, after))
        {
            let before = self.original(path)?;
            if before != *after {
                changed.push(Changed {
                    path: path.clone(),
                    before,
                    after: after.clone(),
                });
            }
        }
        Ok(changed)
    }

    /// Puts the edits into objects and returns the new tree.
    pub(crate) fn stage(&self, staged: &mut Staged<'_>) -> Result<Oid, Problem> {
        let mut edits = Vec::new();
        for Changed { path, after, .. } in self.changed()? {
            let entry = match after {
                None => None,
                Some(File {
                    mode,
                    content: Content::Opaque(id),
                }) => Some((mode, id)),
                Some(File {
                    mode,
                    content: Content::Bytes(bytes),
                }) => Some((mode, staged.blob(&bytes).map_err(from_repo)?)),
            };
            edits.push(TreeEdit { path, entry });
        }
        staged.edit_tree(Some(self.tree), &edits).map_err(from_repo)
    }
}

/// A path that a draft changes.
#[derive(Clone, Debug)]
pub(crate) struct Changed {
    pub(crate) path: BString,
    pub(crate) before: Option<File>,
    pub(crate) after: Option<File>,
}

impl Changed {
    /// The change as a person and a program see it.
    pub(crate) fn shown(&self) -> FileChange {
        let path = shown_path(&self.path);
        let text = |file: &Option<File>| -> Option<String> {
            match file {
                None => Some(String::new()),
                Some(file) => file
                    .bytes()
                    .and_then(|bytes| std::str::from_utf8(bytes).ok())
                    .map(str::to_owned),
            }
        };
        let diff = match (text(&self.before), text(&self.after)) {
            (Some(before), Some(after)) => TextDiff::from_lines(&before, &after)
                .unified_diff()
                .context_radius(3)
                .header(&format!("a/{path}"), &format!("b/{path}"))
                .to_string(),
            _ => String::new(),
        };
        FileChange { path, diff }
    }
}

/// A path for people; control characters and bytes that are not UTF-8 are escaped, so that a
/// hostile name can neither move the cursor nor hide.
pub(crate) fn shown_path(path: &[u8]) -> String {
    match std::str::from_utf8(path) {
        Ok(text) if !text.chars().any(char::is_control) => text.to_owned(),
        _ => path.escape_ascii().to_string(),
    }
}
