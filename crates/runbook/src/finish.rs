//! Where both ways meet: the commit is waited for, then Argo CD, then it is watched.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use ripcord_domain::live::application::{Application, Source};
use ripcord_domain::live::proof::Missing;
use ripcord_domain::live::route::{Method, Route};
use ripcord_domain::message::short_commit;
use ripcord_domain::plan::Plan;
use ripcord_domain::problem::{Kind, Problem};
use ripcord_domain::recovery::{Recovery, Standing, StepKind, StepState};
use ripcord_recovery::keep;
use ripcord_recovery::request::Request;
use ripcord_recovery::ship::{self, Shipping};
use ripcord_recovery::survey::Branch;
use tokio::runtime::Runtime;

use crate::bots;
use crate::concern::Infra;
use crate::durable::{Landing, Target};
use crate::event::Event;
use crate::generate::{Left, generate};
use crate::holds;
use crate::observe::{Clusters, Observed};
use crate::prepare::Prepared;
use crate::record::{Begun, Record};
use crate::recover::{Lane, Setting, broken};
use crate::watch;

/// How often Git is tried again, and how often it is said that it is still away.
const TRY_AGAIN: Duration = Duration::from_secs(2);
const NAG: Duration = Duration::from_secs(15);

/// Tries to push until it is done or patience ends. Production is held meanwhile.
pub(crate) fn push_when_it_is_back(
    branch: &Branch,
    request: &Request,
    shipping: &Shipping,
    setting: &Setting,
    lane: &Lane,
    plan: Plan,
    mut problem: Problem,
) -> (Plan, Option<Problem>) {
    let began = Instant::now();
    let mut said: Option<Instant> = None;
    while began.elapsed() < setting.patience {
        if said.is_none_or(|at| at.elapsed() > NAG) {
            said = Some(Instant::now());
            let recovery = lane.record.snapshot();
            let until = recovery.standing_holds().map(|hold| hold.until).min();
            let until = until.map_or_else(String::new, |until| {
                format!("; production is held until {until} at the most")
            });
            lane.record.note(format!(
                "Git cannot be written yet ({}); trying again{until}",
                problem.message
            ));
        }
        std::thread::sleep(TRY_AGAIN);
        let clock = || lane.record.now();
        let again = ship::rollback(
            branch,
            request,
            shipping,
            &clock,
            &mut |_| Ok(true),
            &mut |_| {},
        );
        match again {
            Ok(pushed) => return (pushed, None),
            Err(other) if other.kind == Kind::Remote => problem = other,
            Err(other) => return (lane.record.snapshot().plan, Some(other)),
        }
    }
    (plan, Some(problem))
}

/// Where both ways meet.
pub(crate) fn finish(
    runtime: &Runtime,
    branch: &Branch,
    setting: &Setting,
    lane: Lane,
    plan: &Plan,
    trouble: Option<&Problem>,
) -> Result<Recovery, Problem> {
    let Lane {
        record,
        prepared,
        live,
        push,
        pushing,
        _locks,
    } = lane;
    drop(pushing);
    if let Some(push) = push {
        note_push(&record, push, plan, trouble)?;
    }
    let lived = runtime.block_on(live).map_err(broken)?;
    if let Err(problem) = &lived.done {
        record.note(format!("in the cluster: {}", problem.message));
    }
    if let Some(problem) = trouble
        .filter(|problem| !matches!(problem.kind, Kind::Remote | Kind::Rejected | Kind::Local))
    {
        // Somebody deployed the same service meanwhile, or the plan no longer fits: Git decides.
        return Err(give_way(runtime, &record, &prepared, problem));
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
        is_accepted: &|revision| keeper.accepts(revision),
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
    if let Some(why) = &prepared.unseen {
        missing.push(Missing::new(
            "cluster_unseen",
            format!("what production runs was not observed: {why}"),
        ));
    }
    let relapse = if missing.is_empty() && !setting.watch.is_zero() {
        runtime.block_on(watched(&record, &prepared, &target, setting))?
    } else {
        None
    };
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
    let released = bots.and(released);
    let recorded = record.change(|recovery| {
        recovery.standing = Standing::Failed;
        recovery.missing = vec![Missing::new(&problem.code, problem.message.clone())];
    });
    let problem = problem.clone();
    match released.and_then(|released| recorded.map(|()| released)) {
        Ok(released) if released.contains(&true) => {
            problem.hint("what was held is let go: Argo CD deploys what Git says")
        }
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
    let now = record.now();
    let recovery = record.change(|recovery| {
        recovery.standing = if relapse.is_some() {
            Standing::Relapsed
        } else if missing.is_empty() {
            Standing::Restored
        } else {
            Standing::Partial
        };
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
fn note_push(
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
            left = generate(record, prepared, setting.patience).await?;
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
        Err(problem) if problem.code == "no_ledger" => return Err(problem),
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
    let relapse = join_all(each)
        .await
        .into_iter()
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .flatten()
        .next();
    match &relapse {
        Some(relapse) => record.end(begun, StepState::Failed, relapse.clone())?,
        None => record.end(begun, StepState::Done, "it stayed so")?,
    }
    Ok(relapse)
}
