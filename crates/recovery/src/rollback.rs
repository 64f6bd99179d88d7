//! The plan of a rollback: everything that will be done, decided on one tip, nothing written.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use jiff::Timestamp;
use ripcord_domain::live::image::Aim;
use ripcord_domain::message::{self, Move, trailer};
use ripcord_domain::plan::{
    CommitText, Current, FileChange, Outcome, Plan, SCHEMA, Scope, ServicePlan, Severity, Target,
    Warning,
};
use ripcord_domain::problem::{Kind, Problem};
use ripcord_domain::quarantine::Entry;
use ripcord_domain::target::{self, Choice, Wanted};
use ripcord_domain::timeline::{BEFORE_ALL, Deploy, Position, State};
use ripcord_domain::{Catalog, Unit, layout};
use ripcord_git::{Oid, Repo, trailers};

use crate::agreement::Goal;
use crate::bots;
use crate::change::{self, Ground, Way};
use crate::draft::Draft;
use crate::hotfixes;
use crate::places;
use crate::quarantine::{self, Term};
use crate::request::{Request, Selection, Words};
use crate::risk::{self, warning};
use crate::select::{self, Chosen};
use crate::survey::{self, Extent, Place};

/// The code of the refusal to go to a version that was quarantined there.
const QUARANTINED: &str = "quarantined";

/// A plan with the edits that carry it out.
pub(crate) struct Prepared<'a> {
    pub(crate) plan: Plan,
    pub(crate) draft: Draft<'a>,
    /// What each service will run, to compare with after a lost race.
    pub(crate) goals: Vec<Goal>,
    /// Every changed file is one environment's by its path: nobody else can be touched.
    pub(crate) own_files_only: bool,
}

/// The outcome of choosing for one unit.
struct Decided<'a> {
    chosen: Chosen<'a>,
    part: ServicePlan,
    /// The target; none where nothing is to be done.
    way: Option<Decision>,
    /// What is said about quarantined versions.
    kept_out: Vec<Warning>,
}

struct Decision {
    to: State,
    target: Oid,
    undone: Vec<(Oid, Deploy)>,
}

/// Plans a rollback on a tip; `decided` is what was agreed to on an earlier one.
///
/// Services that are named are looked for where they can be, which in a large repository is a small
/// part of the tree. When that part turns out to touch what others may share, all of it is read.
pub(crate) fn prepare<'a>(
    repo: &'a Repo,
    place: &Place,
    request: &Request,
    now: Timestamp,
    decided: &[Goal],
) -> Result<Prepared<'a>, Problem> {
    if let Selection::Services(names) = &request.selection {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let catalog = survey::catalog_of(repo, place, &names)?;
        match prepare_in(repo, place, request, now, &catalog, decided) {
            Ok(prepared) if !prepared.own_files_only => {}
            Err(problem) if problem.code == risk::SHARED_FILES => {}
            decided => return decided,
        }
    }
    let catalog = survey::catalog(repo, place, Extent::Whole)?;
    prepare_in(repo, place, request, now, &catalog, decided)
}

