//! The smallest change that brings a unit back: three scopes, one check at the end.
//!
//! *Deploy* undoes commit by commit, newest first, what the deploys since the target changed in the
//! unit's files: a three-way merge with the deploy as base, the present as ours and the deploy's
//! parent as theirs. Later edits survive. On a conflict, *version* sets only the version fields.
//! *Exact* restores files. Whatever the scope, in a file that declares versions of other units too
//! only this unit's fields are touched; and at the end the places must say what they said at the
//! target, or nothing is done.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use ripcord_domain::catalog::UnitName;
use ripcord_domain::config::Settings;
use ripcord_domain::plan::Scope;
use ripcord_domain::problem::{Kind, Problem};
use ripcord_domain::timeline::State;
use ripcord_domain::{Catalog, PlaceId, Unit};
use ripcord_git::{Change, Entry, FileMerge, Interest, Oid, Repo};
use ripcord_manifest::restore_version;

use crate::draft::{Content, Draft, File, file_in, file_of, shown_path};
use crate::problems::from_repo;
use crate::{places, survey};

/// What every change needs to know.
pub(crate) struct Ground<'a> {
    pub(crate) repo: &'a Repo,
    pub(crate) settings: &'a Settings,
    pub(crate) catalog: &'a Catalog,
    /// The tip's tree.
    pub(crate) tree: Oid,
    /// All units of this plan: what they share among each other is not shared with others.
    pub(crate) selected: BTreeSet<UnitName>,
    pub(crate) include_shared: bool,
    /// What the commits that were looked at changed: in a fleet one commit is many services'.
    pub(crate) shipped: RefCell<HashMap<Oid, Rc<Vec<Change>>>>,
}

impl Ground<'_> {
    /// What a commit changed against its first parent.
    pub(crate) fn shipped(&self, commit: Oid) -> Result<Rc<Vec<Change>>, Problem> {
        if let Some(known) = self.shipped.borrow().get(&commit) {
            return Ok(known.clone());
        }
        let read = |commit: Oid| self.repo.commit(commit).map_err(from_repo);
        let deployed = read(commit)?;
        let parent = match deployed.parents.first() {
            Some(parent) => Some(read(*parent)?.tree),
            None => None,
        };
        let changes = self
            .repo
            .changes(parent, deployed.tree, &Interest::All)
            .map_err(from_repo)?;
        // In a partial clone, one request instead of one for each.
        if changes.len() <= FEW {
            let ids = changes.iter().flat_map(|change| [change.old, change.new]);
            self.repo
                .prefetch(ids.flatten().map(|entry| entry.id))
                .map_err(from_repo)?;
        }
        let changes = Rc::new(changes);
        self.shipped.borrow_mut().insert(commit, changes.clone());
        Ok(changes)
    }
}

/// Files of a commit that are fetched at once, whether all of them are looked at or not.
const FEW: usize = 64;

/// One unit's way back.
pub(crate) struct Way<'a> {
    pub(crate) unit: &'a Unit,
    /// What the places shall say.
    pub(crate) to: &'a State,
    /// The commit at which they said it.
    pub(crate) target: Oid,
    /// The deploys to undo, newest first.
    pub(crate) undone: Vec<Oid>,
    /// Files that stood elsewhere before: the path of today and the one of then, newest first.
    pub(crate) moves: &'a [(String, String)],
}

/// How it was done.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) scope: Scope,
    /// Why the scope is narrower than what was asked for.
    pub(crate) fell_back: Option<String>,
    /// Files that would have to change and belong to others too.
    pub(crate) shared: BTreeMap<String, BTreeSet<UnitName>>,
}

/// Puts one unit's change into the draft.
pub(crate) fn make(
    ground: &Ground<'_>,
    draft: &mut Draft<'_>,
    way: &Way<'_>,
    scope: Scope,
) -> Result<Made, Problem> {
    let mut made = Made {
        scope,
        fell_back: None,
        shared: BTreeMap::new(),
    };
    let untouched = draft.clone();
    match scope {
        Scope::Version => {}
        Scope::Exact => exact(ground, draft, way, &mut made)?,
        Scope::Deploy if way.undone.is_empty() => made.scope = Scope::Version,
        Scope::Deploy => {
            for &commit in &way.undone {
                if let Some(path) = undo_deploy(ground, draft, way, commit, &mut made)? {
                    *draft = untouched;
                    made.scope = Scope::Version;
                    made.fell_back = Some(format!(
                        "{path} was changed after the deploy in the same lines, so only the version fields go back"
                    ));
                    break;
                }
            }
        }
    }
    set_versions(ground, draft, way, &mut made)?;
    prove(ground, draft, way)?;
    Ok(made)
}

