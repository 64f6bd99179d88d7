//! Recoveries: carried out, gone on with, shown, let go.

use std::sync::Arc;

use ripcord_connect::{Cluster, Which, is_configured};
use ripcord_domain::live::route::{Method, Wishes};
use ripcord_domain::plan::{Plan, SCHEMA};
use ripcord_domain::recovery::{Recovery, Standing};
use ripcord_domain::{Kind, Problem};
use ripcord_recovery::request::Request;
use ripcord_recovery::survey::Branch;
use ripcord_runbook::{Setting, Site, Wish, recover, release_all, release_bots};

use super::planning;
use crate::args::{ClusterArgs, Global, LiveArgs, MethodArg, PaceArgs, Planning, PushArgs};
use crate::moment;
use crate::render::recovery::{self as screen, Released};
use crate::render::{Output, human};
use crate::wiring::{self, Wanted};

/// Whether a rollback is carried out in a cluster too.
pub(super) fn is_live(planning: &Planning) -> bool {
    let live = &planning.live;
    // A branch for a pull request deploys nothing yet.
    !live.git_only
        && planning.push.push_to.is_none()
        && (live.pace.cluster.context.is_some()
            || live.pace.cluster.server.is_some()
            || is_configured())
}

/// `plan` and `rollback` where there is a cluster.
pub(super) fn rollback(
    opened: &Branch,
    request: Request,
    planning: &Planning,
    only_plan: bool,
    output: &mut Output,
) -> Result<(), Problem> {
    let live = &planning.live;
    let mut setting = setting(opened, live, &live.pace)?;
    if planning.quarantine.hold_bots {
        setting.bots_until = Some(planning::quarantined_until(&planning.quarantine)?);
    }
    setting.only_plans = only_plan;
    let site = site(which(&live.pace.cluster), !only_plan && output.stream())?;
    let shipping = planning::shipping(&planning.push);
    let mut shown = false;
    let mut progress = Output::progress();
    let mut planned: Option<(Plan, Recovery)> = None;
    let done = recover(
        opened,
        Wish::New(Box::new(request)),
        &shipping,
        &setting,
        site,
        &mut |plan, recovery| {
            if only_plan {
                planned = Some((plan.clone(), recovery.clone()));
                return Ok(false);
            }
            approve(plan, recovery, &planning.push, output, &mut shown)
        },
        &mut |event| progress(event),
    );
    if let Some((mut plan, recovery)) = planned {
        plan.cluster.clone_from(&recovery.parts);
        output.value(&plan, |screen| {
            human::plan(screen, &plan)?;
            screen::routes(screen, &recovery)
        });
        return Ok(());
    }
    finish(&done?, output)
}

fn approve(
    plan: &Plan,
    recovery: &Recovery,
    push: &PushArgs,
    output: &mut Output,
    shown: &mut bool,
) -> Result<bool, Problem> {
    if !push.yes && output.can_ask() {
        output.screen(|screen| screen::routes(screen, recovery));
    }
    planning::approve(plan, push, output, shown)
}

/// `resume`.
pub(super) fn resume(
    global: &Global,
    id: Option<&str>,
    pace: &PaceArgs,
    output: &mut Output,
) -> Result<(), Problem> {
    let ledger = wiring::ledger()?;
    let recovery = match id {
        Some(id) => ledger.load(id)?,
        None => ledger
            .unfinished()?
            .into_iter()
            .find(|one| !is_over(one))
            .ok_or_else(|| {
                Problem::new(
                    Kind::Nothing,
                    "nothing_to_resume",
                    "no recovery is unfinished",
                )
            })?,
    };
    if is_over(&recovery) {
        output.value(&recovery, |screen| screen::receipt(screen, &recovery));
        return Ok(());
    }
    let environment = recovery
        .services
        .first()
        .map(|one| one.environment.as_str().to_owned());
    let opened = wiring::open(global, Wanted::Environment(environment.as_deref()))?;
    let (mut which, known) = (which(&pace.cluster), which_of(&recovery));
    if which.context.is_none() && which.server.is_none() {
        (which.context, which.server) = (known.context, known.server);
    }
    which.namespace = which.namespace.or(known.namespace);
    let live = LiveArgs {
        // What was done by one of the parts alone is finished by all of them.
        method: MethodArg::Auto,
        git_only: false,
        replay_canary: recovery.replays_canary,
        run_hooks: recovery.runs_hooks,
        idempotency_key: None,
        pace: pace.clone(),
    };
    let mut setting = setting(&opened, &live, pace)?;
    setting.bots_until = recovery.bots_until;
    let site = site(which, output.stream())?;
    let push = PushArgs {
        push_to: None,
        dry_run: false,
        yes: true,
    };
    let mut progress = Output::progress();
    let done = recover(
        &opened,
        Wish::Resume(Box::new(recovery)),
        &planning::shipping(&push),
        &setting,
        site,
        &mut |_, _| Ok(true),
        &mut |event| progress(event),
    )?;
    finish(&done, output)
}

