//! Rolling forward again exactly what a rollback changed.

use jiff::Timestamp;
use ripcord_domain::live::image::Aim;
use ripcord_domain::message::{self, trailer};
use ripcord_domain::plan::{Plan, Scope, ServicePlan, Target};
use ripcord_domain::problem::{Kind, Problem};
use ripcord_domain::target;
use ripcord_git::{Commit, Interest, Oid, Repo, trailers};

use crate::agreement::Goal;
use crate::change::merged;
use crate::draft::{Draft, file_in, shown_path};
use crate::history::{self, Until};
use crate::places;
use crate::problems::from_repo;
use crate::quarantine;
use crate::request::Words;
use crate::risk;
use crate::rollback::{self, Prepared};
use crate::ship::{self, Event, Shipping};
use crate::survey::{self, Branch, Place};

/// How far back a rollback is looked for when none is named.
const LOOK_BACK: usize = 20_000;

/// Problems that more of the past can solve; a conflict stays one.
const MAY_LIE_DEEPER: [&str; 4] = [
    "no_rollback",
    "foreign_commit",
    "unknown_commit",
    "missing_object",
];

/// What to undo.
#[derive(Clone, Debug, Default)]
pub struct UndoRequest {
    /// The rollback; none is the newest that was not undone.
    pub rollback: Option<String>,
    /// Irreversible things may happen.
    pub accept_risk: bool,
    /// What goes into the commit.
    pub words: Words,
}

/// Makes the plan and writes nothing.
///
/// # Errors
/// See [`Problem`].
pub fn plan(repo: &Repo, place: &Place, request: &UndoRequest) -> Result<Plan, Problem> {
    Ok(prepare(repo, place, request)?.plan)
}

/// Plans, shows to `approve`, carries out.
///
/// # Errors
/// See [`Problem`]; a conflict when the same lines were changed since.
pub fn undo(
    branch: &Branch,
    request: &UndoRequest,
    shipping: &Shipping,
    clock: &dyn Fn() -> Timestamp,
    approve: &mut dyn FnMut(&Plan) -> Result<bool, Problem>,
    watch: &mut dyn FnMut(Event),
) -> Result<Plan, Problem> {
    ship::ship(
        branch,
        shipping,
        clock,
        watch,
        &mut |place, _| prepare(&branch.repo, place, request),
        &mut |_, plan, _| {
            risk::refuse_irreversible(&plan.warnings, request.accept_risk)?;
            approve(plan)
        },
        &[],
        false,
    )
}

/// Plans on what is here; in a shallow repository the rollback may lie beyond that.
fn prepare<'a>(
    repo: &'a Repo,
    place: &Place,
    request: &UndoRequest,
) -> Result<Prepared<'a>, Problem> {
    match prepare_here(repo, place, request) {
        Err(problem) if repo.is_shallow() && MAY_LIE_DEEPER.contains(&problem.code.as_str()) => {
            repo.deepen(&place.branch, None).map_err(from_repo)?;
            prepare_here(repo, place, request)
        }
        prepared => prepared,
    }
}

fn prepare_here<'a>(
    repo: &'a Repo,
    place: &Place,
    request: &UndoRequest,
) -> Result<Prepared<'a>, Problem> {
    let found = find(repo, place, request.rollback.as_deref())?;
    let rollback = found.commit;
    let Some(parent) = rollback.parents.first().copied() else {
        return Err(not_a_rollback(&rollback.id.to_string()));
    };
    let before = repo.commit(parent).map_err(from_repo)?.tree;
    let mut draft = Draft::on(repo, place.tree);
    if !found.undone {
        for change in repo
            .changes(Some(before), rollback.tree, &Interest::All)
            .map_err(from_repo)?
        {
            let ours = draft.file(&change.path)?;
            let base = file_in(repo, rollback.tree, &change.path)?;
            let theirs = file_in(repo, before, &change.path)?;
            let back =
                quarantine::taken_back(&change.path, theirs.as_ref(), base.as_ref(), ours.as_ref());
            let is_kept = quarantine::is_ours(&change.path);
            match back.or_else(|| merged(repo, base, ours, theirs)) {
                // What cannot be read there must not stand between a person and the way forward.
                None if is_kept => {}
                Some(file) => draft.set(&change.path, file),
                None => {
                    return Err(Problem::new(
                        Kind::Conflict,
                        "changed_since",
                        format!(
                            "{} was changed in the same lines after the rollback {}; nothing was pushed",
                            shown_path(&change.path),
                            rollback.id
                        ),
                    )
                    .hint("`ripcord rollback SERVICE ENV --to VERSION` sets a version by name"));
                }
            }
        }
    }
    let changed = draft.changed()?;
    let changes: Vec<_> = changed.iter().map(crate::draft::Changed::shown).collect();
    let (services, goals) = parts(
        repo,
        place,
        &found.trailers,
        parent,
        changes.is_empty(),
        &rollback.id,
    )?;
    let moves = rollback::moves(&services);
    let commit = (!changes.is_empty()).then(|| {
        let subject = message::subject(&place.settings.config.commit, true, &moves);
        let mut first = vec![(trailer::UNDO_OF.to_owned(), rollback.id.to_string())];
        rollback::compose(&subject, &moves, &mut first, &request.words)
    });
    let warnings = risk::of_changes(&changed);
    let plan = rollback::planned("undo", repo, place, services, changes, warnings, commit);
    Ok(Prepared {
        plan,
        draft,
        goals,
        own_files_only: true,
    })
}

