//! A recovery that a run before this one began: whether it is the one that is asked for, whether it can be
//! gone on with, and what is taken over from it.

use jiff::Timestamp;
use ripcord_connect::{Cluster, Which};
use ripcord_domain::live::proof::Missing;
use ripcord_domain::plan::{Outcome, Plan, Pushed, Scope};
use ripcord_domain::problem::{Kind, Problem};
use ripcord_domain::recovery::{Part, Recovery, Standing, StepState};
use ripcord_ledger::{Ledger, Lock};
use ripcord_recovery::agreement::Agreement;
use ripcord_recovery::keep::{self, Descent};
use ripcord_recovery::request::{Request, Selection, To};
use ripcord_recovery::ship;
use ripcord_recovery::survey::Branch;
use tokio::runtime::Runtime;

use crate::bots::release_bots;
use crate::holds::release_all;
use crate::prepare::Prepared;
use crate::record::Clock;
use crate::recover::Wish;

/// The recovery that a run before this one was asked for in the same words and the same place, and did not
/// end. One that was only watched any more has done what was asked.
fn interrupted(
    branch: &Branch,
    ledger: &Ledger,
    which: &Which,
    request: &Request,
) -> Result<Option<Recovery>, Problem> {
    let unfinished = ledger.unfinished()?;
    Ok(unfinished.into_iter().find(|recovery| {
        recovery.standing == Standing::Running
            && recovery.durable().is_none()
            && is_of(branch, recovery)
            && is_in(which, recovery)
            && request_of(recovery).is_ok_and(|before| asked(&before) == asked(request))
    }))
}

/// What a request asks for, its words left aside.
fn asked(request: &Request) -> (Selection, Option<String>, Option<To>, Option<Scope>) {
    let Request {
        selection,
        environment,
        to,
        scope,
        ..
    } = request.clone();
    (selection, environment, to, scope)
}

/// Whether a recovery is of this repository and branch. A repository may be known by several addresses.
fn is_of(branch: &Branch, recovery: &Recovery) -> bool {
    let plan = &recovery.plan;
    let here = branch.repo.remote().to_string();
    plan.branch == branch.name && (plan.remote == here || keep::knows(branch, &plan.base))
}

/// Whether a recovery went to the same Argo CD; one that saw none may go to any.
fn is_in(which: &Which, recovery: &Recovery) -> bool {
    recovery.parts.first().is_none_or(|part| {
        (&part.context, &part.server, &part.argocd_namespace)
            == (&which.context, &which.server, &which.namespace)
    })
}

/// Refuses a key under which something else was asked for.
pub(crate) fn refuse_another(key: &str, known: &Recovery, wish: &Wish) -> Result<(), Problem> {
    let Wish::New(request) = wish else {
        return Ok(());
    };
    if asked(&request_of(known)?) == asked(request) {
        return Ok(());
    }
    Err(Problem::new(
        Kind::Usage,
        "key_of_another",
        format!(
            "the idempotency key `{key}` is that of {}, which was asked for something else",
            known.id
        ),
    )
    .hint(format!(
        "`ripcord show {}` says what; use another key",
        known.id
    )))
}

/// What is asked for; the recovery that is gone on with, if one is; and its plan, if its commit landed.
///
/// # Errors
/// It is of another repository; somebody deployed something else since, or brought back what it left.
pub(crate) fn choose(
    branch: &Branch,
    ledger: &Ledger,
    which: &Which,
    wish: Wish,
    runtime: &Runtime,
    (clock, only_plans): (Clock, bool),
) -> Result<(Request, Option<Recovery>, Option<Plan>), Problem> {
    match wish {
        Wish::New(request) => {
            let Some(before) = interrupted(branch, ledger, which, &request)? else {
                return Ok((*request, None, None));
            };
            let landed = plan_that_landed(branch, &before)?;
            let Some(since) = changed_since(branch, &before, landed.as_ref())? else {
                return Ok((request_of(&before)?, Some(before), landed));
            };
            // It is over; what is asked for now is about what runs now.
            if !only_plans {
                runtime.block_on(close(ledger, which, before, &since, clock()))?;
            }
            Ok((*request, None, None))
        }
        Wish::Resume(before) => {
            refuse_elsewhere(branch, which, &before)?;
            let landed = plan_that_landed(branch, &before)?;
            match changed_since(branch, &before, landed.as_ref())? {
                None => Ok((request_of(&before)?, Some(*before), landed)),
                Some(since) => {
                    let is_held = before.held() > 0;
                    let gone = runtime.block_on(close(ledger, which, *before, &since, clock()))?;
                    let problem = since.problem();
                    Err(if gone && is_held {
                        problem.hint(LET_GO)
                    } else {
                        problem
                    })
                }
            }
        }
    }
}

