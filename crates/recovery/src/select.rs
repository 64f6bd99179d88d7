//! From what a person asked for to units with a target each.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use jiff::Timestamp;
use ripcord_domain::catalog::UnitName;
use ripcord_domain::problem::{Kind, Problem};
use ripcord_domain::target::Wanted;
use ripcord_domain::timeline::Timeline;
use ripcord_domain::{Catalog, Environment, Unit};
use ripcord_git::{Interest, Link, Oid, Repo, RepoError};

use crate::history::{self, Until};
use crate::places;
use crate::problems::from_repo;
use crate::request::{Request, Selection, To};
use crate::survey::Place;

/// Deploys of each unit that are enough to choose by and to show.
const DEPLOYS: usize = 12;
/// Commits to look on for more of them once there is one to go back to.
const COMMITS: usize = 256;

/// A unit that was chosen, with what is wanted of it.
pub(crate) struct Chosen<'a> {
    pub(crate) unit: &'a Unit,
    pub(crate) timeline: Timeline,
    pub(crate) wanted: Wanted,
}

/// Finds the units that the request means and reads their history.
pub(crate) fn choose<'a>(
    repo: &Repo,
    place: &Place,
    catalog: &'a Catalog,
    request: &Request,
) -> Result<Vec<Chosen<'a>>, Problem> {
    match &request.selection {
        Selection::Services(names) => services(repo, place, catalog, request, names),
        Selection::DeployedSince(since) => moment(repo, place, catalog, request, *since, &[], true),
        Selection::AsOf(at, names) => moment(repo, place, catalog, request, *at, names, false),
        Selection::Commit(spec) => commit(repo, place, catalog, request, spec),
    }
}

fn services<'a>(
    repo: &Repo,
    place: &Place,
    catalog: &'a Catalog,
    request: &Request,
    names: &[String],
) -> Result<Vec<Chosen<'a>>, Problem> {
    let mut units: Vec<&Unit> = Vec::new();
    for name in names {
        let unit = catalog.find(&place.settings, name, request.environment.as_deref())?;
        if !units.iter().any(|other| other.name() == unit.name()) {
            units.push(unit);
        }
    }
    let until = match &request.to {
        None | Some(To::Steps(_)) => Until::Enough {
            deploys: DEPLOYS,
            commits: COMMITS,
        },
        Some(To::Named(_)) => Until::Enough {
            deploys: 50,
            commits: 20 * COMMITS,
        },
    };
    let mut timelines = history::timelines(repo, place, &units, until)?;
    let mut chosen = Vec::new();
    for unit in units {
        let timeline = timelines.remove(&unit.name()).unwrap_or_default();
        let wanted = match &request.to {
            None => Wanted::LastGood {
                again: request.again,
            },
            Some(To::Steps(steps)) => Wanted::Steps(*steps),
            Some(To::Named(name)) => named(repo, place, unit, &timeline, name)?,
        };
        chosen.push(Chosen {
            unit,
            timeline,
            wanted,
        });
    }
    Ok(chosen)
}

/// `--to NAME`: a version of the unit if it ran one of that name, else a commit.
fn named(
    repo: &Repo,
    place: &Place,
    unit: &Unit,
    timeline: &Timeline,
    name: &str,
) -> Result<Wanted, Problem> {
    let ran = timeline.deploys.iter().flat_map(|deploy| {
        deploy
            .after
            .values()
            .chain(deploy.before.iter().flat_map(|s| s.values()))
    });
    let is_version = ran
        .flatten()
        .any(|value| value.value == name || value.value.ends_with(&format!(":{name}")));
    if is_version {
        return Ok(Wanted::Version(name.to_owned()));
    }
    whole_past(repo, place)?;
    match repo.resolve(name) {
        Ok(commit) => state_wanted(repo, place, unit, commit),
        Err(RepoError::AmbiguousRevision { .. }) => Err(Problem::new(
            Kind::Usage,
            "ambiguous_commit",
            format!("`{name}` is the start of several commits"),
        )
        .hint("write more of it")),
        Err(_) => Ok(Wanted::Version(name.to_owned())),
    }
}

