//! What ripcord must leave alone in a person's clone.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::scratch::Scratch;

/// Files of the repository itself that hold a person's state. What is missing counts, too.
const STATE: [&str; 12] = [
    "HEAD",
    "ORIG_HEAD",
    "FETCH_HEAD",
    "MERGE_HEAD",
    "REVERT_HEAD",
    "CHERRY_PICK_HEAD",
    "index",
    "config",
    "shallow",
    "logs/HEAD",
    "logs/refs/stash",
    "info/exclude",
];

/// Everything in a clone that a person would miss, as a value that can be compared.
///
/// HEAD and operations in progress, all references, the index byte by byte, every file of the work
/// tree with mode and content, stash, configuration, hooks and linked worktrees. Not the object
/// database: unreferenced objects change nothing for anybody.
#[derive(Clone, PartialEq, Eq)]
pub struct Snapshot(BTreeMap<String, String>);

impl Snapshot {
    /// Reads the clone at `dir`. Works for bare repositories, too.
    pub fn of(scratch: &Scratch, dir: &Path) -> Result<Self> {
        let mut parts = BTreeMap::new();
        let git_dir = scratch.git(dir, &["rev-parse", "--absolute-git-dir"])?;
        let git_dir = Path::new(&git_dir);
        for name in STATE {
            parts.insert(format!("git {name}"), fingerprint(&git_dir.join(name))?);
        }
        for refs in scratch
            .git(dir, &["for-each-ref", "--format=%(refname) %(objectname)"])?
            .lines()
        {
            let (name, id) = refs.split_once(' ').context("for-each-ref prints pairs")?;
            parts.insert(format!("ref {name}"), id.to_owned());
        }
        let worktrees = scratch.git(dir, &["worktree", "list", "--porcelain"])?;
        parts.insert("worktrees".to_owned(), worktrees);
        add_files(&mut parts, "hook", &git_dir.join("hooks"), Path::new(""))?;
        if git_dir != dir.canonicalize()? {
            add_files(&mut parts, "file", dir, Path::new(""))?;
        }
        Ok(Self(parts))
    }

    /// What differs, one line for each part. Empty when nothing does.
    pub fn changes_to(&self, later: &Self) -> Vec<String> {
        let names: std::collections::BTreeSet<_> = self.0.keys().chain(later.0.keys()).collect();
        let part = |side: &Self, name: &str| side.0.get(name).cloned().unwrap_or("absent".into());
        names
            .into_iter()
            .filter(|name| self.0.get(*name) != later.0.get(*name))
            .map(|name| format!("{name}: {} -> {}", part(self, name), part(later, name)))
            .collect()
    }

    /// # Panics
    ///
    /// With the differences, if there are any.
    #[track_caller]
    pub fn assert_same(&self, later: &Self) {
        let changes = self.changes_to(later);
        assert!(
            changes.is_empty(),
            "the clone was touched:\n{}",
            changes.join("\n")
        );
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(&self.0).finish()
    }
}

/// Adds all files below `root/below` except a repository's own.
fn add_files(
    parts: &mut BTreeMap<String, String>,
    kind: &str,
    root: &Path,
    below: &Path,
) -> Result<()> {
    let Ok(entries) = fs::read_dir(root.join(below)) else {
        return Ok(());
    };
    for entry in entries {
        let entry = entry?;
        let path = below.join(entry.file_name());
        if entry.file_name() == ".git" {
            continue;
        }
        if entry.file_type()?.is_dir() {
            add_files(parts, kind, root, &path)?;
        } else {
            parts.insert(
                format!("{kind} {}", path.display()),
                fingerprint(&root.join(&path))?,
            );
        }
    }
    Ok(())
}

/// Mode, length and hash of a file; the target of a link; `absent`.
fn fingerprint(path: &Path) -> Result<String> {
    let Ok(metadata) = path.symlink_metadata() else {
        return Ok("absent".to_owned());
    };
    if metadata.is_symlink() {
        return Ok(format!("link to {}", fs::read_link(path)?.display()));
    }
    let bytes = fs::read(path)?;
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    let mode = metadata.permissions().mode();
    Ok(format!(
        "{mode:o} {} bytes {:016x}",
        bytes.len(),
        hasher.finish()
    ))
}