/// What follows when nothing is held any more.
pub(crate) const LET_GO: &str = "what was held is let go: Argo CD deploys what Git says";

fn refuse_elsewhere(branch: &Branch, which: &Which, recovery: &Recovery) -> Result<(), Problem> {
    if !is_in(which, recovery) {
        let part = recovery.parts.first();
        let of = |of: fn(&Part) -> &Option<String>| part.and_then(|part| of(part).as_deref());
        let there = of(|part| &part.server).map_or_else(
            || format!("--context {}", of(|part| &part.context).unwrap_or("…")),
            |server| format!("--server {server}"),
        );
        return Err(Problem::new(
            Kind::Usage,
            "other_cluster",
            format!(
                "{} is about another Argo CD than the one that is named here",
                recovery.id
            ),
        )
        .hint(format!("`ripcord resume {} {there}`", recovery.id)));
    }
    if is_of(branch, recovery) {
        return Ok(());
    }
    let Plan {
        remote,
        branch: name,
        ..
    } = &recovery.plan;
    Err(Problem::new(
        Kind::Usage,
        "other_repository",
        format!(
            "{} is of `{name}` in {remote}; here is `{}` in {}",
            recovery.id,
            branch.name,
            branch.repo.remote()
        ),
    )
    .hint(format!(
        "`--repo {remote} --branch {name}`, or a clone of it"
    )))
}

/// What became of Git since a recovery was interrupted.
pub(crate) enum Since {
    /// Somebody deployed something else.
    Deployed(Problem),
    /// Somebody brought back what was left.
    Back(Problem),
}

impl Since {
    fn problem(&self) -> Problem {
        let (Self::Deployed(problem) | Self::Back(problem)) = self;
        problem.clone()
    }
}

/// Whether Git was changed since for the services of a recovery, by somebody else. What cannot be asked is
/// taken for unchanged: it is asked again before anything is pushed.
fn changed_since(
    branch: &Branch,
    recovery: &Recovery,
    landed: Option<&Plan>,
) -> Result<Option<Since>, Problem> {
    let away = |problem: &Problem| problem.kind == Kind::Remote;
    let Some(commit) = landed.and_then(|plan| plan.pushed.as_ref()) else {
        return match ship::deployed_since(branch, &agreed(recovery)?) {
            Err(problem) if away(&problem) => Ok(None),
            since => Ok(since?.map(Since::Deployed)),
        };
    };
    let keeper = keep::Keeper::new(branch, &recovery.plan, Some(&commit.commit));
    let (tip, descent) = match keeper.tip() {
        Err(problem) if away(&problem) => return Ok(None),
        tip => tip?,
    };
    let names: Vec<&str> = recovery
        .services
        .iter()
        .map(|one| one.service.as_str())
        .collect();
    let names = names.join(",");
    let problem = |what: &str| {
        Problem::new(
            Kind::Conflict,
            ship::DEPLOYED_MEANWHILE,
            format!("{names}: {what} with commit {}", keep::told(branch, &tip)),
        )
        .hint(format!("`ripcord history {names}` shows who and why"))
    };
    Ok(match descent {
        Descent::Keeps | Descent::Elsewhere => None,
        Descent::Overtakes => Some(Since::Deployed(problem(
            "was deployed by somebody else since",
        ))),
        Descent::TakesBack => Some(Since::Back(
            problem("what was left is back since")
                .hint(format!("`ripcord rollback {names}` puts it back again")),
        )),
    })
}

