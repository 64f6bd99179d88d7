//! Where a few names stand in the trees of a folder, without building those trees.
//!
//! The folder that holds every service of a large infra repo is a tree of a hundred kilobytes, and
//! each commit makes another one. A pack stores nearly all of them as a difference from a neighbour:
//! twenty bytes. When an entry's place in the neighbour is known, the difference tells where it stands
//! here and what it is, and nothing else of the tree is needed. Where the difference does not tell,
//! the whole tree is read.

use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use bstr::BString;

use crate::packs::{Packs, Place, Stored};
use crate::tree_bytes::{NoEntry, entries};
use crate::{Entry, Oid, Repo, RepoError};

/// An entry of a tree, and where it starts there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Spot {
    start: usize,
    /// Bytes before the id: mode and name.
    head: usize,
    entry: Entry,
}

/// The spots of all names of one tree, in their order; none for a name that is not there.
type Row = Rc<[Option<Spot>]>;

/// The names of one folder.
pub(crate) struct Spots {
    pub(crate) names: Vec<BString>,
    by_id: Recent<Oid, Row>,
    by_place: Recent<Place, Row>,
}

/// No pack is made with chains of differences nearly as long; a longer one is a circle.
const LONGEST: usize = 5000;

impl Spots {
    pub(crate) fn new(names: Vec<BString>) -> Self {
        Self {
            names,
            by_id: Recent::default(),
            by_place: Recent::default(),
        }
    }

    /// What a tree holds under the names, in their order; nothing in a folder that is not there.
    pub(crate) fn entries(
        &mut self,
        from: &mut Source<'_>,
        tree: Option<Oid>,
    ) -> Result<Vec<Option<Entry>>, RepoError> {
        match tree {
            None => Ok(vec![None; self.names.len()]),
            Some(tree) => {
                let row = self.row(from, tree)?;
                Ok(row.iter().map(|spot| spot.map(|spot| spot.entry)).collect())
            }
        }
    }

    fn row(&mut self, from: &mut Source<'_>, tree: Oid) -> Result<Row, RepoError> {
        if let Some(row) = self.by_id.get(&tree) {
            return Ok(row.clone());
        }
        let place = from.packs().find(tree);
        let row = place.and_then(|place| self.stored(from, place));
        let row = if let Some(row) = row {
            row
        } else {
            // Loose, missing or damaged: told by who reads it whole.
            let bytes = from.repo.tree_bytes(tree)?;
            find(&bytes, &self.names, from.repo.hash_len())
                .map_err(|NoEntry| from.repo.no_entry(tree))?
        };
        self.by_id.put(tree, row.clone());
        Ok(row)
    }

    /// The spots in a stored tree: from the nearest base of which they are known, one difference
    /// after the other.
    fn stored(&mut self, from: &mut Source<'_>, place: Place) -> Option<Row> {
        let hash_len = from.repo.hash_len();
        let mut chain = Vec::new();
        let mut at = place;
        let mut row = loop {
            if let Some(row) = self.by_place.get(&at) {
                break row.clone();
            }
            match from.packs().tree(at)? {
                Stored::Whole(bytes) => {
                    let row = find(&bytes, &self.names, hash_len).ok()?;
                    self.by_place.put(at, row.clone());
                    break row;
                }
                Stored::Difference(base, delta) => {
                    chain.push((at, delta));
                    at = base;
                }
            }
            if chain.len() > LONGEST {
                return None;
            }
        };
        for (place, delta) in chain.into_iter().rev() {
            row = match carried(&row, &delta, hash_len) {
                Some(row) => row,
                None => find(&from.packs().whole(place)?, &self.names, hash_len).ok()?,
            };
            self.by_place.put(place, row.clone());
        }
        Some(row)
    }
}

/// Where trees are read.
pub(crate) struct Source<'r> {
    repo: &'r Repo,
    packs: Option<Packs>,
}

impl<'r> Source<'r> {
    pub(crate) fn of(repo: &'r Repo) -> Self {
        Self { repo, packs: None }
    }

    /// Opened with the first question: a walk that ends at its first commit has none.
    fn packs(&mut self) -> &mut Packs {
        let repo = self.repo;
        self.packs.get_or_insert_with(|| Packs::of(repo))
    }
}