fn prepare_in<'a>(
    repo: &'a Repo,
    place: &Place,
    request: &Request,
    now: Timestamp,
    catalog: &Catalog,
    decided: &[Goal],
) -> Result<Prepared<'a>, Problem> {
    let mut chosen = select::choose(repo, place, catalog, request)?;
    for one in &mut chosen {
        // What a person agreed to stays the goal, whatever has been deployed meanwhile.
        let (service, environment) = (one.unit.service.as_str(), one.unit.environment.as_str());
        let goal = decided
            .iter()
            .find(|goal| goal.service == service && goal.environment == environment);
        if let Some(goal) = goal {
            one.wanted = Wanted::State(Box::new(goal.to.clone()), goal.target.clone());
        }
    }
    let services = chosen.iter().map(|one| &one.unit.service);
    quarantine::prefetch(repo, place.tree, services)?;
    let decided = chosen
        .into_iter()
        .map(|chosen| decide(repo, place, chosen, request, now))
        .collect::<Result<Vec<_>, Problem>>()?;
    let ground = Ground {
        repo,
        settings: &place.settings,
        catalog,
        tree: place.tree,
        selected: decided.iter().map(|d| d.chosen.unit.name()).collect(),
        include_shared: request.consent.include_shared,
        shipped: RefCell::default(),
    };
    let mut draft = Draft::on(repo, place.tree);
    let mut warnings = Vec::new();
    let mut shared: BTreeMap<String, BTreeSet<_>> = BTreeMap::new();
    let mut services = Vec::new();
    let mut goals = Vec::new();
    let mut rolled_back_commits: Vec<String> = Vec::new();
    let mut dropped: BTreeSet<String> = BTreeSet::new();
    let identity = repo.identity(now.as_second());
    let term = request.quarantine.map(|lasts| Term {
        lasts,
        now,
        words: &request.words,
        author: identity.ok().map(|both| both.author.name),
    });
    for Decided {
        chosen,
        mut part,
        way,
        kept_out,
    } in decided
    {
        warnings.extend(kept_out);
        let name = chosen.unit.name();
        if let Some(decision) = way {
            let way = Way {
                unit: chosen.unit,
                to: &decision.to,
                target: decision.target,
                undone: decision.undone.iter().map(|(id, _)| *id).collect(),
                moves: &chosen.timeline.moves,
            };
            let before = draft.clone();
            let made = change::make(&ground, &mut draft, &way, request.scope.unwrap_or_default())?;
            part.scope = made.scope;
            if let Some(why) = made.fell_back {
                warnings.push(warning(
                    "scope_narrowed",
                    Severity::Warning,
                    format!("{}: {why}", name.0),
                ));
            }
            for (path, others) in made.shared {
                shared.entry(path).or_default().extend(others);
            }
            if let Some(term) = &term {
                let leaving = quarantine::Leaving {
                    unit: chosen.unit,
                    undone: &decision.undone,
                    goal: &decision.to,
                };
                term.record(&mut draft, &leaving)?;
            }
            let own = draft.changed_since(&before)?;
            part.changes = own.iter().map(crate::draft::Changed::shown).collect();
            let undone: Vec<(Oid, &Deploy)> =
                decision.undone.iter().map(|(id, d)| (*id, d)).collect();
            let mut told = risk::of_deploys(&ground, &name, &undone)?;
            let deploys: Vec<&Deploy> = undone.iter().map(|(_, deploy)| *deploy).collect();
            match hotfixes::of_unit(repo, place.tree, &name.0, &name.1) {
                Ok(fixes) => {
                    let lost = hotfixes::undone_with(&fixes, &deploys);
                    if !lost.is_empty() {
                        // What is recorded says more than what a deploy is called.
                        told.retain(|warning| warning.code != risk::UNDOES_HOTFIX);
                    }
                    told.extend(risk::of_hotfixes(&name, &lost, now));
                    dropped.extend(lost.iter().map(|fix| fix.name.to_string()));
                }
                // Nobody has to mend a record first while production is down.
                Err(problem) => told.push(warning(
                    "hotfix_unreadable",
                    Severity::Warning,
                    format!(
                        "{}: whether a hotfix is removed is not known: {problem}",
                        name.0
                    ),
                )),
            }
            warnings.extend(told);
            for (id, _) in &decision.undone {
                let id = id.to_string();
                if !rolled_back_commits.contains(&id) {
                    rolled_back_commits.push(id);
                }
            }
            goals.push(Goal {
                service: name.0.to_string(),
                environment: name.1.to_string(),
                from: chosen
                    .timeline
                    .deploys
                    .last()
                    .map(|d| d.after.clone())
                    .unwrap_or_default(),
                to: decision.to,
                target: decision.target.to_string(),
            });
        }
        services.push(part);
    }
    risk::refuse_shared(&shared)?;
    let changed = draft.changed()?;
    let mut manifests = changed
        .iter()
        .filter(|change| !quarantine::is_ours(&change.path));
    let own_files_only = manifests.all(|change| {
        std::str::from_utf8(&change.path).is_ok_and(|path| {
            layout::owner_of_path(&place.settings, path)
                .environment
                .is_some()
        })
    });
    let bots = bots::of_changes(&changed);
    for found in risk::of_changes(&changed).into_iter().chain(bots) {
        if !warnings.contains(&found) {
            warnings.push(found);
        }
    }
    warnings.sort_by_key(|warning| std::cmp::Reverse(warning.severity));
    let changes = changed
        .iter()
        .map(crate::draft::Changed::shown)
        .collect::<Vec<_>>();
    let commit = (!changes.is_empty())
        .then(|| text(place, request, &services, &rolled_back_commits, &dropped));
    let mut plan = planned("rollback", repo, place, services, changes, warnings, commit);
    plan.image_policies = bots::policies_of(&changed);
    Ok(Prepared {
        plan,
        draft,
        goals,
        own_files_only,
    })
}