fn state_wanted(repo: &Repo, place: &Place, unit: &Unit, commit: Oid) -> Result<Wanted, Problem> {
    if !repo.is_ancestor(commit, place.tip).map_err(from_repo)? {
        return Err(Problem::new(
            Kind::Usage,
            "foreign_commit",
            format!("{commit} is not part of the history of `{}`", place.branch),
        )
        .hint("only what was on the branch can be gone back to"));
    }
    let tree = repo.commit(commit).map_err(from_repo)?.tree;
    let state = places::state_at(repo, &place.settings, tree, unit)?;
    if state.is_empty() {
        return Err(Problem::new(
            Kind::Nothing,
            "no_earlier_version",
            format!(
                "{} did not exist in {} at {commit}",
                unit.service, unit.environment
            ),
        ));
    }
    Ok(Wanted::State(Box::new(state), commit.to_string()))
}

/// The units of the environment that the request means.
fn of_environment<'a>(
    place: &Place,
    catalog: &'a Catalog,
    request: &Request,
) -> Result<Vec<&'a Unit>, Problem> {
    let asked = request.environment.as_ref().map_or_else(
        || place.settings.default_environment(),
        |e| place.settings.environment(e),
    );
    let exact = |unit: &&Unit| unit.environment == asked;
    let mut units: Vec<&Unit> = catalog.units.values().filter(exact).collect();
    if units.is_empty() {
        let answering: BTreeSet<&Environment> = catalog
            .units
            .keys()
            .map(|(_, e)| e)
            .filter(|e| e.answers_to(asked.as_str()))
            .collect();
        let mut found = answering.into_iter();
        match (found.next(), found.next()) {
            (Some(one), None) => units.extend(
                catalog
                    .units
                    .values()
                    .filter(|unit| unit.environment == *one),
            ),
            (Some(one), Some(two)) => {
                return Err(Problem::new(
                    Kind::Usage,
                    "ambiguous_environment",
                    format!("`{asked}` can mean several environments, such as {one} and {two}"),
                )
                .hint("name one of them in full"));
            }
            (None, _) => {}
        }
    }
    if units.is_empty() {
        let all: BTreeSet<&str> = catalog.units.keys().map(|(_, e)| e.as_str()).collect();
        return Err(Problem::new(
            Kind::Usage,
            "unknown_environment",
            format!("nothing runs in `{asked}` here"),
        )
        .did_you_mean(&ripcord_domain::names::nearest(
            asked.as_str(),
            all.iter().copied(),
        ))
        .hint(format!(
            "known: {}",
            all.into_iter().collect::<Vec<_>>().join(", ")
        )));
    }
    Ok(units)
}

/// `--deployed-since` and `--as-of`: back to what ran at a moment.
fn moment<'a>(
    repo: &Repo,
    place: &Place,
    catalog: &'a Catalog,
    request: &Request,
    at: Timestamp,
    names: &[String],
    only_deployed: bool,
) -> Result<Vec<Chosen<'a>>, Problem> {
    let units: Vec<&Unit> = if names.is_empty() {
        of_environment(place, catalog, request)?
    } else {
        names
            .iter()
            .map(|name| catalog.find(&place.settings, name, request.environment.as_deref()))
            .collect::<Result<_, _>>()?
    };
    whole_past(repo, place)?;
    let then = commit_at(repo, place.tip, at)?.ok_or_else(|| {
        Problem::new(
            Kind::Nothing,
            "before_history",
            format!("`{}` has no commit as old as {at}", place.branch),
        )
    })?;
    let deployed = history::timelines(repo, place, &units, Until::After(then))?;
    let moved: Vec<&Unit> = units
        .into_iter()
        .filter(|unit| {
            deployed
                .get(&unit.name())
                .is_some_and(|t| !t.deploys.is_empty())
        })
        .collect();
    if moved.is_empty() {
        return Err(Problem::new(
            Kind::Nothing,
            "nothing_deployed",
            format!(
                "nothing was deployed since {at}{}",
                if only_deployed {
                    ""
                } else {
                    ": everything is as it was then"
                }
            ),
        ));
    }
    back_to(repo, place, moved, then)
}

/// Units with the wish to be as they were at a commit; those that did not exist then stay.
fn back_to<'a>(
    repo: &Repo,
    place: &Place,
    units: Vec<&'a Unit>,
    then: Oid,
) -> Result<Vec<Chosen<'a>>, Problem> {
    let mut timelines: BTreeMap<UnitName, Timeline> = history::timelines(
        repo,
        place,
        &units,
        Until::Enough {
            deploys: DEPLOYS,
            commits: COMMITS,
        },
    )?;
    let tree = repo.commit(then).map_err(from_repo)?.tree;
    let mut chosen = Vec::new();
    let mut newcomers = Vec::new();
    for unit in units {
        let state = places::state_at(repo, &place.settings, tree, unit)?;
        if state.is_empty() {
            newcomers.push(unit.service.to_string());
            continue;
        }
        let timeline = timelines.remove(&unit.name()).unwrap_or_default();
        chosen.push(Chosen {
            unit,
            timeline,
            wanted: Wanted::State(Box::new(state), then.to_string()),
        });
    }
    if chosen.is_empty() {
        return Err(Problem::new(
            Kind::Nothing,
            "no_earlier_version",
            format!("none of these existed then: {}", newcomers.join(", ")),
        ));
    }
    Ok(chosen)
}