/// Whether nothing is left to be done for a recovery.
fn is_over(recovery: &Recovery) -> bool {
    matches!(recovery.standing, Standing::Restored | Standing::GaveWay)
        && recovery.standing_holds().next().is_none()
}

/// `recoveries`.
pub(super) fn list(limit: usize, output: &mut Output) -> Result<(), Problem> {
    let recoveries = wiring::ledger()?.list(limit)?;
    let now = moment::now();
    output.value(&recoveries, |screen| screen::list(screen, &recoveries, now));
    Ok(())
}

/// `show`.
pub(super) fn show(id: Option<&str>, output: &mut Output) -> Result<(), Problem> {
    let ledger = wiring::ledger()?;
    let recovery = match id {
        Some(id) => ledger.load(id)?,
        None => ledger.list(1)?.into_iter().next().ok_or_else(|| {
            Problem::new(
                Kind::Nothing,
                "no_recoveries",
                "this machine knows no recovery",
            )
        })?,
    };
    output.value(&recovery, |screen| screen::all(screen, &recovery));
    Ok(())
}

/// `release`.
pub(super) fn release(id: Option<&str>, output: &mut Output) -> Result<(), Problem> {
    let ledger = wiring::ledger()?;
    let recoveries = match id {
        Some(id) => vec![ledger.load(id)?],
        None => ledger.unfinished()?,
    };
    let runtime = ripcord_runbook::runtime()?;
    let mut released = Released {
        schema: SCHEMA,
        applications: Vec::new(),
        bots: Vec::new(),
    };
    for mut recovery in recoveries {
        if recovery.held() == 0 {
            continue;
        }
        // A run that is under way lets go by itself.
        let _locks = recovery
            .services
            .iter()
            .map(|one| ledger.lock(one.service.as_str(), one.environment.as_str()))
            .collect::<Result<Vec<_>, _>>()?;
        let which = which_of(&recovery);
        runtime.block_on(async {
            let cluster = Cluster::open(&which).await?;
            let now = moment::now();
            let gone = release_all(&cluster, &ledger, &mut recovery, now).await?;
            released.applications.extend(gone);
            let gone = release_bots(&cluster, &ledger, &mut recovery, now).await?;
            released.bots.extend(gone);
            Ok::<(), Problem>(())
        })?;
    }
    output.value(&released, |screen| screen::released(screen, &released));
    Ok(())
}

/// In minutes.
const LONGEST_HOLD: i64 = 24 * 60;

