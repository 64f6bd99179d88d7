//! Where two trees differ, found by their bytes.
//!
//! In a large infra repo a commit replaces a tree of thousands of entries in which one differs. To
//! parse both costs more than everything else; so the common start and the common end are found by
//! comparing bytes, and only the entries between them are parsed. Where entries start is known of one
//! of the two from the comparison before, and is carried over to the other.

use std::rc::Rc;

use crate::tree_bytes::{NoEntry, RawEntry};
use crate::{Entry, Mode};

/// A tree's bytes and, once known, where its entries start.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) bytes: Vec<u8>,
    starts: std::cell::OnceCell<Rc<Vec<u32>>>,
}

impl Tree {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            starts: std::cell::OnceCell::new(),
        }
    }

    fn starts(&self, hash_len: usize) -> Option<&Rc<Vec<u32>>> {
        if self.starts.get().is_none() {
            let mut starts = Vec::new();
            let mut at = 0;
            while at < self.bytes.len() {
                starts.push(u32::try_from(at).ok()?);
                at += RawEntry::first(&self.bytes[at..], hash_len)?.bytes.len();
            }
            let _ = self.starts.set(Rc::new(starts));
        }
        self.starts.get()
    }
}

/// A name at which two trees differ. A file that becomes a folder is two differences, as in git.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Difference<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) old: Option<Entry>,
    pub(crate) new: Option<Entry>,
}

/// The differences of two trees in the order of git.
pub(crate) fn differing<'a>(
    old: &'a Tree,
    new: &'a Tree,
    hash_len: usize,
) -> Result<Vec<Difference<'a>>, NoEntry> {
    let mut found = Vec::new();
    let (a, b) = (&old.bytes[..], &new.bytes[..]);
    let same = common_prefix(a, b);
    if same == a.len() && same == b.len() {
        return Ok(found);
    }
    let tail = common_suffix(&a[same..], &b[same..]);
    let known = if old.starts.get().is_some() { old } else { new };
    let starts = known.starts(hash_len).ok_or(NoEntry)?;
    // Up to `same` both have the same bytes, so the same entries start there.
    let first = starts
        .partition_point(|start| *start as usize <= same)
        .saturating_sub(1);
    let from = starts.get(first).map_or(0, |start| *start as usize);
    let mut walk = InStep {
        old: Side::new(a, from, hash_len),
        new: Side::new(b, from, hash_len),
    };
    loop {
        // Both at the start of an entry, and the same bytes from here to the end.
        let (left_a, left_b) = (a.len() - walk.old.at, b.len() - walk.new.at);
        if left_a == left_b && left_a <= tail {
            break;
        }
        found.extend(walk.step()?);
    }
    carry_over(known, old, new, first, &walk);
    Ok(found)
}

/// Gives the tree whose starts are not known those of the other, mended where they differ.
fn carry_over(known: &Tree, old: &Tree, new: &Tree, first: usize, walk: &InStep<'_>) {
    let (from, to, known_side, other_side) = if std::ptr::eq(known, old) {
        (old, new, &walk.old, &walk.new)
    } else {
        (new, old, &walk.new, &walk.old)
    };
    let (Some(starts), None) = (from.starts.get(), to.starts.get()) else {
        return;
    };
    let rest = first + known_side.passed.len();
    if known_side.passed == other_side.passed && from.bytes.len() == to.bytes.len() {
        let _ = to.starts.set(starts.clone());
        return;
    }
    let mut mended = Vec::with_capacity(starts.len() + other_side.passed.len());
    mended.extend_from_slice(&starts[..first]);
    mended.extend_from_slice(&other_side.passed);
    let shift =
        i64::try_from(to.bytes.len()).unwrap_or(0) - i64::try_from(from.bytes.len()).unwrap_or(0);
    for start in &starts[rest.min(starts.len())..] {
        match u32::try_from(i64::from(*start) + shift) {
            Ok(start) => mended.push(start),
            Err(_) => return,
        }
    }
    let _ = to.starts.set(Rc::new(mended));
}

/// One of two trees, part of it passed.
struct Side<'a> {
    bytes: &'a [u8],
    at: usize,
    hash_len: usize,
    /// Starts of the entries that were passed.
    passed: Vec<u32>,
}

impl<'a> Side<'a> {
    fn new(bytes: &'a [u8], at: usize, hash_len: usize) -> Self {
        Self {
            bytes,
            at,
            hash_len,
            passed: Vec::new(),
        }
    }

    /// The next entry; none at the end.
    fn peek(&self) -> Result<Option<RawEntry<'a>>, NoEntry> {
        if self.at == self.bytes.len() {
            return Ok(None);
        }
        RawEntry::first(&self.bytes[self.at..], self.hash_len)
            .map(Some)
            .ok_or(NoEntry)
    }

    fn pass(&mut self, entry: &RawEntry<'_>) -> Result<(), NoEntry> {
        self.passed
            .push(u32::try_from(self.at).map_err(|_| NoEntry)?);
        self.at += entry.bytes.len();
        Ok(())
    }
}

struct InStep<'a> {
    old: Side<'a>,
    new: Side<'a>,
}

impl<'a> InStep<'a> {
    /// Passes one name; yields it when the trees differ there.
    fn step(&mut self) -> Result<Option<Difference<'a>>, NoEntry> {
        let (old, new) = (self.old.peek()?, self.new.peek()?);
        let (old, new) = match (old, new) {
            (Some(old), Some(new)) => match old.key().cmp(&new.key()) {
                std::cmp::Ordering::Less => (Some(old), None),
                std::cmp::Ordering::Greater => (None, Some(new)),
                std::cmp::Ordering::Equal => (Some(old), Some(new)),
            },
            one => one,
        };
        if let Some(old) = &old {
            self.old.pass(old)?;
        }
        if let Some(new) = &new {
            self.new.pass(new)?;
        }
        let name = old.or(new).ok_or(NoEntry)?.name;
        let (old, new) = (old.map(|e| e.entry()), new.map(|e| e.entry()));
        Ok((old != new).then_some(Difference { name, old, new }))
    }
}

/// Every entry of a tree that stands against nothing.
pub(crate) fn all(
    tree: &Tree,
    hash_len: usize,
    is_new: bool,
) -> Result<Vec<Difference<'_>>, NoEntry> {
    let mut found = Vec::new();
    let mut side = Side::new(&tree.bytes, 0, hash_len);
    while let Some(entry) = side.peek()? {
        side.pass(&entry)?;
        let there = Some(entry.entry());
        found.push(Difference {
            name: entry.name,
            old: there.filter(|_| !is_new),
            new: there.filter(|_| is_new),
        });
    }
    Ok(found)
}

impl Difference<'_> {
    pub(crate) fn is_folder(&self) -> bool {
        self.old
            .or(self.new)
            .is_some_and(|entry| entry.mode == Mode::Tree)
    }
}

const STEP: usize = 256;

fn common_prefix(a: &[u8], b: &[u8]) -> usize {
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
    let (la, lb) = (a.len(), b.len());
    let length = la.min(lb);
    let mut n = 0;
    while n + STEP <= length && a[la - n - STEP..la - n] == b[lb - n - STEP..lb - n] {
        n += STEP;
    }
    while n < length && a[la - n - 1] == b[lb - n - 1] {
        n += 1;
    }
    n
}
