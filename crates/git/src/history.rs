//! Walking the first-parent line.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use bstr::{BStr, BString, ByteSlice};

use crate::open::keep_delta_bases;
use crate::tree_walk::{Missing, TreeWalk};
use crate::{Entry, Oid, Repo, RepoError};

/// A file that a commit changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// From the root of the tree.
    pub path: BString,
    /// What it held before; none when it was added.
    pub old: Option<Entry>,
    /// What it holds after; none when it was removed.
    pub new: Option<Entry>,
}

/// Which files a comparison looks at.
#[derive(Clone, Debug)]
pub enum Interest {
    /// All.
    All,
    /// These, and no folder that holds none of them.
    Files {
        /// The files.
        files: HashSet<BString>,
        /// The folders on the way to them.
        folders: HashSet<BString>,
    },
}

impl Interest {
    /// Only these files.
    pub fn files(paths: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let files: HashSet<BString> = paths.into_iter().map(BString::from).collect();
        let mut folders = HashSet::new();
        for path in &files {
            for (at, _) in path.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
                folders.insert(BString::from(&path[..at]));
            }
        }
        Self::Files { files, folders }
    }

    pub(crate) fn touches(&self, path: &BString) -> bool {
        match self {
            Self::All => true,
            Self::Files { files, folders } => folders.contains(path) || files.contains(path),
        }
    }

    pub(crate) fn is_wanted(&self, path: &BString) -> bool {
        match self {
            Self::All => true,
            Self::Files { files, .. } => files.contains(path),
        }
    }
}

/// A commit on the first-parent line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The commit.
    pub commit: Oid,
    /// Its first parent; none at the beginning.
    pub parent: Option<Oid>,
    /// Its tree.
    pub tree: Oid,
    /// Committer time, since 1970.
    pub seconds: i64,
    /// It has a parent that this shallow repository lacks.
    pub boundary: bool,
}

/// See [`Repo::first_parents`].
struct FirstParents<'a> {
    repo: &'a Repo,
    graph: Option<gix::commitgraph::Graph>,
    shallow: Option<gix::shallow::Commits>,
    next: Option<Oid>,
}

impl Iterator for FirstParents<'_> {
    type Item = Result<Link, RepoError>;

    fn next(&mut self) -> Option<Self::Item> {
        let id = self.next.take()?;
        match self.link(id) {
            Ok(link) => {
                self.next = link.parent;
                Some(Ok(link))
            }
            Err(error) => Some(Err(error)),
        }
    }
}

impl FirstParents<'_> {
    fn link(&self, id: Oid) -> Result<Link, RepoError> {
        let boundary = self
            .shallow
            .as_ref()
            .is_some_and(|commits| commits.contains(&id));
        let in_graph = self
            .graph
            .as_ref()
            .and_then(|graph| graph.commit_by_id(id).map(|commit| (graph, commit)));
        if let Some((graph, commit)) = in_graph
            && !boundary
            && let Ok(parent) = commit.parent1()
        {
            return Ok(Link {
                commit: id,
                parent: parent.map(|position| graph.id_at(position).to_owned()),
                tree: commit.root_tree_id().to_owned(),
                seconds: i64::try_from(commit.committer_timestamp()).unwrap_or(i64::MAX),
                boundary: false,
            });
        }
        let commit = self.repo.commit(id)?;
        let parent = commit.parents.first().copied();
        Ok(Link {
            commit: id,
            parent: parent.filter(|_| !boundary),
            tree: commit.tree,
            seconds: commit.committer.seconds,
            boundary: boundary && parent.is_some(),
        })
    }
}