/// Takes one deploy out of the draft; returns the path on which it cannot be.
fn undo_deploy(
    ground: &Ground<'_>,
    draft: &mut Draft<'_>,
    way: &Way<'_>,
    commit: Oid,
    made: &mut Made,
) -> Result<Option<String>, Problem> {
    let changes = ground.shipped(commit)?;
    for change in changes.iter() {
        if !may_touch(ground, way, &change.path, made) {
            continue;
        }
        let base = file_of(ground.repo, change.new)?;
        let old = change.old.or_else(|| stood_at(way, change, &changes));
        let theirs = file_of(ground.repo, old)?;
        let ours = draft.file(&change.path)?;
        match merged(ground.repo, base, ours.clone(), theirs) {
            Some(file) if file == ours => {}
            Some(file) => draft.set(&change.path, file),
            None => return Ok(Some(shown_path(&change.path))),
        }
    }
    Ok(None)
}

/// What a file was before the commit that moved it here.
fn stood_at(way: &Way<'_>, moved: &Change, changes: &[Change]) -> Option<Entry> {
    let earlier = way.moves.iter().filter(|(today, _)| moved.path == *today);
    earlier
        .filter_map(|(_, from)| changes.iter().find(|change| change.path == *from))
        .find_map(|change| change.old.filter(|_| change.new.is_none()))
}

/// Three versions of a path into one; `None` is a conflict.
#[expect(
    clippy::option_option,
    reason = "the inner one is a path that holds nothing"
)]
pub(crate) fn merged(
    repo: &Repo,
    base: Option<File>,
    ours: Option<File>,
    theirs: Option<File>,
) -> Option<Option<File>> {
    if ours == base {
        return Some(theirs);
    }
    if ours == theirs || base == theirs {
        return Some(ours);
    }
    let (Some(base), Some(ours), Some(theirs)) = (base, ours, theirs) else {
        return None;
    };
    let (Some(b), Some(o), Some(t)) = (base.bytes(), ours.bytes(), theirs.bytes()) else {
        return None;
    };
    let mode = if ours.mode == base.mode {
        theirs.mode
    } else {
        ours.mode
    };
    match repo.merge_file(b, o, t) {
        FileMerge::Clean(bytes) => Some(Some(File {
            mode,
            content: Content::Bytes(bytes),
        })),
        FileMerge::Conflict => None,
    }
}

/// Restores every file of the unit as it was at the target.
fn exact(
    ground: &Ground<'_>,
    draft: &mut Draft<'_>,
    way: &Way<'_>,
    made: &mut Made,
) -> Result<(), Problem> {
    let then = ground.repo.commit(way.target).map_err(from_repo)?.tree;
    for (path, from) in way.moves {
        let stood_elsewhere = file_in(ground.repo, then, path.as_bytes())?.is_none();
        if stood_elsewhere {
            return Err(Problem::new(
                Kind::Refused,
                "moved_since",
                format!(
                    "{path} stood at {from} then; `exact` restores files where they were, which would undo the move"
                ),
            )
            .hint("`--scope version` sets the version where the file stands now"));
        }
    }
    let changes = ground
        .repo
        .changes(Some(then), ground.tree, &Interest::All)
        .map_err(from_repo)?;
    for change in changes {
        if may_touch(ground, way, &change.path, made) {
            draft.set(&change.path, file_of(ground.repo, change.old)?);
        }
    }
    Ok(())
}

/// Whether a whole-file change is this unit's to make. What it shares with others is noted.
fn may_touch(ground: &Ground<'_>, way: &Way<'_>, path: &[u8], made: &mut Made) -> bool {
    let Ok(path) = std::str::from_utf8(path) else {
        return false;
    };
    let holders = ground.catalog.holders(ground.settings, path);
    if !holders.contains(&way.unit.name()) {
        return false;
    }
    if declares_for_others(ground, way.unit, path) {
        // Only this unit's fields in it, by `set_versions`.
        return false;
    }
    let others: BTreeSet<UnitName> = holders.difference(&ground.selected).cloned().collect();
    if others.is_empty() || ground.include_shared {
        return true;
    }
    made.shared
        .entry(path.to_owned())
        .or_default()
        .extend(others);
    false
}

