//! Comparing trees fast.
//!
//! In a large infra repo each commit replaces a tree of thousands of entries in which one differs.
//! Neighbours on the line share that tree, so decoded trees are kept; and two trees of the same
//! names are compared by their bytes, not entry by entry.

use std::cell::OnceCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use bstr::BString;
use gix::objs::FindExt;

use crate::history::{Change, Interest};
use crate::objects::{Mode, RawEntry, entries};
use crate::{Entry, Oid, RepoError};

/// Bytes of decoded trees that are kept.
const KEPT: usize = 24 << 20;

/// What to do about a tree that is not there: fetch it, or say so.
pub(crate) type Missing<'a> = dyn Fn(Oid) -> Result<Vec<u8>, RepoError> + 'a;

/// Reads trees and compares them.
pub(crate) struct TreeWalk<'a> {
    repo: &'a gix::Repository,
    missing: &'a Missing<'a>,
    known: HashMap<Oid, Rc<Tree>>,
    order: VecDeque<Oid>,
    size: usize,
}

/// A tree's bytes and where its entries start.
struct Tree {
    bytes: Vec<u8>,
    /// Found when they are needed first; neighbours of the same names share them.
    starts: OnceCell<Rc<[u32]>>,
}

impl Tree {
    fn starts(&self) -> &Rc<[u32]> {
        self.starts.get_or_init(|| {
            let mut starts = Vec::new();
            let mut at = 0;
            for entry in entries(&self.bytes) {
                starts.push(u32::try_from(at).unwrap_or(u32::MAX));
                at += entry.length();
            }
            starts.into()
        })
    }

    /// The entries from the one that holds the byte at `position`.
    fn from(&self, position: usize) -> impl Iterator<Item = RawEntry<'_>> {
        let index = self
            .starts()
            .partition_point(|start| *start as usize <= position)
            .saturating_sub(1);
        let start = self.starts().get(index).map_or(0, |start| *start as usize);
        entries(&self.bytes[start..])
    }

    /// The start of the entry that holds the byte at `position`.
    fn start_of(&self, position: usize) -> usize {
        let index = self
            .starts()
            .partition_point(|start| *start as usize <= position)
            .saturating_sub(1);
        self.starts().get(index).map_or(0, |start| *start as usize)
    }
}