/// The spots of a base in the tree that a difference makes of it.
fn carried(base: &Row, delta: &[u8], hash_len: usize) -> Option<Row> {
    let steps = steps(delta)?;
    base.iter()
        // That a name was added cannot be seen from where it was not.
        .map(|spot| carry(spot.as_ref()?, &steps, hash_len).map(Some))
        .collect()
}

/// Looks the names up in a whole tree.
fn find(tree: &[u8], names: &[BString], hash_len: usize) -> Result<Row, NoEntry> {
    let mut row = vec![None; names.len()];
    let mut start = 0;
    for entry in entries(tree, hash_len) {
        let entry = entry?;
        if let Some(index) = names.iter().position(|name| name == entry.name) {
            row[index] = Some(Spot {
                start,
                head: entry.bytes.len() - hash_len,
                entry: entry.entry(),
            });
        }
        start += entry.bytes.len();
    }
    Ok(row.into())
}

/// One step in making an object from its base.
#[derive(Debug, PartialEq, Eq)]
enum Step<'a> {
    /// These bytes of the base.
    Copy(Range<usize>),
    /// New bytes.
    Insert(&'a [u8]),
}

impl Step<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Copy(range) => range.len(),
            Self::Insert(bytes) => bytes.len(),
        }
    }
}

/// The steps of a difference as packs store it (gitformat-pack, "Deltified representation"); none
/// when it is damaged.
fn steps(delta: &[u8]) -> Option<Vec<Step<'_>>> {
    let mut rest = delta;
    // The sizes of base and result.
    for _ in 0..2 {
        let length = rest.iter().position(|byte| byte & 0x80 == 0)? + 1;
        rest = &rest[length..];
    }
    let mut steps = Vec::new();
    while let Some((&command, after)) = rest.split_first() {
        rest = after;
        if command & 0x80 == 0 {
            let (bytes, after) = rest.split_at_checked(usize::from(command))?;
            if bytes.is_empty() {
                return None;
            }
            steps.push(Step::Insert(bytes));
            rest = after;
            continue;
        }
        let mut number = |bits: u8| {
            let mut value = 0_usize;
            for bit in 0..bits.count_ones() {
                let mask = 1 << (bits.trailing_zeros() + bit);
                if command & mask != 0 {
                    let (&byte, after) = rest.split_first()?;
                    value |= usize::from(byte) << (8 * bit);
                    rest = after;
                }
            }
            Some(value)
        };
        let start = number(0b0000_1111)?;
        let length = match number(0b0111_0000)? {
            0 => 0x1_0000,
            length => length,
        };
        steps.push(Step::Copy(start..start.checked_add(length)?));
    }
    Some(steps)
}

/// An entry of the base in the result; none when the steps do not tell.
///
/// The mode and the name must come in one piece, with all that belongs to the entry before it but
/// its mode and name: bytes that merely look like an entry, inside a name, have no such neighbour.
fn carry(spot: &Spot, steps: &[Step<'_>], hash_len: usize) -> Option<Spot> {
    let before = if spot.start == 0 { 0 } else { hash_len + 1 };
    let needed = spot.start.checked_sub(before)?..spot.start + spot.head;
    let mut at = 0;
    for (index, step) in steps.iter().enumerate() {
        if let Step::Copy(range) = step
            && range.start <= needed.start
            && needed.end <= range.end
        {
            let start = at + (spot.start - range.start);
            if spot.start == 0 && start != 0 {
                return None;
            }
            let id = id_from(spot, &steps[index..], needed.end - range.start, hash_len)?;
            return Some(Spot {
                start,
                entry: Entry { id, ..spot.entry },
                ..*spot
            });
        }
        at += step.len();
    }
    None
}

/// The id that follows `skip` bytes after the start of the steps.
fn id_from(spot: &Spot, steps: &[Step<'_>], skip: usize, hash_len: usize) -> Option<Oid> {
    let old = spot.start + spot.head;
    let mut id = Vec::with_capacity(hash_len);
    let mut skip = skip;
    for step in steps {
        let from = skip.min(step.len());
        skip -= from;
        let wanted = (step.len() - from).min(hash_len - id.len());
        match step {
            Step::Insert(bytes) => id.extend_from_slice(&bytes[from..from + wanted]),
            // Of the base only the entry itself is known.
            Step::Copy(range) if wanted > 0 => {
                let from = (range.start + from).checked_sub(old)?;
                id.extend_from_slice(spot.entry.id.as_slice().get(from..from + wanted)?);
            }
            Step::Copy(_) => {}
        }
        if id.len() == hash_len {
            return Oid::try_from(&id[..]).ok();
        }
    }
    None
}

/// Generations of this many values are kept: the present one and the one before.
const GENERATION: usize = 4096;

/// A map that forgets what was put in long ago.
struct Recent<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
        }
    }
}