fn setting(opened: &Branch, live: &LiveArgs, pace: &PaceArgs) -> Result<Setting, Problem> {
    let now = moment::now();
    let who = opened
        .repo
        .identity(now.as_second())
        .map_err(ripcord_recovery::problems::from_repo)?;
    let hold = moment::duration("--hold-for", &pace.hold_for)?;
    let minutes = i64::try_from(hold.as_secs().div_ceil(60)).unwrap_or(i64::MAX);
    if !(1..=LONGEST_HOLD).contains(&minutes) {
        return Err(Problem::new(
            Kind::Usage,
            "bad_duration",
            "--hold-for: a hold stands between a minute and a day",
        ));
    }
    let patience = moment::duration("--wait", &pace.wait)?;
    // What is waited for under a hold must not outlast it.
    let waits = i64::try_from(patience.as_secs().div_ceil(60)).unwrap_or(LONGEST_HOLD);
    let minutes = minutes.max(waits.min(LONGEST_HOLD));
    Ok(Setting {
        wishes: Wishes {
            method: match live.method {
                MethodArg::Auto => Method::Auto,
                MethodArg::Git => Method::Git,
                MethodArg::Argocd => Method::Argocd,
                MethodArg::Undo => Method::Undo,
                MethodArg::Abort => Method::Abort,
            },
            replay_canary: live.replay_canary,
        },
        runs_hooks: live.run_hooks,
        patience,
        watch: moment::duration("--watch", &pace.watch)?,
        hold_minutes: minutes,
        bots_until: None,
        key: live.idempotency_key.clone(),
        owner: format!("{} <{}>", who.author.name, who.author.email),
        only_plans: false,
    })
}

/// How Argo CD is reached, as typed.
pub(super) fn which(cluster: &ClusterArgs) -> Which {
    Which {
        context: cluster.context.clone(),
        server: cluster.server.clone(),
        namespace: cluster.argocd_namespace.clone(),
    }
}

/// How Argo CD was reached by a recovery.
fn which_of(recovery: &Recovery) -> Which {
    let known = recovery.parts.first();
    Which {
        context: known.and_then(|part| part.context.clone()),
        server: known.and_then(|part| part.server.clone()),
        namespace: known.and_then(|part| part.argocd_namespace.clone()),
    }
}

fn site(which: Which, is_stream: bool) -> Result<Site, Problem> {
    Ok(Site {
        which,
        ledger: wiring::ledger()?,
        sink: Arc::new(move |event| {
            if is_stream {
                Output::line(event);
            } else if let Some(text) = screen::event(event) {
                Output::told(&text);
            }
        }),
        clock: moment::now,
    })
}

/// Prints the receipt; what is missing is the command's end.
fn finish(recovery: &Recovery, output: &mut Output) -> Result<(), Problem> {
    if output.is_data() {
        output.stream_ended();
    } else {
        output.screen(|screen| screen::receipt(screen, recovery));
    }
    let names: Vec<&str> = recovery
        .services
        .iter()
        .map(|one| one.service.as_str())
        .collect();
    match recovery.standing {
        Standing::Restored => Ok(()),
        Standing::Relapsed => Err(Problem::new(
            Kind::Relapsed,
            "relapsed",
            recovery
                .relapse
                .clone()
                .unwrap_or_else(|| "the bad version came back".to_owned()),
        )
        .hint(format!(
            "`ripcord history {0}` shows every deploy; `ripcord rollback {0}` puts it back again",
            names.join(","),
        ))),
        Standing::GaveWay => {
            Err(
                Problem::new(Kind::Conflict, "deployed_meanwhile", missing_of(recovery))
                    .hint("nothing is held any more: Argo CD deploys what Git says")
                    .hint(format!(
                        "`ripcord history {}` shows who and why",
                        names.join(",")
                    )),
            )
        }
        Standing::Partial | Standing::Running | Standing::Failed => {
            let mut problem = Problem::new(
                Kind::Unfinished,
                "unfinished",
                format!("half done; missing: {}", missing_of(recovery)),
            )
            .hint(format!("`ripcord resume {}` finishes it", recovery.id));
            if recovery
                .missing
                .iter()
                .any(|one| one.code == "push_rejected" || one.what.contains("was rejected"))
            {
                problem = problem.hint("have the same change merged (`--push-to BRANCH --git-only` pushes it for a pull request), then resume");
            }
            for hold in recovery.standing_holds() {
                problem = problem.hint(hold.let_go_by(&recovery.id));
            }
            Err(problem)
        }
    }
}

fn missing_of(recovery: &Recovery) -> String {
    let what: Vec<&str> = recovery
        .missing
        .iter()
        .map(|one| one.what.as_str())
        .collect();
    what.join("; ")
}
