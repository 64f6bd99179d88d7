//! What a unit's places say in given bytes, at any commit.

use std::collections::BTreeSet;
use std::sync::Arc;

use ripcord_domain::catalog::{PlaceId, UnitName, Value, role_word};
use ripcord_domain::config::Settings;
use ripcord_domain::problem::Problem;
use ripcord_domain::timeline::State;
use ripcord_domain::{Unit, layout};
use ripcord_git::{Oid, Repo};

use crate::problems::from_repo;
use crate::survey;

/// What a unit's places say by the catalog, in an order that does not depend on the files'.
pub(crate) fn state_now(unit: &Unit) -> State {
    unit.places
        .iter()
        .map(|place| {
            let mut values = place.values.clone();
            values.sort();
            (place.id.clone(), values)
        })
        .collect()
}

/// The files that declare what a unit runs.
pub(crate) fn files_of(unit: &Unit) -> Vec<String> {
    let files: BTreeSet<&str> = unit
        .places
        .iter()
        .map(|place| place.id.path.as_str())
        .collect();
    files.into_iter().map(str::to_owned).collect()
}

/// What a unit's places say at some commit, read from its tree.
///
/// # Errors
/// Missing or corrupt objects.
pub fn state_at(
    repo: &Repo,
    settings: &Settings,
    tree: Oid,
    unit: &Unit,
) -> Result<State, Problem> {
    state_of(settings, unit, |path| {
        let entry = repo
            .entry(tree, path)
            .map_err(from_repo)?
            .filter(|entry| entry.mode.is_blob());
        entry
            .map(|entry| repo.blob(entry.id).map_err(from_repo))
            .transpose()
    })
}

/// What a unit's places say in files that `bytes_of` gives.
///
/// # Errors
/// Those of `bytes_of`.
pub fn state_of(
    settings: &Settings,
    unit: &Unit,
    bytes_of: impl Fn(&str) -> Result<Option<Vec<u8>>, Problem>,
) -> Result<State, Problem> {
    let paths: BTreeSet<&str> = unit
        .places
        .iter()
        .map(|place| place.id.path.as_str())
        .collect();
    let keeper = Keeper::of(unit);
    let mut state = State::new();
    for path in paths {
        if let Some(bytes) = bytes_of(path)? {
            state.extend(keeper.state_in(&said(settings, path, &bytes)));
        }
    }
    Ok(state)
}

/// What one file says, short enough to be kept for many blobs.
pub(crate) type Said = Arc<Vec<SaidHere>>;

pub(crate) struct SaidHere {
    id: PlaceId,
    owner: layout::Owner,
    values: Vec<Value>,
}

/// What a file's bytes say.
pub(crate) fn said(settings: &Settings, path: &str, bytes: &[u8]) -> Said {
    let declarations = survey::facts(settings, path, bytes).declarations;
    Arc::new(
        declarations
            .into_iter()
            .map(|declaration| SaidHere {
                owner: layout::owner(settings, path, &declaration),
                values: values(&declaration),
                id: PlaceId {
                    path: path.to_owned(),
                    key: declaration.key,
                },
            })
            .collect(),
    )
}

/// A declaration's values in an order that does not depend on the file's.
pub fn values(declaration: &ripcord_manifest::Declaration) -> Vec<Value> {
    let mut values: Vec<Value> = declaration
        .fields
        .iter()
        .map(|field| Value {
            role: role_word(field.role).to_owned(),
            value: field.value.clone(),
        })
        .collect();
    values.sort();
    values
}

/// Decides which declarations are a unit's, at any commit.
pub(crate) struct Keeper {
    pub(crate) name: UnitName,
    places: BTreeSet<PlaceId>,
    own_paths: BTreeSet<String>,
}

impl Keeper {
    pub(crate) fn of(unit: &Unit) -> Self {
        let mine = |place: &&ripcord_domain::Place| place.shared_with.is_empty();
        Self {
            name: unit.name(),
            places: unit.places.iter().map(|place| place.id.clone()).collect(),
            own_paths: unit
                .places
                .iter()
                .filter(mine)
                .map(|place| place.id.path.clone())
                .collect(),
        }
    }

    /// A place that the unit has today, or one in a file of its own that had another name then.
    fn keeps(&self, said: &SaidHere) -> bool {
        self.places.contains(&said.id)
            || (self.own_paths.contains(&said.id.path)
                && said.owner.service.as_ref() == Some(&self.name.0)
                && said.owner.environment.as_ref() == Some(&self.name.1))
    }

    pub(crate) fn state_in(&self, said: &Said) -> State {
        said.iter()
            .filter(|one| self.keeps(one))
            .map(|one| (one.id.clone(), one.values.clone()))
            .collect()
    }
}