impl<K: std::hash::Hash + Eq, V> Recent<K, V> {
    fn get(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    fn put(&mut self, key: K, value: V) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, id: u8) -> Vec<u8> {
        let mut bytes = format!("40000 {name}\0").into_bytes();
        bytes.extend([id; 20]);
        bytes
    }

    /// A difference that copies ranges of its base and inserts bytes.
    fn delta(steps: &[Step<'_>]) -> Vec<u8> {
        let mut delta = vec![0, 0];
        for step in steps {
            match step {
                Step::Insert(bytes) => {
                    delta.push(u8::try_from(bytes.len()).unwrap());
                    delta.extend_from_slice(bytes);
                }
                Step::Copy(range) => {
                    delta.push(0b1001_0001);
                    delta.push(u8::try_from(range.start).unwrap());
                    delta.push(u8::try_from(range.len()).unwrap());
                }
            }
        }
        delta
    }

    /// The row of `b` in the tree of `a` and `b`.
    fn base() -> Row {
        let tree = [entry("a", 1), entry("b", 2)].concat();
        find(&tree, &[BString::from("b")], 20).unwrap()
    }

    fn id_of(row: Option<Row>) -> Option<Oid> {
        row.and_then(|row| row[0]).map(|spot| spot.entry.id)
    }

    #[test]
    fn steps_are_those_that_packs_store() {
        let long = [
            0,
            0,
            0b1111_1111,
            1,
            2,
            0,
            0,
            3,
            1,
            0,
            0b1000_0001,
            7,
            2,
            b'x',
            b'y',
        ];
        assert_eq!(
            steps(&long).unwrap(),
            [
                Step::Copy(513..513 + 259),
                Step::Copy(7..7 + 0x1_0000),
                Step::Insert(b"xy"),
            ]
        );
        for damaged in [&[0, 0, 0][..], &[0, 0, 5, 1], &[0, 0, 0b1000_0001], &[0x80]] {
            assert!(steps(damaged).is_none(), "{damaged:?}");
        }
    }

    #[test]
    fn an_entry_is_carried_with_its_old_or_its_new_id() {
        let whole = delta(&[Step::Copy(0..56)]);
        assert_eq!(
            id_of(carried(&base(), &whole, 20)),
            Some(Oid::Sha1([2; 20]))
        );
        let new = [9; 20];
        let changed = delta(&[Step::Copy(0..36), Step::Insert(&new)]);
        assert_eq!(id_of(carried(&base(), &changed, 20)), Some(Oid::Sha1(new)));
        // The first bytes of the new id are those of the old one.
        let partly = delta(&[Step::Copy(0..39), Step::Insert(&new[..17])]);
        let mut mixed = [9; 20];
        mixed[..3].fill(2);
        assert_eq!(id_of(carried(&base(), &partly, 20)), Some(Oid::Sha1(mixed)));
    }

    #[test]
    fn bytes_that_only_look_like_an_entry_are_not_taken_for_it() {
        // `b` is gone; its mode and name came to stand in the name of another file.
        let steps = [
            Step::Copy(0..28),
            Step::Insert(b"100644 x"),
            Step::Copy(28..36),
            Step::Insert(&[7; 20]),
        ];
        assert_eq!(id_of(carried(&base(), &delta(&steps), 20)), None);
    }

    #[test]
    fn an_id_from_bytes_that_are_not_known_is_not_guessed() {
        let steps = [Step::Copy(0..36), Step::Copy(8..28)];
        assert_eq!(id_of(carried(&base(), &delta(&steps), 20)), None);
    }
}
