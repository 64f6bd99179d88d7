//! What a change puts in the place of what runs where a hotfix was shipped.
//!
//! Whether the fix is in it is a question to the source and to a registry, which is not asked here.

use std::collections::BTreeSet;

use jiff::Timestamp;
use ripcord_domain::catalog::Unit;
use ripcord_domain::config::Settings;
use ripcord_domain::hotfix::{HotfixName, Shipped};
use ripcord_domain::problem::Problem;
use ripcord_domain::quarantine::Identity;
use ripcord_domain::{Catalog, Environment, Service};
use ripcord_git::{Oid, Repo};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Change;
use crate::hotfixes;
use crate::problems::from_repo;
use crate::survey::Place;

/// Another version where a hotfix was shipped.
pub struct Replaced<'a> {
    /// The infra repo.
    pub repo: &'a Repo,
    /// The configuration.
    pub settings: &'a Settings,
    /// What the environment ran.
    pub before: &'a Unit,
    /// What it is to run.
    pub after: &'a Unit,
    /// The hotfix.
    pub fix: &'a Shipped,
    /// The commit before; none where there was nothing before.
    pub base: Option<Oid>,
    /// The commit after.
    pub head: Oid,
    /// The time.
    pub now: Timestamp,
}

/// A hotfix that a change takes out of an environment, or may.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Dropped {
    /// The file that declares the new version, from the root of the repository.
    pub path: String,
    /// The service.
    pub service: Service,
    /// The environment.
    pub environment: Environment,
    /// The version that replaces what runs.
    pub version: String,
    /// The hotfix.
    pub hotfix: HotfixName,
    /// Its incident.
    pub incident: Option<String>,
    /// When it was shipped first.
    pub opened: Timestamp,
    /// Whether the change is refused for it: the fix is not in the new version, or the hotfix's own image serves
    /// and what the new one holds is not known.
    pub is_refused: bool,
    /// What would happen, in words.
    pub message: String,
}

/// Whether a hotfix is lost by a replacement; none where it is not.
pub type Drops<'f> = dyn Fn(&Replaced<'_>) -> Result<Option<Dropped>, Problem> + 'f;

/// The hotfixes that count for a change: of the branch, and of where the change begins.
pub(super) fn shipped(
    repo: &Repo,
    change: &Change<'_>,
    base: Option<&Place>,
) -> Result<Vec<Shipped>, Problem> {
    let mut trees: Vec<Oid> = base.map(|base| base.tree).into_iter().collect();
    if let Some(target) = change.target.filter(|target| Some(*target) != change.base) {
        trees.push(repo.commit(target).map_err(from_repo)?.tree);
    }
    let mut all: Vec<Shipped> = Vec::new();
    for tree in trees {
        for fix in hotfixes::all(repo, tree)? {
            all.retain(|known| known.path() != fix.path());
            all.push(fix);
        }
    }
    Ok(all)
}

/// Asks about a unit before and after, and a hotfix of it.
pub(super) type Ask<'f> = dyn Fn(&Unit, &Unit, &Shipped) -> Result<Option<Dropped>, Problem> + 'f;

/// Asks for each hotfix whose environment comes to run something else.
pub(super) fn ask(
    replaced: &Ask<'_>,
    (before, after): (&Catalog, &Catalog),
    fixes: &[Shipped],
    found: &mut BTreeSet<Dropped>,
) -> Result<(), Problem> {
    for fix in fixes {
        let name = (fix.service.clone(), fix.environment.clone());
        let (Some(before), Some(after)) = (before.units.get(&name), after.units.get(&name)) else {
            continue;
        };
        if runs(before) != runs(after) {
            found.extend(replaced(before, after, fix)?);
        }
    }
    Ok(())
}

/// What a unit runs, wherever it says so.
fn runs(unit: &Unit) -> BTreeSet<(&str, Option<&str>, Option<&str>)> {
    let places = unit.places.iter();
    places
        .map(|place| {
            let Identity { version, digest } = Identity::of(&place.values);
            (place.image_name(), version, digest)
        })
        .collect()
}
