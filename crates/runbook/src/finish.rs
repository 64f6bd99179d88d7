//! Where both ways meet: the commit is waited for, then Argo CD, then it is watched.

use std::collections::BTreeSet;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use ripcord_domain::live::application::{Application, Source};
use ripcord_domain::live::proof::Missing;
use ripcord_domain::live::route::{Method, Route};
use ripcord_domain::message::short_commit;
use ripcord_domain::plan::Plan;
use ripcord_domain::problem::{Kind, Problem};
use ripcord_domain::recovery::{Recovery, Standing, StepKind, StepState};
use ripcord_recovery::keep;
use ripcord_recovery::ship;
use ripcord_recovery::survey::Branch;
use tokio::runtime::Runtime;

use crate::bots;
use crate::concern::Infra;
use crate::durable::{Landing, Target};
use crate::event::Event;
use crate::generate::{Left, generate};
use crate::holds;
use crate::left_behind;
use crate::observe::{Clusters, Observed};
use crate::prepare::Prepared;
use crate::record::{Begun, Record};
use crate::recover::{Lane, Setting, broken};
use crate::taken_up::LET_GO;
use crate::unrecorded::NO_RECORD;
use crate::watch;

/// Where both ways meet.
pub(crate) fn finish(
    runtime: &Runtime,
    branch: &Branch,
    setting: &Setting,
    lane: Lane,
    trouble: Option<&Problem>,
) -> Result<Recovery, Problem> {
    let Lane {
        record,
        prepared,
        live,
        push: _,
        pushing,
        agreed: _,
        _locks,
    } = lane;
    drop(pushing);
    let lived = runtime.block_on(live).map_err(broken)?;
    if let Err(problem) = &lived.done {
        record.note(format!("in the cluster: {}", problem.message));
    }
    if let Some(problem) = trouble {
        if problem.code == ship::DEPLOYED_MEANWHILE {
            // Somebody deployed the same service meanwhile: Git decides.
            return Err(give_way(runtime, &record, &prepared, problem));
        }
        let may_pass = matches!(problem.kind, Kind::Remote | Kind::Rejected | Kind::Local);
        if !may_pass && !has_changed_anything(&record.snapshot()) {
            return Err(not_done(&record, problem));
        }
    }
    let plan = record.snapshot().plan;
    let commit = commit_of(&plan, setting.wishes.method, trouble);
    let is_ours = |app: &Application, source: &Source| {
        let knows = |commit: &str| keep::knows(branch, commit);
        Infra {
            remote: &plan.remote,
            branch: &plan.branch,
            knows: &knows,
            built_from: &|_| BTreeSet::new(),
        }
        .is_ours(app, source)
    };
    let keeper = keep::Keeper::new(branch, &plan, commit.as_deref());
    let target = Target {
        commit: commit.as_deref(),
        descent: &|revision| keeper.descent(revision),
        told: &|revision| keep::told(branch, revision),
        is_ours: &is_ours,
    };
    let mut missing = runtime.block_on(land(&record, &prepared, &target, setting))?;
    if let Some(problem) = trouble {
        missing.push(Missing::new("not_pushed", problem.message.clone()));
    } else if commit.is_none() {
        missing.push(Missing::new(
            "git_unchanged",
            "Git still says the bad version: this method leaves it as it is",
        ));
    }
    missing.extend(prepared.unseen.iter().map(|why| {
        Missing::new(
            "cluster_unseen",
            format!("what production runs was not observed: {why}"),
        )
    }));
    missing.extend(runtime.block_on(left_behind::let_go(&record, &prepared))?);
    let mut relapse = None;
    if missing.is_empty() && !setting.watch.is_zero() {
        match runtime.block_on(watched(&record, &prepared, &target, setting)) {
            Ok(watched) => relapse = watched,
            Err(problem) if problem.code == NO_RECORD => return Err(problem),
            // What was proven stays so; that nobody watches is said.
            Err(problem) => missing.push(Missing::new("not_watched", problem.message)),
        }
    }
    // A bot that could not be held back is all the more a reason to watch.
    missing.extend(lived.missing);
    end(&record, missing, relapse)
}