/// A plan as it is before anything is pushed.
pub(crate) fn planned(
    action: &str,
    repo: &Repo,
    place: &Place,
    services: Vec<ServicePlan>,
    changes: Vec<FileChange>,
    warnings: Vec<Warning>,
    commit: Option<CommitText>,
) -> Plan {
    let outcome = if changes.is_empty() {
        Outcome::NothingToDo
    } else {
        Outcome::Planned
    };
    Plan {
        schema: SCHEMA,
        action: action.to_owned(),
        outcome,
        remote: repo.remote().to_string(),
        branch: place.branch.clone(),
        base: place.tip.to_string(),
        services,
        changes,
        warnings,
        commit,
        pushed: None,
        image_policies: Vec::new(),
        cluster: Vec::new(),
    }
}

/// Decides where one unit goes.
fn decide<'a>(
    repo: &Repo,
    place: &Place,
    chosen: Chosen<'a>,
    request: &Request,
    now: Timestamp,
) -> Result<Decided<'a>, Problem> {
    let unit = chosen.unit;
    let primary = unit.places.first().map(|place| &place.id);
    let mut judgement = chosen.timeline.judge(now);
    let last = chosen.timeline.deploys.last();
    let what = format!("{} in {}", unit.service, unit.environment);
    let mut kept_out = Vec::new();
    let known = quarantine::of_service_or_warn(repo, place.tree, &unit.service, &mut kept_out)?;
    let runs = last.map(|deploy| &deploy.after);
    let keeping_out = |state: &State| quarantine::keeping_out(&known, unit, runs, state, now);
    // A quarantined version is not good, however long it served.
    let mut skipped: Vec<(Position, &Entry)> = Vec::new();
    if let Some((top, below)) = judgement.line.split_last() {
        let mut line = Vec::new();
        for &position in below {
            match chosen.timeline.state(position).and_then(keeping_out) {
                Some(entry) => skipped.push((position, entry)),
                None => line.push(position),
            }
        }
        line.push(*top);
        judgement.line = line;
    }
    let parent_of = |commit: &str| -> String {
        let parent = commit
            .parse()
            .ok()
            .and_then(|id| repo.commit(id).ok())
            .and_then(|c| c.parents.first().copied());
        parent.map_or_else(String::new, |id| id.to_string())
    };
    let mut part = ServicePlan {
        service: unit.service.clone(),
        environment: unit.environment.clone(),
        current: current(unit, last),
        target: None,
        candidates: target::candidates(&chosen.timeline, &judgement, primary, &parent_of),
        scope: request.scope.unwrap_or(Scope::Deploy),
        nothing_to_do: None,
        history_complete: chosen.timeline.complete,
        changes: Vec::new(),
        files: places::files_of(unit),
        images: Aim::default(),
    };
    let choice = target::choose(&chosen.timeline, &judgement, &chosen.wanted, primary, &what)
        .map_err(|problem| match skipped.last() {
            Some((_, entry)) => problem
                .hint(format!(
                    "{}: it was passed over",
                    quarantine::because(entry)
                ))
                .hint("`--to VERSION --accept-risk` goes back to it all the same"),
            None => problem,
        })?;
    let way = match choice {
        Choice::AlreadyThere { why } => {
            part.nothing_to_do = Some(why);
            // Clusters may still run what the last deploy went away from.
            if let Some(deploy) = last {
                let before = deploy.before.clone().unwrap_or_default();
                part.images = Aim::between(&before, &deploy.after);
            }
            None
        }
        Choice::To {
            state,
            commit,
            position,
        } => {
            let commit = commit.strip_suffix('^').map_or(commit.clone(), parent_of);
            let target: Oid = commit.parse().map_err(|_| {
                Problem::new(
                    Kind::Internal,
                    "bad_commit",
                    format!("`{commit}` is no commit id"),
                )
            })?;
            if let Some(entry) = keeping_out(&state) {
                kept_out.push(warning(
                    QUARANTINED,
                    Severity::Warning,
                    format!("{what}: {}", quarantine::because(entry)),
                ));
            }
            if let (Wanted::LastGood { .. } | Wanted::Steps(_), Some(to)) =
                (&chosen.wanted, position)
            {
                let newer = skipped
                    .iter()
                    .filter(|(at, _)| to == BEFORE_ALL || (*at != BEFORE_ALL && *at > to));
                kept_out.extend(newer.map(|(_, entry)| {
                    warning(
                        "quarantined_passed_over",
                        Severity::Info,
                        format!("{what}: {}: it was passed over", quarantine::because(entry)),
                    )
                }));
            }
            let (from, to) = match last {
                Some(deploy) => target::named_move(&deploy.after, &state, primary),
                None => (
                    part.current.version.clone(),
                    target::version_of(&state, primary),
                ),
            };
            part.current.version = from;
            let first = match position {
                Some(BEFORE_ALL) => 0,
                Some(position) => position + 1,
                None => chosen.timeline.deploys.len(),
            };
            let undone = chosen.timeline.deploys.get(first);
            part.images = Aim::between(&places::state_now(unit), &state);
            part.target = Some(Target {
                version: to,
                commit: commit.clone(),
                before: undone
                    .map(|deploy| parent_of(&deploy.commit))
                    .filter(|parent| !parent.is_empty()),
            });
            let undone = chosen.timeline.deploys[first..]
                .iter()
                .rev()
                .filter_map(|deploy| deploy.commit.parse().ok().map(|id| (id, deploy.clone())))
                .collect();
            Some(Decision {
                to: state,
                target,
                undone,
            })
        }
    };
    Ok(Decided {
        chosen,
        part,
        way,
        kept_out,
    })
}