/// A moment or a commit may lie beyond what a shallow clone holds.
fn whole_past(repo: &Repo, place: &Place) -> Result<(), Problem> {
    if repo.is_shallow() {
        repo.deepen(&place.branch, None).map_err(from_repo)
    } else {
        Ok(())
    }
}

/// Commits beyond a moment that are looked at for clocks that were wrong.
const SKEW: usize = 256;

/// The newest commit of the first-parent line that is not younger than `at`. Where clocks were wrong
/// around that moment, nobody can say which side a commit belongs to, and nothing is guessed.
fn commit_at(repo: &Repo, tip: Oid, at: Timestamp) -> Result<Option<Oid>, Problem> {
    let mut line = repo.first_parents(tip);
    let found = loop {
        let Some(link) = line.next() else {
            return Ok(None);
        };
        let link = link.map_err(from_repo)?;
        if link.seconds <= at.as_second() {
            break link;
        }
    };
    for older in line.take(SKEW) {
        let older = older.map_err(from_repo)?;
        if older.seconds > at.as_second() {
            return Err(out_of_order(at, found, older));
        }
    }
    Ok(Some(found.commit))
}

fn out_of_order(at: Timestamp, newer: Link, older: Link) -> Problem {
    let time = |link: Link| Timestamp::from_second(link.seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    let short = |link: Link| link.commit.to_hex_with_len(10).to_string();
    Problem::new(
        Kind::Usage,
        "out_of_order",
        format!(
            "clocks were wrong around {at}: {} of {} comes after {} of {} in the branch",
            short(newer),
            time(newer),
            short(older),
            time(older)
        ),
    )
    .hint("choose a moment before or after both, or name the commit: `--to COMMIT` for services, `--commit SHA` for what it deployed")
}

/// `--commit`: all that one commit deployed goes back to what it replaced.
fn commit<'a>(
    repo: &Repo,
    place: &Place,
    catalog: &'a Catalog,
    request: &Request,
    spec: &str,
) -> Result<Vec<Chosen<'a>>, Problem> {
    whole_past(repo, place)?;
    let commit = repo.resolve(spec).map_err(from_repo)?;
    let read = repo.commit(commit).map_err(from_repo)?;
    let Some(parent) = read.parents.first().copied() else {
        return Err(Problem::new(
            Kind::Nothing,
            "no_earlier_version",
            format!("{commit} is the first commit: nothing ran before it"),
        ));
    };
    if !repo.is_ancestor(commit, place.tip).map_err(from_repo)? {
        return Err(Problem::new(
            Kind::Usage,
            "foreign_commit",
            format!("{commit} is not part of the history of `{}`", place.branch),
        ));
    }
    let before = repo.commit(parent).map_err(from_repo)?.tree;
    let mut paths = BTreeSet::new();
    repo.walk_changes(
        commit,
        Some(parent),
        &Interest::All,
        1,
        &mut |_, changes| {
            paths.extend(
                changes
                    .into_iter()
                    .filter_map(|change| String::from_utf8(change.path.into()).ok()),
            );
            ControlFlow::Break(())
        },
    )
    .map_err(from_repo)?;
    let wanted_environment = request
        .environment
        .as_ref()
        .map(|e| place.settings.environment(e));
    let mut units = Vec::new();
    for unit in catalog.units.values() {
        let named = wanted_environment
            .as_ref()
            .is_none_or(|e| unit.environment.answers_to(e.as_str()));
        let touched = unit.places.iter().any(|p| paths.contains(&p.id.path));
        if named && touched {
            let then = places::state_at(repo, &place.settings, read.tree, unit)?;
            if places::state_at(repo, &place.settings, before, unit)? != then {
                units.push(unit);
            }
        }
    }
    if units.is_empty() {
        return Err(Problem::new(
            Kind::Nothing,
            "nothing_deployed",
            format!(
                "{commit} deployed nothing that runs today{}",
                if wanted_environment.is_some() {
                    " there"
                } else {
                    ""
                }
            ),
        ));
    }
    back_to(repo, place, units, parent)
}