/// Lets go what is held, so that Argo CD deploys what Git says.
fn give_way(runtime: &Runtime, record: &Record, prepared: &Prepared, problem: &Problem) -> Problem {
    let released = prepared
        .observed
        .iter()
        .map(|(clusters, observed, _)| holds::release(&clusters.argo, record, &observed.app.name));
    let released: Result<Vec<bool>, Problem> =
        runtime.block_on(join_all(released)).into_iter().collect();
    let argo = prepared
        .observed
        .first()
        .map(|(clusters, ..)| &clusters.argo);
    let bots = argo.map_or(Ok(()), |argo| runtime.block_on(bots::release(argo, record)));
    let before = runtime.block_on(left_behind::let_go(record, prepared));
    let released = bots.and(before).and(released);
    let missing = vec![Missing::new(&problem.code, problem.message.clone())];
    let recorded = close(record, Standing::GaveWay, missing, None);
    let problem = problem.clone();
    match released.and_then(|released| recorded.map(|_| released)) {
        Ok(released) if released.contains(&true) => problem.hint(LET_GO),
        Ok(_) => problem,
        Err(other) => problem.hint(format!(
            "a hold stands ({}): `ripcord release {}` lets go",
            other.message,
            record.id()
        )),
    }
}

/// Ends the record of a recovery.
fn end(
    record: &Record,
    missing: Vec<Missing>,
    relapse: Option<String>,
) -> Result<Recovery, Problem> {
    let gave_way = |one: &Missing| one.code == ship::DEPLOYED_MEANWHILE;
    let standing = if relapse.is_some() {
        Standing::Relapsed
    } else if missing.is_empty() {
        Standing::Restored
    } else if missing.iter().all(gave_way) {
        Standing::GaveWay
    } else {
        Standing::Partial
    };
    close(record, standing, missing, relapse)
}

/// Whether anything was done that somebody could miss: in the cluster or in Git.
fn has_changed_anything(recovery: &Recovery) -> bool {
    let looks = [StepKind::Observe, StepKind::Evidence];
    let mut steps = recovery.steps.iter();
    recovery.held() > 0
        || steps.any(|step| step.state == StepState::Done && !looks.contains(&step.kind))
}

/// Ends the record of a recovery that changed nothing, and says why.
fn not_done(record: &Record, problem: &Problem) -> Problem {
    let missing = vec![Missing::new(&problem.code, problem.message.clone())];
    match close(record, Standing::Failed, missing, None) {
        Ok(_) => problem.clone(),
        Err(other) => other,
    }
}

fn close(
    record: &Record,
    standing: Standing,
    missing: Vec<Missing>,
    relapse: Option<String>,
) -> Result<Recovery, Problem> {
    let now = record.now();
    let recovery = record.change(|recovery| {
        recovery.standing = standing;
        recovery.missing = missing;
        recovery.relapse = relapse;
        recovery.ended = Some(now);
        recovery.clone()
    })?;
    record.say(&Event::Ended {
        recovery: Box::new(recovery.clone()),
    });
    Ok(recovery)
}

/// Records what became of Git.
pub(crate) fn note_push(
    record: &Record,
    begun: Begun,
    plan: &Plan,
    trouble: Option<&Problem>,
) -> Result<(), Problem> {
    if let Some(problem) = trouble {
        return record.end(begun, StepState::Failed, problem.message.clone());
    }
    let (state, what) = match &plan.pushed {
        Some(pushed) => (
            StepState::Done,
            format!("{} is on {}", short_commit(&pushed.commit), pushed.branch),
        ),
        None => (StepState::Skipped, "Git says so already".to_owned()),
    };
    record.end_with(begun, state, what, |recovery| recovery.plan = plan.clone())
}

/// The commit that Argo CD shall sync.
fn commit_of(plan: &Plan, method: Method, trouble: Option<&Problem>) -> Option<String> {
    if !method.pushes() || trouble.is_some() {
        return None;
    }
    match &plan.pushed {
        Some(pushed) if pushed.branch == plan.branch => Some(pushed.commit.clone()),
        Some(_) => None,
        None => Some(plan.base.clone()),
    }
}