impl Repo {
    /// The commits from `tip` along first parents, newest first. Uses a commit-graph where there is
    /// one. Ends at the boundary of a shallow repository and says so.
    pub fn first_parents(&self, tip: Oid) -> impl Iterator<Item = Result<Link, RepoError>> + '_ {
        FirstParents {
            repo: self,
            graph: self.inner.commit_graph_if_enabled().ok().flatten(),
            shallow: self.inner.shallow_commits().ok().flatten(),
            next: Some(tip),
        }
    }

    /// The files that differ between two trees.
    ///
    /// # Errors
    /// Missing or damaged objects.
    pub fn changes(
        &self,
        old: Option<Oid>,
        new: Oid,
        interest: &Interest,
    ) -> Result<Vec<Change>, RepoError> {
        let missing = |id: Oid| self.bytes(id);
        TreeWalk::new(&self.inner, &missing).changes(old, Some(new), interest)
    }

    /// Walks the first-parent line from `tip`, newest first, with the files that each commit changed
    /// against its first parent; ends before `stop`, or when `sink` breaks off. At the boundary of a
    /// shallow repository nothing is known to have changed.
    ///
    /// # Errors
    /// Missing or damaged objects.
    pub fn walk_changes(
        &self,
        tip: Oid,
        stop: Option<Oid>,
        interest: &Interest,
        sink: &mut dyn FnMut(Link, Vec<Change>) -> ControlFlow<()>,
    ) -> Result<(), RepoError> {
        let missing = |id: Oid| self.bytes(id);
        let mut walk = TreeWalk::new(&self.inner, &missing);
        let mut line = self.first_parents(tip).peekable();
        while let Some(link) = line.next() {
            let link = link?;
            if Some(link.commit) == stop {
                break;
            }
            let parent_tree = match (link.parent, line.peek()) {
                (Some(_), Some(Ok(parent))) => Some(parent.tree),
                (Some(_), _) => match line.next() {
                    Some(Err(error)) => return Err(error),
                    _ => None,
                },
                (None, _) => None,
            };
            let changes = if link.boundary {
                Vec::new()
            } else {
                walk.changes(parent_tree, Some(link.tree), interest)?
            };
            if sink(link, changes).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// The files that each commit of a line changed against its first parent, kept where `keep` says
    /// so. `links` are neighbours on the line, newest first. Reading a long line is work for all
    /// cores: `threads` of them take turns.
    ///
    /// # Errors
    /// Missing or damaged objects.
    pub fn changes_of_line(
        &self,
        links: &[Link],
        threads: usize,
        keep: &(dyn Fn(&Change) -> bool + Sync),
    ) -> Result<Vec<Vec<Change>>, RepoError> {
        /// Commits that one thread takes at a time: neighbours share trees.
        const TURN: usize = 512;
        let oldest_parent = match links.last().and_then(|link| link.parent) {
            Some(parent) => Some(self.commit(parent)?.tree),
            None => None,
        };
        // A thread cannot fetch what a partial clone lacks.
        let threads = if self.is_partial() { 1 } else { threads };
        let next = AtomicUsize::new(0);
        let shared = self.inner.clone().into_sync();
        let turns = links.len().div_ceil(TURN);
        let done: Vec<Mutex<Vec<Vec<Change>>>> = (0..turns).map(|_| Mutex::default()).collect();
        let git_dir = &self.git_dir;
        let work = |repo: &gix::Repository, missing: &Missing<'_>| -> Result<(), RepoError> {
            let mut walk = TreeWalk::new(repo, missing);
            loop {
                let turn = next.fetch_add(1, Ordering::Relaxed);
                let Some(slot) = done.get(turn) else {
                    return Ok(());
                };
                let mut changes = Vec::with_capacity(TURN);
                for at in turn * TURN..links.len().min((turn + 1) * TURN) {
                    let link = links[at];
                    let before = match link.parent {
                        Some(_) => links
                            .get(at + 1)
                            .map_or(oldest_parent, |parent| Some(parent.tree)),
                        None => None,
                    };
                    let mut changed = if link.boundary {
                        Vec::new()
                    } else {
                        walk.changes(before, Some(link.tree), &Interest::All)?
                    };
                    changed.retain(keep);
                    changes.push(changed);
                }
                if let Ok(mut slot) = slot.lock() {
                    *slot = changes;
                }
            }
        };
        std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads)
                .map(|_| {
                    scope.spawn(|| {
                        let mut repo = shared.to_thread_local();
                        keep_delta_bases(&mut repo);
                        let missing = |id: Oid| {
                            Err(RepoError::Missing {
                                id,
                                git_dir: git_dir.clone(),
                            })
                        };
                        work(&repo, &missing)
                    })
                })
                .collect();
            let mine = work(&self.inner, &|id: Oid| self.bytes(id));
            let failed = others
                .into_iter()
                .filter_map(|thread| thread.join().ok())
                .find(Result::is_err);
            mine.and(failed.unwrap_or(Ok(())))
        })?;
        Ok(done
            .into_iter()
            .flat_map(|slot| slot.into_inner().unwrap_or_default())
            .collect())
    }

    /// Whether `older` is `newer` or one of its ancestors.
    ///
    /// # Errors
    /// Missing or damaged objects.
    pub fn is_ancestor(&self, older: Oid, newer: Oid) -> Result<bool, RepoError> {
        if older == newer {
            return Ok(true);
        }
        // Most questions are about the branch's own line, and near its tip.
        for link in self.first_parents(newer).take(256) {
            if link?.commit == older {
                return Ok(true);
            }
        }
        match self.inner.merge_base(older, newer) {
            Ok(base) => Ok(base.is_some_and(|base| base.detach() == older)),
            Err(_) => Ok(false),
        }
    }
}

impl AsRef<BStr> for Change {
    fn as_ref(&self) -> &BStr {
        self.path.as_bstr()
    }
}
