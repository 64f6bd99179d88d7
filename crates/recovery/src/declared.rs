//! What a service declares and declared before, where nothing is to be changed: a service with one version
//! only has files too.

use ripcord_domain::live::image::Aim;
use ripcord_domain::plan::{Current, Plan, Scope, ServicePlan};
use ripcord_domain::problem::{Kind, Problem};
use ripcord_domain::target::version_of;
use ripcord_domain::timeline::{BEFORE_ALL, State};
use ripcord_domain::{Unit, catalog::PlaceId};
use ripcord_git::Repo;

use crate::history::{self, Until};
use crate::survey::{self, Branch, Place};
use crate::{places, rollback};

/// How much of the past is read.
const PAST: Until = Until::Enough {
    deploys: 12,
    commits: 256,
};

/// A service as Git has it.
#[derive(Debug)]
pub struct Declared {
    /// A plan that changes nothing: its files and its commit are those of the service.
    pub plan: Plan,
    /// What its places say.
    pub now: State,
    /// What it ran before, newest first; empty where the past cannot be read.
    pub before: Vec<Before>,
    /// Why Git does not answer, if so: then all is as of the tip that is known here.
    pub git_is_away: Option<String>,
}

/// An earlier version.
#[derive(Clone, Debug)]
pub struct Before {
    /// What a person calls it.
    pub version: String,
    /// What the places said.
    pub state: State,
}

/// Looks for a service; no version is chosen to go back to.
///
/// # Errors
/// There is no such service; Git does not answer and nothing is known here.
pub fn declared(
    branch: &Branch,
    service: &str,
    environment: Option<&str>,
) -> Result<Declared, Problem> {
    let (place, git_is_away) = match branch.newest() {
        Ok(place) => (place, None),
        Err(problem) if problem.kind == Kind::Remote => {
            let place = branch.known().map_err(|_| problem.clone())?;
            (place, Some(problem.message))
        }
        Err(problem) => return Err(problem),
    };
    let repo = &branch.repo;
    let catalog = survey::catalog_of(repo, &place, &[service])?;
    let unit = catalog.find(&place.settings, service, environment)?;
    let now = places::state_now(unit);
    let (before, history_complete) = past(repo, &place, unit, &now);
    let part = ServicePlan {
        service: unit.service.clone(),
        environment: unit.environment.clone(),
        current: Current {
            version: unit.version().to_owned(),
            commit: None,
            since: None,
            author: None,
        },
        target: None,
        candidates: Vec::new(),
        scope: Scope::default(),
        nothing_to_do: None,
        history_complete,
        changes: Vec::new(),
        files: places::files_of(unit),
        images: Aim::default(),
    };
    let (changes, warnings) = (Vec::new(), Vec::new());
    Ok(Declared {
        plan: rollback::planned("look", repo, &place, vec![part], changes, warnings, None),
        now,
        before,
        git_is_away,
    })
}

/// The versions before the one that is declared, and whether that is all of the past. What cannot be read,
/// as where Git is away and the clone is shallow, is not needed for the rest.
fn past(repo: &Repo, place: &Place, unit: &Unit, now: &State) -> (Vec<Before>, bool) {
    let timeline = history::timelines(repo, place, &[unit], PAST)
        .ok()
        .and_then(|mut timelines| timelines.remove(&unit.name()))
        .unwrap_or_default();
    let primary: Option<&PlaceId> = unit.places.first().map(|place| &place.id);
    let mut before: Vec<Before> = Vec::new();
    for position in (0..timeline.deploys.len()).rev().chain([BEFORE_ALL]) {
        let Some(state) = timeline.state(position).filter(|state| !state.is_empty()) else {
            continue;
        };
        let version = version_of(state, primary);
        if state != now && !before.iter().any(|one| one.version == version) {
            before.push(Before {
                version,
                state: state.clone(),
            });
        }
    }
    (before, timeline.complete)
}