/// Whether a file has version fields that are another unit's alone.
fn declares_for_others(ground: &Ground<'_>, unit: &Unit, path: &str) -> bool {
    let mine: BTreeSet<&PlaceId> = unit.places.iter().map(|place| &place.id).collect();
    ground.catalog.declaring(path).any(|other| {
        other
            .places
            .iter()
            .any(|place| place.id.path == path && !mine.contains(&place.id))
    })
}

/// Sets the version fields that do not yet say what they said at the target.
fn set_versions(
    ground: &Ground<'_>,
    draft: &mut Draft<'_>,
    way: &Way<'_>,
    made: &mut Made,
) -> Result<(), Problem> {
    let then = ground.repo.commit(way.target).map_err(from_repo)?.tree;
    let now = said_in_draft(ground, draft, way.unit)?;
    for (id, values) in way.to {
        if now.get(id) == Some(values) {
            continue;
        }
        let place = way.unit.places.iter().find(|place| place.id == *id);
        let others: BTreeSet<UnitName> = place
            .map(|place| {
                place
                    .shared_with
                    .iter()
                    .filter(|name| !ground.selected.contains(*name))
                    .cloned()
                    .collect()
            })
            .unwrap_or_default();
        if !others.is_empty() && !ground.include_shared {
            made.shared
                .entry(id.path.clone())
                .or_default()
                .extend(others);
            continue;
        }
        let current = draft.file(id.path.as_bytes())?;
        let target = file_then(ground.repo, then, &id.path, way.moves)?;
        let (Some(current), Some(target)) = (current, target) else {
            return Err(gone(way, id, "the file is not there at both ends"));
        };
        let (Some(now), Some(wanted)) = (current.bytes(), target.bytes()) else {
            return Err(gone(way, id, "it is not a plain file"));
        };
        let rules = survey::rules(ground.settings, &id.path);
        let bytes = restore_version(now, wanted, &id.path, &id.key, &rules)
            .map_err(|error| gone(way, id, &error.to_string()))?;
        draft.set(
            id.path.as_bytes(),
            Some(File {
                mode: current.mode,
                content: Content::Bytes(bytes),
            }),
        );
    }
    Ok(())
}

/// A file as it was at an earlier commit, wherever it stood then.
fn file_then(
    repo: &Repo,
    then: Oid,
    path: &str,
    moves: &[(String, String)],
) -> Result<Option<File>, Problem> {
    let earlier = moves.iter().filter(|(today, _)| today == path);
    for path in std::iter::once(path).chain(earlier.map(|(_, from)| from.as_str())) {
        if let Some(file) = file_in(repo, then, path.as_bytes())? {
            return Ok(Some(file));
        }
    }
    Ok(None)
}

fn said_in_draft(ground: &Ground<'_>, draft: &Draft<'_>, unit: &Unit) -> Result<State, Problem> {
    places::state_of(ground.settings, unit, |path| {
        Ok(draft
            .file(path.as_bytes())?
            .and_then(|file| file.bytes().map(<[u8]>::to_vec)))
    })
}

/// The check at the end: every place says what it said at the target, unless it was left alone
/// because others share it.
fn prove(ground: &Ground<'_>, draft: &Draft<'_>, way: &Way<'_>) -> Result<(), Problem> {
    let now = said_in_draft(ground, draft, way.unit)?;
    for (id, values) in way.to {
        let left_alone = !ground.include_shared
            && way
                .unit
                .places
                .iter()
                .any(|place| place.id == *id && !place.shared_with.is_empty());
        if now.get(id) != Some(values) && !left_alone {
            return Err(Problem::new(
                Kind::Internal,
                "unproven_change",
                format!(
                    "the change to {} would not bring {} back; nothing was written",
                    id.path, way.unit.service
                ),
            ));
        }
    }
    Ok(())
}

fn gone(way: &Way<'_>, id: &PlaceId, why: &str) -> Problem {
    Problem::new(
        Kind::Refused,
        "place_changed",
        format!(
            "{}: the version of {} at `{}` cannot be set: {why}",
            id.path, way.unit.service, id.key
        ),
    )
    .hint("the file was rearranged since then; `--scope exact` restores the whole files")
}
