//! Comparing trees with everything below them.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use bstr::{BString, ByteSlice};
use gix::objs::Kind;

use crate::differing::{Tree, all, differing};
use crate::interest::OfFolder;
use crate::tree_bytes::NoEntry;
use crate::{Entry, Interest, Oid, Repo, RepoError};

/// A file that differs between two trees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// From the root of the tree.
    pub path: BString,
    /// What it held before; none when it was added.
    pub old: Option<Entry>,
    /// What it holds after; none when it was removed.
    pub new: Option<Entry>,
}

/// Bytes of trees that are kept. Neighbours on the line share all but a few of their trees.
const KEPT: usize = 1 << 20;
/// Trees that are kept however large they are: the way down to a file, before and after.
const KEPT_ALWAYS: usize = 12;

/// Reads trees and compares them; keeps those that it read last.
pub(crate) struct TreeWalk<'r> {
    repo: &'r Repo,
    known: HashMap<Oid, Rc<Tree>>,
    order: VecDeque<Oid>,
    size: usize,
    /// Buffers of trees that were let go.
    spare: Vec<Vec<u8>>,
}

impl<'r> TreeWalk<'r> {
    pub(crate) fn new(repo: &'r Repo) -> Self {
        Self {
            repo,
            known: HashMap::new(),
            order: VecDeque::new(),
            size: 0,
            spare: Vec::new(),
        }
    }

    /// The files that differ between two trees, in the order of git.
    pub(crate) fn changes(
        &mut self,
        old: Option<Oid>,
        new: Option<Oid>,
        interest: &Interest,
    ) -> Result<Vec<Change>, RepoError> {
        let mut changes = Vec::new();
        let mut path = BString::default();
        let root = match interest {
            Interest::All => OfFolder::Everything,
            Interest::Some(_) => OfFolder::Parts,
        };
        self.compare(old, new, (interest, root), &mut path, &mut changes)?;
        Ok(changes)
    }

    fn compare(
        &mut self,
        old: Option<Oid>,
        new: Option<Oid>,
        (interest, here): (&Interest, OfFolder),
        path: &mut BString,
        changes: &mut Vec<Change>,
    ) -> Result<(), RepoError> {
        if old == new {
            return Ok(());
        }
        let before = old.map(|id| self.tree(id)).transpose()?;
        let after = new.map(|id| self.tree(id)).transpose()?;
        let hash_len = self.repo.hash_len();
        let differences = match (&before, &after) {
            (Some(before), Some(after)) => differing(before, after, hash_len),
            (Some(tree), None) => all(tree, hash_len, false),
            (None, Some(tree)) => all(tree, hash_len, true),
            (None, None) => Ok(Vec::new()),
        };
        let either = new.or(old).unwrap_or(Oid::null(gix::hash::Kind::Sha1));
        for difference in differences.map_err(|NoEntry| self.repo.no_entry(either))? {
            let length = path.len();
            if length > 0 {
                path.push(b'/');
            }
            path.extend_from_slice(difference.name);
            let (old, new) = (difference.old, difference.new);
            let everything = here == OfFolder::Everything;
            if difference.is_folder() {
                let below = if everything {
                    OfFolder::Everything
                } else {
                    interest.of_folder(path.as_bstr())
                };
                if below != OfFolder::Nothing {
                    let (old, new) = (old.map(|e| e.id), new.map(|e| e.id));
                    self.compare(old, new, (interest, below), path, changes)?;
                }
            } else if everything || interest.of_file(path.as_bstr()) {
                changes.push(Change {
                    path: path.clone(),
                    old,
                    new,
                });
            }
            path.truncate(length);
        }
        Ok(())
    }

    fn tree(&mut self, id: Oid) -> Result<Rc<Tree>, RepoError> {
        if let Some(tree) = self.known.get(&id) {
            return Ok(tree.clone());
        }
        let mut bytes = self.spare.pop().unwrap_or_default();
        self.repo.read(id, Kind::Tree, &mut bytes)?;
        let tree = Rc::new(Tree::new(bytes));
        self.size += tree.bytes.len();
        self.known.insert(id, tree.clone());
        self.order.push_back(id);
        while self.size > KEPT && self.order.len() > KEPT_ALWAYS {
            let gone = self.order.pop_front().and_then(|id| self.known.remove(&id));
            if let Some(gone) = gone {
                self.size -= gone.bytes.len();
                if let Ok(tree) = Rc::try_unwrap(gone)
                    && self.spare.len() < 8
                {
                    self.spare.push(tree.bytes);
                }
            }
        }
        Ok(tree)
    }
}

impl Repo {
    /// The files that differ between two trees, in the order of git; against nothing when `old` is
    /// none. Folders that are the same are not read.
    ///
    /// # Errors
    /// Missing or damaged objects.
    pub fn changes(
        &self,
        old: Option<Oid>,
        new: Oid,
        interest: &Interest,
    ) -> Result<Vec<Change>, RepoError> {
        TreeWalk::new(self).changes(old, Some(new), interest)
    }
}