/// One part for each service that the rollback's trailers name.
fn parts(
    repo: &Repo,
    place: &Place,
    pairs: &[(String, String)],
    parent: Oid,
    nothing: bool,
    rollback: &Oid,
) -> Result<(Vec<ServicePlan>, Vec<Goal>), Problem> {
    let all = |key: &str| -> Vec<&str> {
        pairs
            .iter()
            .filter(|(k, _)| k.eq_ignore_ascii_case(key))
            .map(|(_, v)| v.as_str())
            .collect()
    };
    let catalog = survey::catalog_of(repo, place, &all(trailer::SERVICE))?;
    let before = repo.commit(parent).map_err(from_repo)?.tree;
    let units = all(trailer::SERVICE)
        .into_iter()
        .zip(all(trailer::ENVIRONMENT))
        .map(|(service, environment)| catalog.find(&place.settings, service, Some(environment)))
        .collect::<Result<Vec<_>, Problem>>()?;
    let mut timelines = history::timelines(repo, place, &units, Until::Last)?;
    let mut services = Vec::new();
    let mut goals = Vec::new();
    for unit in units {
        let primary = unit.places.first().map(|p| &p.id);
        let to = places::state_at(repo, &place.settings, before, unit)?;
        let timeline = timelines.remove(&unit.name()).unwrap_or_default();
        let last = timeline.deploys.last();
        services.push(ServicePlan {
            service: unit.service.clone(),
            environment: unit.environment.clone(),
            current: rollback::current(unit, last),
            target: (!nothing).then(|| Target {
                version: target::version_of(&to, primary),
                commit: parent.to_string(),
                before: None,
            }),
            candidates: Vec::new(),
            scope: Scope::Deploy,
            nothing_to_do: nothing.then(|| {
                format!(
                    "the rollback {} is undone already",
                    &rollback.to_string()[..10]
                )
            }),
            history_complete: timeline.complete,
            changes: Vec::new(),
            files: places::files_of(unit),
            images: Aim::between(&places::state_now(unit), &to),
        });
        goals.push(Goal {
            service: unit.service.to_string(),
            environment: unit.environment.to_string(),
            from: places::state_at(repo, &place.settings, place.tree, unit)?,
            to,
            target: parent.to_string(),
        });
    }
    Ok((services, goals))
}

struct Found {
    commit: Commit,
    trailers: Vec<(String, String)>,
    undone: bool,
}

/// The rollback to undo.
fn find(repo: &Repo, place: &Place, asked: Option<&str>) -> Result<Found, Problem> {
    let wanted = asked
        .map(|spec| repo.resolve(spec))
        .transpose()
        .map_err(from_repo)?;
    let mut undone: Vec<String> = Vec::new();
    let mut newest_undone: Option<Found> = None;
    for link in repo.first_parents(place.tip).take(LOOK_BACK) {
        let commit = repo
            .commit(link.map_err(from_repo)?.commit)
            .map_err(from_repo)?;
        let pairs = trailers::trailers(&commit.message);
        let value = |key: &str| {
            pairs
                .iter()
                .find(|(k, _)| k.eq_ignore_ascii_case(key))
                .map(|(_, v)| v.clone())
        };
        if let Some(of) = value(trailer::UNDO_OF) {
            undone.push(of);
        }
        let is_ours = value(trailer::TO).is_some();
        let is_undo = value(trailer::UNDO_OF).is_some();
        let id = commit.id;
        let was_undone = undone.contains(&id.to_string());
        match wanted {
            Some(wanted) if wanted == id => {
                if !is_ours {
                    return Err(not_a_rollback(&id.to_string()));
                }
                return Ok(Found {
                    commit,
                    trailers: pairs,
                    undone: was_undone,
                });
            }
            None if is_ours && !is_undo => {
                let found = Found {
                    commit,
                    trailers: pairs,
                    undone: was_undone,
                };
                if !was_undone {
                    return Ok(found);
                }
                newest_undone.get_or_insert(found);
                // An undone rollback ends the search: what lies below it was not asked for.
                break;
            }
            _ => {}
        }
    }
    match (newest_undone, wanted) {
        (Some(found), _) => Ok(found),
        (None, Some(id)) => Err(Problem::new(
            Kind::Usage,
            "foreign_commit",
            format!(
                "{id} is not in the newest {LOOK_BACK} commits of `{}`",
                place.branch
            ),
        )),
        (None, None) => Err(Problem::new(
            Kind::Nothing,
            "no_rollback",
            format!(
                "there is no rollback by ripcord in the newest {LOOK_BACK} commits of `{}`",
                place.branch
            ),
        )
        .hint("`ripcord history SERVICE` shows what was deployed")),
    }
}

fn not_a_rollback(id: &str) -> Problem {
    Problem::new(
        Kind::Usage,
        "not_a_rollback",
        format!("{id} is not a rollback made by ripcord"),
    )
    .hint("`ripcord rollback SERVICE ENV --commit SHA` takes any deploy back")
}
