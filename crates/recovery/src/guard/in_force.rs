//! Whose quarantine counts for a change.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use ripcord_domain::Service;
use ripcord_domain::problem::Problem;
use ripcord_domain::quarantine::{Entry, FOLDER};
use ripcord_git::Oid;

use super::Change;
use crate::problems::from_repo;
use crate::quarantine::{Files, files};
use crate::survey::{Branch, Place};

/// An entry that counts.
pub(super) struct InForce {
    pub(super) entry: Entry,
    pub(super) lifted_here: bool,
}

/// The entries that count, by service.
pub(super) type Rules = BTreeMap<Service, Vec<InForce>>;

/// Finds them: what the target keeps out, what the change puts in, what it lifts.
///
/// # Errors
/// A file of one of the sides cannot be read.
pub(super) fn in_force(
    branch: &Branch,
    change: &Change<'_>,
    head: &Place,
    base: Option<&Place>,
    now: Timestamp,
) -> Result<Rules, Problem> {
    let repo = &branch.repo;
    let mended = files(repo, head.tree)?;
    let paths: BTreeSet<String> = mended.keys().cloned().collect();
    let after = readable_entries(mended)?;
    let known = base.map(|base| files(repo, base.tree)).transpose()?;
    let known = known.unwrap_or_default();
    // Who mends a file must not be stopped by how it was.
    let is_mended = |path: &String| {
        let was_broken = known.get(path).is_some_and(Result::is_err);
        let is_gone = path != FOLDER && !paths.contains(path);
        was_broken && (!is_gone || change.allow_lift)
    };
    let of = |tree: Oid| -> Result<Entries, Problem> {
        let mut read = files(repo, tree)?;
        read.retain(|path, read| read.is_ok() || !is_mended(path));
        readable_entries(read)
    };
    let before = base.map(|base| of(base.tree)).transpose()?;
    let before = before.unwrap_or_default();
    let target = match change.target {
        Some(commit) if Some(commit) != change.base => {
            of(repo.commit(commit).map_err(from_repo)?.tree)?
        }
        _ => before.clone(),
    };
    let mut rules = Rules::new();
    for service in after.keys().chain(target.keys()).collect::<BTreeSet<_>>() {
        let at = |side: &Entries| side.get(service).cloned().unwrap_or_default();
        let (before, after, target) = (at(&before), at(&after), at(&target));
        let same = |side: &[Entry], entry: &Entry| {
            side.iter().find(|other| other.same_version(entry)).cloned()
        };
        let mut count: Vec<InForce> = Vec::new();
        for entry in &target {
            let (was, is) = (same(&before, entry), same(&after, entry));
            let lifted_here = match &is {
                Some(is) => is.is_over(now) && was.is_none_or(|was| is.until < was.until),
                None => was.is_some(),
            };
            if lifted_here && change.allow_lift {
                continue;
            }
            let until = is.map_or(entry.until, |is| is.until.max(entry.until));
            count.push(InForce {
                entry: Entry {
                    until,
                    ..entry.clone()
                },
                lifted_here,
            });
        }
        for entry in after {
            // What stood there before and is no more on the branch was lifted by others.
            if same(&target, &entry).is_none() && same(&before, &entry).is_none() {
                count.push(InForce {
                    entry,
                    lifted_here: false,
                });
            }
        }
        count.retain(|rule| !rule.entry.is_over(now));
        if !count.is_empty() {
            rules.insert(service.clone(), count);
        }
    }
    Ok(rules)
}

type Entries = BTreeMap<Service, Vec<Entry>>;

fn readable_entries(files: Files) -> Result<Entries, Problem> {
    files
        .into_values()
        .map(|read| read.map(|quarantine| (quarantine.service, quarantine.entries)))
        .collect()
}