impl<'a> TreeWalk<'a> {
    pub(crate) fn new(repo: &'a gix::Repository, missing: &'a Missing<'a>) -> Self {
        Self {
            repo,
            missing,
            known: HashMap::new(),
            order: VecDeque::new(),
            size: 0,
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
        let mut prefix = BString::default();
        self.compare(old, new, interest, &mut prefix, &mut changes)?;
        Ok(changes)
    }

    fn compare(
        &mut self,
        old: Option<Oid>,
        new: Option<Oid>,
        interest: &Interest,
        prefix: &mut BString,
        changes: &mut Vec<Change>,
    ) -> Result<(), RepoError> {
        if old == new {
            return Ok(());
        }
        let old = old.map(|id| self.tree(id)).transpose()?;
        let new = new.map(|id| self.tree(id)).transpose()?;
        let (before, after) = (old.as_deref(), new.as_deref());
        for (name, before, after) in differing(before, after) {
            let length = prefix.len();
            if length > 0 {
                prefix.push(b'/');
            }
            prefix.extend_from_slice(&name);
            if interest.touches(prefix) {
                let tree =
                    |entry: Option<Entry>| entry.filter(|e| e.mode == Mode::Tree).map(|e| e.id);
                let leaf = |entry: Option<Entry>| entry.filter(|e| e.mode != Mode::Tree);
                if (leaf(before).is_some() || leaf(after).is_some()) && interest.is_wanted(prefix) {
                    changes.push(Change {
                        path: prefix.clone(),
                        old: leaf(before),
                        new: leaf(after),
                    });
                }
                if tree(before).is_some() || tree(after).is_some() {
                    self.compare(tree(before), tree(after), interest, prefix, changes)?;
                }
            }
            prefix.truncate(length);
        }
        Ok(())
    }

    fn tree(&mut self, id: Oid) -> Result<Rc<Tree>, RepoError> {
        if let Some(tree) = self.known.get(&id) {
            return Ok(tree.clone());
        }
        let mut bytes = Vec::new();
        if self.repo.objects.find(&id, &mut bytes).is_err() {
            bytes = (self.missing)(id)?;
        }
        let tree = Rc::new(Tree {
            bytes,
            starts: OnceCell::new(),
        });
        self.size += tree.bytes.len();
        self.known.insert(id, tree.clone());
        self.order.push_back(id);
        while self.size > KEPT {
            let Some(oldest) = self.order.pop_front() else {
                break;
            };
            if let Some(gone) = self.known.remove(&oldest) {
                self.size -= gone.bytes.len();
            }
        }
        Ok(tree)
    }
}

type Difference = (Vec<u8>, Option<Entry>, Option<Entry>);

/// The names at which two trees differ.
fn differing(old: Option<&Tree>, new: Option<&Tree>) -> Vec<Difference> {
    let entry = |raw: &RawEntry<'_>| Entry {
        mode: raw.mode,
        id: raw.id,
    };
    let (old, new) = match (old, new) {
        (Some(old), Some(new)) => (old, new),
        (Some(old), None) => {
            return entries(&old.bytes)
                .map(|e| (e.name.to_vec(), Some(entry(&e)), None))
                .collect();
        }
        (None, Some(new)) => {
            return entries(&new.bytes)
                .map(|e| (e.name.to_vec(), None, Some(entry(&e))))
                .collect();
        }
        (None, None) => return Vec::new(),
    };
    let same = common_prefix(&old.bytes, &new.bytes);
    // When only ids differ, the common end needs no look.
    let tail = if old.bytes.len() == new.bytes.len() {
        common_suffix(&old.bytes, &new.bytes)
    } else {
        0
    };
    share_starts(old, new, same, tail);
    // Up to the entry that holds the first difference, both have the same entries.
    let start = old
        .start_of(same.min(old.bytes.len()))
        .min(new.start_of(same.min(new.bytes.len())));
    let mut olds = old.from(start).peekable();
    let mut news = new.from(start).peekable();
    let stop = old.bytes.len() - tail;
    let (mut at_old, mut at_new) = (start, start);
    let mut found = Vec::new();
    loop {
        // In step, and past the last byte that differs: the rest is the same.
        if tail > 0 && at_old == at_new && at_old >= stop {
            break;
        }
        match (olds.peek(), news.peek()) {
            (None, None) => break,
            (Some(o), Some(n)) if o.name == n.name => {
                if o.id != n.id || o.mode != n.mode {
                    // A file that became a folder is two paths to git; here it is one name.
                    found.push((o.name.to_vec(), Some(entry(o)), Some(entry(n))));
                }
                at_old += o.length();
                at_new += n.length();
                olds.next();
                news.next();
            }
            (Some(o), Some(n)) => {
                if sort_key(o) < sort_key(n) {
                    found.push((o.name.to_vec(), Some(entry(o)), None));
                    at_old += o.length();
                    olds.next();
                } else {
                    found.push((n.name.to_vec(), None, Some(entry(n))));
                    at_new += n.length();
                    news.next();
                }
            }
            (Some(o), None) => {
                found.push((o.name.to_vec(), Some(entry(o)), None));
                olds.next();
            }
            (None, Some(n)) => {
                found.push((n.name.to_vec(), None, Some(entry(n))));
                news.next();
            }
        }
    }
    found
}

/// Two trees that differ in the id of one entry have their entries at the same places. Most
/// neighbours are like that, and looking for the places anew is most of the work.
fn share_starts(old: &Tree, new: &Tree, same: usize, tail: usize) {
    let (known, other) = match (old.starts.get(), new.starts.get()) {
        (Some(_), None) => (old, new),
        (None, Some(_) | None) => (new, old),
        (Some(_), Some(_)) => return,
    };
    let start = known.start_of(same);
    let Some(entry) = entries(&known.bytes[start..]).next() else {
        return;
    };
    let id_starts = start + entry.length() - 20;
    if tail > 0 && same >= id_starts && known.bytes.len() - tail <= id_starts + 20 {
        let _ = other.starts.set(Rc::clone(known.starts()));
    }
}

/// Git sorts folders as if their names ended in a slash.
fn sort_key(entry: &RawEntry<'_>) -> Vec<u8> {
    let mut key = entry.name.to_vec();
    if entry.mode == Mode::Tree {
        key.push(b'/');
    }
    key
}

fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    const STEP: usize = 256;
    let length = a.len().min(b.len());
    let mut at = 0;
    while at + STEP <= length && a[at..at + STEP] == b[at..at + STEP] {
        at += STEP;
    }
    while at < length && a[at] == b[at] {
        at += 1;
    }
    at
}

fn common_suffix(a: &[u8], b: &[u8]) -> usize {
    const STEP: usize = 256;
    let length = a.len().min(b.len());
    let mut n = 0;
    while n + STEP <= length
        && a[a.len() - n - STEP..a.len() - n] == b[b.len() - n - STEP..b.len() - n]
    {
        n += STEP;
    }
    while n < length && a[a.len() - n - 1] == b[b.len() - n - 1] {
        n += 1;
    }
    n
}
