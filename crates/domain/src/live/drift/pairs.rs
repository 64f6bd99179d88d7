//! Which entry of a list was which when it was applied.
//!
//! Kubernetes knows most lists by a key of their own: a name, a path, a port with its protocol; which one is
//! said in schemas that are not here. So entries pair by their name where it is one of a kind, then with
//! whatever says all that they say, and what is left with what is most alike.

use std::collections::BTreeMap;

use serde_json::Value;

use super::compare::is_covered;

/// Pairs that are looked at for the ones most alike; in longer lists what did not stay where it was pairs by
/// its order.
const LOOKED_AT: usize = 20_000;

/// An entry that was applied.
pub(super) struct Pair {
    /// How it is called: by its name, or its number where that is not one of a kind.
    pub(super) name: String,
    /// The entry that is there now; none where it is gone.
    pub(super) other: Option<usize>,
}

/// For each entry that was applied, the one that it is now.
pub(super) fn pairs(items: &[Value], others: &[Value]) -> Vec<Pair> {
    let (here, there) = (counted(items), counted(others));
    let is_single =
        |name: &str| here.get(name) == Some(&1) && there.get(name).is_none_or(|n| *n == 1);
    let mut found: Vec<Option<usize>> = vec![None; items.len()];
    let mut rest: Vec<usize> = Vec::new();
    let mut taken = vec![false; others.len()];
    let mut names: Vec<String> = Vec::new();
    for (at, item) in items.iter().enumerate() {
        if let Some(name) = name_of(item).filter(|name| is_single(name)) {
            found[at] = others.iter().position(|other| name_of(other) == Some(name));
            if let Some(there) = found[at] {
                taken[there] = true;
            }
            names.push(name.to_owned());
        } else {
            rest.push(at);
            names.push(at.to_string());
        }
    }
    let free: Vec<usize> = (0..others.len()).filter(|at| !taken[*at]).collect();
    match_rest(items, others, &rest, free, &mut found);
    names
        .into_iter()
        .zip(found)
        .map(|(name, other)| Pair { name, other })
        .collect()
}

fn name_of(item: &Value) -> Option<&str> {
    item["name"].as_str().filter(|name| !name.is_empty())
}

/// How many entries have a name.
fn counted(items: &[Value]) -> BTreeMap<&str, usize> {
    let mut count = BTreeMap::new();
    for name in items.iter().filter_map(name_of) {
        *count.entry(name).or_default() += 1;
    }
    count
}

/// Entries of another name are others: a container that was renamed is one that is gone.
fn may_be(item: &Value, other: &Value) -> bool {
    name_of(item) == name_of(other)
}

fn match_rest(
    items: &[Value],
    others: &[Value],
    rest: &[usize],
    mut free: Vec<usize>,
    found: &mut [Option<usize>],
) {
    let left = |found: &[Option<usize>]| -> Vec<usize> {
        rest.iter()
            .copied()
            .filter(|at| found[*at].is_none())
            .collect()
    };
    let is_long = |rest: usize, free: usize| rest.saturating_mul(free) > LOOKED_AT;
    if is_long(rest.len(), free.len()) {
        // Most of a long list stays where it was.
        for &at in rest {
            if others
                .get(at)
                .is_some_and(|other| is_covered(&items[at], other))
                && let Some(there) = free.iter().position(|there| *there == at)
            {
                found[at] = Some(free.swap_remove(there));
            }
        }
    }
    if !is_long(left(found).len(), free.len()) {
        let open = left(found);
        let mut cover = Cover {
            fits: open
                .iter()
                .map(|&at| {
                    let fits = |there: &usize| {
                        may_be(&items[at], &others[*there])
                            && is_covered(&items[at], &others[*there])
                    };
                    free.iter().copied().filter(fits).collect()
                })
                .collect(),
            holder: BTreeMap::new(),
        };
        for one in 0..open.len() {
            let _ = cover.place(one, &mut vec![false; others.len()]);
        }
        for (there, one) in cover.holder {
            found[open[one]] = Some(there);
            free.retain(|other| *other != there);
        }
        by_likeness(items, others, &left(found), &mut free, found);
    }
    free.sort_unstable();
    for at in left(found) {
        let next = free
            .iter()
            .position(|there| may_be(&items[at], &others[*there]));
        found[at] = next.map(|next| free.remove(next));
    }
}

/// Finds for as many entries as can be one that says all that they say: to take the first that does may
/// leave none for another.
struct Cover {
    /// For each entry, what says all of it.
    fits: Vec<Vec<usize>>,
    /// Who has what.
    holder: BTreeMap<usize, usize>,
}

impl Cover {
    fn place(&mut self, one: usize, tried: &mut [bool]) -> bool {
        for there in self.fits[one].clone() {
            if std::mem::replace(&mut tried[there], true) {
                continue;
            }
            let is_free = match self.holder.get(&there).copied() {
                None => true,
                Some(other) => self.place(other, tried),
            };
            if is_free {
                self.holder.insert(there, one);
                return true;
            }
        }
        false
    }
}

/// Pairs what has most fields in common, as long as anything has.
fn by_likeness(
    items: &[Value],
    others: &[Value],
    rest: &[usize],
    free: &mut Vec<usize>,
    found: &mut [Option<usize>],
) {
    let mut alike: Vec<(usize, usize, usize)> = Vec::new();
    for &at in rest {
        for &there in free.iter() {
            if may_be(&items[at], &others[there]) {
                alike.push((likeness(&items[at], &others[there]), at, there));
            }
        }
    }
    alike.retain(|(fields, ..)| *fields > 0);
    alike.sort_by_key(|(fields, at, there)| (std::cmp::Reverse(*fields), at.abs_diff(*there), *at));
    for (_, at, there) in alike {
        if found[at].is_none() && free.contains(&there) {
            found[at] = Some(there);
            free.retain(|other| *other != there);
        }
    }
}

/// How many fields say the same.
fn likeness(item: &Value, other: &Value) -> usize {
    let fields = item.as_object().into_iter().flatten();
    fields
        .filter(|(name, value)| {
            !other[name.as_str()].is_null() && is_covered(value, &other[name.as_str()])
        })
        .count()
}