/// The commit's text for the services that move.
fn text(
    place: &Place,
    request: &Request,
    services: &[ServicePlan],
    undone: &[String],
    dropped: &BTreeSet<String>,
) -> CommitText {
    let moves = moves(services);
    let subject = message::subject(&place.settings.config.commit, false, &moves);
    let mut pairs: Vec<(String, String)> = undone
        .iter()
        .map(|id| (trailer::ROLLBACK_OF.to_owned(), id.clone()))
        .collect();
    let dropped = dropped.iter().cloned();
    pairs.extend(dropped.map(|name| (trailer::DROPS_HOTFIX.to_owned(), name)));
    compose(&subject, &moves, &mut pairs, &request.words)
}

/// The services that move, for a message.
pub(crate) fn moves(services: &[ServicePlan]) -> Vec<Move> {
    services
        .iter()
        .filter_map(|part| {
            part.target.as_ref().map(|target| Move {
                service: part.service.to_string(),
                environment: part.environment.to_string(),
                from: part.current.version.clone(),
                to: target.version.clone(),
            })
        })
        .collect()
}

/// What a unit runs, with the deploy that brought it.
pub(crate) fn current(unit: &Unit, deploy: Option<&Deploy>) -> Current {
    Current {
        version: unit.version().to_owned(),
        commit: deploy.map(|deploy| deploy.commit.clone()),
        since: deploy.map(|deploy| deploy.at),
        author: deploy.map(|deploy| deploy.author.clone()),
    }
}

/// Subject, a line for each service, the reason, trailers.
pub(crate) fn compose(
    subject: &str,
    moves: &[Move],
    first: &mut Vec<(String, String)>,
    words: &Words,
) -> CommitText {
    let mut body = format!("{subject}\n\n");
    for one in moves {
        let _ = writeln!(
            body,
            "{} in {}: {} -> {}",
            one.service, one.environment, one.from, one.to
        );
    }
    if let Some(reason) = &words.reason {
        let _ = writeln!(body, "\n{}", reason.trim());
    }
    let mut pairs = std::mem::take(first);
    let mut add = |key: &str, value: &str| pairs.push((key.to_owned(), value.to_owned()));
    for one in moves {
        add(trailer::SERVICE, &one.service);
        add(trailer::ENVIRONMENT, &one.environment);
        add(trailer::FROM, &one.from);
        add(trailer::TO, &one.to);
    }
    for (key, value) in [
        (trailer::REASON, &words.reason),
        (trailer::INCIDENT, &words.incident),
        (trailer::REQUESTED_BY, &words.requested_by),
        (trailer::RECOVERY, &words.recovery),
    ] {
        if let Some(value) = value {
            add(key, value);
        }
    }
    add(trailer::VERSION, env!("CARGO_PKG_VERSION"));
    CommitText {
        subject: subject.to_owned(),
        message: trailers::with_trailers(&body, &pairs),
    }
}

/// Refuses what the request does not allow; called where a plan is about to be carried out.
pub(crate) fn refuse(place: &Place, plan: &Plan, request: &Request) -> Result<(), Problem> {
    risk::refuse_irreversible(&plan.warnings, request.consent.accept_risk)?;
    let quarantined = plan.warnings.iter().find(|w| w.code == QUARANTINED);
    if let Some(warning) = quarantined
        && !request.consent.accept_risk
    {
        return Err(
            Problem::new(Kind::Refused, QUARANTINED, warning.message.clone())
                .hint("`ripcord quarantine list` shows all of them")
                .hint("`--accept-risk` goes back to it all the same"),
        );
    }
    let protected = plan
        .services
        .iter()
        .find(|part| part.target.is_some() && place.settings.is_protected(&part.environment));
    if let Some(part) = protected
        && request.words.reason.is_none()
    {
        return Err(Problem::new(
            Kind::Usage,
            "reason_missing",
            format!("a change to {} needs a reason", part.environment),
        )
        .hint("add `--reason TEXT`"));
    }
    Ok(())
}