async fn land(
    record: &Record,
    prepared: &Prepared,
    target: &Target<'_>,
    setting: &Setting,
) -> Result<Vec<Missing>, Problem> {
    let mut missing = Vec::new();
    let mut left = Left::new();
    // Who has settings from others waits for them.
    for are_given in [false, true] {
        if are_given && target.commit.is_some() {
            left = match generate(record, prepared, setting.patience).await {
                Ok(left) => left,
                Err(problem) if problem.code == NO_RECORD => return Err(problem),
                // Those that wait for it are not synced: they would deploy the bad version.
                Err(problem) => not_generated(prepared, &problem),
            };
            missing.extend(left.values().cloned());
        }
        let landed = join_all(
            prepared
                .observed
                .iter()
                .filter(|(_, observed, _)| {
                    observed.settings_from.is_some() == are_given
                        && !left.contains_key(&observed.app.name)
                })
                .map(|going| land_one(record, target, setting, going)),
        )
        .await;
        for one in landed {
            missing.extend(one?);
        }
    }
    Ok(missing)
}

/// What is missing of every Application that has its settings from others.
fn not_generated(prepared: &Prepared, problem: &Problem) -> Left {
    let given = prepared
        .observed
        .iter()
        .filter(|(_, observed, _)| observed.settings_from.is_some());
    given
        .map(|(_, observed, _)| {
            let name = &observed.app.name;
            let what = format!("{name}: {}", problem.message);
            (name.clone(), Missing::new(&problem.code, what))
        })
        .collect()
}

async fn land_one(
    record: &Record,
    target: &Target<'_>,
    setting: &Setting,
    (clusters, observed, route): &(Clusters, Observed, Route),
) -> Result<Vec<Missing>, Problem> {
    let name = observed.app.name.clone();
    let mut landing = Landing::new(
        clusters,
        record,
        &observed.aim,
        route,
        target,
        name.clone(),
        setting.patience,
    );
    let missing = match landing.land().await {
        Ok(missing) => missing,
        // What is done stays done; what is missing is said.
        Err(problem) if problem.code == NO_RECORD => return Err(problem),
        Err(problem) if problem.code == "not_in_cluster" => {
            vec![Missing::new("deleted", format!("{name}: it was deleted"))]
        }
        Err(problem) => vec![Missing::new(
            &problem.code,
            format!("{name}: {}", problem.message),
        )],
    };
    if missing.iter().any(|one| one.code == "deleted") {
        // Who makes it anew shall not find it held; should this fail it stands in the record.
        let _ = holds::release(&clusters.argo, record, &name).await;
    }
    Ok(missing)
}

async fn watched(
    record: &Record,
    prepared: &Prepared,
    target: &Target<'_>,
    setting: &Setting,
) -> Result<Option<String>, Problem> {
    let begun = record.start(
        StepKind::Watch,
        None,
        format!("for {} s", setting.watch.as_secs()),
    )?;
    let each = prepared.observed.iter().map(|(clusters, observed, _)| {
        watch::watch(
            clusters,
            record,
            &observed.aim,
            target,
            &observed.app.name,
            setting.watch,
        )
    });
    // Whoever sees it first says it: the others would go on for minutes.
    let mut each: FuturesUnordered<_> = each.collect();
    let mut relapse = None;
    let mut lacks = Vec::new();
    while relapse.is_none() {
        match each.next().await {
            Some(Ok(seen)) => {
                relapse = seen.relapse;
                lacks.extend(seen.lacks.into_iter().map(|one| one.what));
            }
            Some(Err(problem)) => {
                record.end(begun, StepState::Failed, problem.message.clone())?;
                return Err(problem);
            }
            None => break,
        }
    }
    match &relapse {
        Some(relapse) => record.end(begun, StepState::Failed, relapse.clone())?,
        None if lacks.is_empty() => record.end(begun, StepState::Done, "it stayed so")?,
        // Nobody brought the bad version back, and that is all that is said.
        None => {
            let what = format!("nobody brought it back; at the end {}", lacks.join("; "));
            record.end(begun, StepState::Done, what)?;
        }
    }
    Ok(relapse)
}