/// Ends the record of a recovery that cannot be gone on with. Where something else was deployed nothing is
/// held any more; where the bad version is back in Git what holds goes on to. Whether it was let go.
async fn close(
    ledger: &Ledger,
    which: &Which,
    before: Recovery,
    since: &Since,
    now: Timestamp,
) -> Result<bool, Problem> {
    let _locks = locks(ledger, &before)?;
    // Read again under the lock: whoever had it may have gone on with it.
    let mut recovery = ledger.load(before.id.as_str())?;
    let what = since.problem().message;
    let lets_go = matches!(since, Since::Deployed(_));
    if lets_go && recovery.held() > 0 {
        let cluster = Cluster::open(which).await?;
        release_all(&cluster, ledger, &mut recovery, now).await?;
        release_bots(&cluster, ledger, &mut recovery, now).await?;
    }
    recovery.ended = Some(now);
    if lets_go {
        recovery.standing = Standing::GaveWay;
        recovery.missing = vec![Missing::new(ship::DEPLOYED_MEANWHILE, what)];
    } else {
        recovery.standing = Standing::Relapsed;
        recovery.relapse = Some(what);
    }
    ledger.save(&recovery)?;
    Ok(lets_go)
}

/// The locks of a recovery's services.
pub(crate) fn locks(ledger: &Ledger, recovery: &Recovery) -> Result<Vec<Lock>, Problem> {
    let services = recovery.services.iter();
    services
        .map(|one| Ok(ledger.lock(one.service.as_str(), one.environment.as_str())?))
        .collect()
}

/// What was agreed to before; nothing where an older ripcord did not write it down.
pub(crate) fn agreed(recovery: &Recovery) -> Result<Agreement, Problem> {
    if recovery.agreed.is_null() {
        return Ok(Agreement::default());
    }
    serde_json::from_value(recovery.agreed.clone()).map_err(|error| unreadable(recovery, &error))
}

/// What was asked for by a recovery that is gone on with.
fn request_of(recovery: &Recovery) -> Result<Request, Problem> {
    serde_json::from_value(recovery.request.clone()).map_err(|error| unreadable(recovery, &error))
}

fn unreadable(recovery: &Recovery, error: &serde_json::Error) -> Problem {
    Problem::new(
        Kind::Local,
        "unreadable_request",
        format!("what {} asked for cannot be read: {error}", recovery.id),
    )
}

/// The plan of a recovery whose commit is on the branch, whether that was recorded or not.
fn plan_that_landed(branch: &Branch, recovery: &Recovery) -> Result<Option<Plan>, Problem> {
    if recovery.commit().is_some() {
        return Ok(Some(recovery.plan.clone()));
    }
    let landed = match keep::landed(branch, recovery.id.as_str()) {
        // What the remote has is asked again when it is pushed.
        Err(problem) if problem.kind == Kind::Remote => None,
        landed => landed?,
    };
    Ok(landed.map(|commit| {
        let mut plan = recovery.plan.clone();
        plan.outcome = Outcome::Pushed;
        plan.pushed = Some(Pushed {
            commit,
            branch: plan.branch.clone(),
            attempts: 1,
        });
        plan
    }))
}

/// Goes on with what was recorded before.
pub(crate) fn go_on(recovery: &mut Recovery, before: Recovery) {
    recovery.key = before.key;
    recovery.started = before.started;
    recovery.request = before.request;
    if !before.agreed.is_null() {
        recovery.agreed = before.agreed;
    }
    let looked = std::mem::replace(&mut recovery.steps, before.steps);
    recovery.holds = before.holds;
    recovery.bots = before.bots;
    recovery.bots_until = recovery.bots_until.or(before.bots_until);
    recovery.evidence = before.evidence;
    // The bad pods that told may be gone by now.
    recovery.aim.ran.extend(before.aim.ran);
    recovery.aim.ran.sort();
    recovery.aim.ran.dedup();
    for step in &mut recovery.steps {
        if step.state == StepState::Running {
            // Whoever did it was killed; it is looked at anew.
            step.state = StepState::Failed;
            step.what = format!("{} (interrupted)", step.what);
        }
    }
    recovery.steps.extend(looked);
    for part in &mut recovery.parts {
        let known = before
            .parts
            .iter()
            .find(|known| known.application == part.application);
        if let Some(known) = known {
            part.good = known.good;
            part.found_at.clone_from(&known.found_at);
            part.found_with.clone_from(&known.found_with);
        }
    }
}

/// A Rollout that was to skip its steps still is: once the good version is on its way that cannot be seen.
pub(crate) fn promote_still(prepared: &mut Prepared, before: &Recovery) {
    for (_, observed, route) in &mut prepared.observed {
        let known = before
            .parts
            .iter()
            .find(|part| part.application == observed.app.name);
        for workload in known.iter().flat_map(|part| &part.route.promote) {
            if !route.promote.contains(workload) {
                route.promote.push(workload.clone());
            }
        }
    }
}
