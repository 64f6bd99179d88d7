//! From the event to the commit on the infra repo's branch, as the forge and the branch show it.

use std::time::Instant;

use ripcord_domain::hotfix::payload::EVENT;
use ripcord_domain::problem::{Kind, Problem};
use ripcord_forge::{Dispatch, Dispatched, Repository, Run, RunState, Secret, Spot, Wait};
use ripcord_recovery::declared::declared;
use ripcord_recovery::deploy::landed;
use serde_json::{Map, Value};

use super::{GLANCE, Hop, SILENT, Ship, Way};
use crate::forges::{self, NO_FORGE};

/// Sends the event and follows it to its commit.
pub(super) fn send(ship: &Ship<'_>, way: &mut Way<'_, '_>) -> Result<(), Problem> {
    ship.payload.check()?;
    let repository = open(ship)?;
    let asked = Dispatch {
        event: EVENT.to_owned(),
        workflow: ship.workflow.to_owned(),
        branch: ship.branch.name.clone(),
        payload: properties(ship)?,
        trigger: ship.trigger.map(Secret::new),
    };
    let (sent, doubt) = match ship.runtime.block_on(repository.dispatch(&asked)) {
        Ok(sent) => {
            let run = sent.run.as_ref().and_then(|run| run.url.clone());
            way.reached(Hop::Dispatched, run.unwrap_or_default());
            (sent, None)
        }
        // Whether it was taken shows by its run and by its commit, and by nothing else.
        Err(problem) if problem.code == "dispatch_unclear" => (unseen(ship), Some(problem.message)),
        Err(problem) => return Err(problem),
    };
    to_commit(ship, &repository, &sent, doubt, way)
}

/// Follows an event that was sent before to its commit.
pub(super) fn resume(ship: &Ship<'_>, way: &mut Way<'_, '_>) -> Result<(), Problem> {
    if let Some(commit) = landed(ship.branch, ship.payload)? {
        way.committed(&commit);
        return Ok(());
    }
    let repository = match open(ship) {
        Ok(repository) => repository,
        // No forge carries it out: what is not there now does not come.
        Err(problem) if problem.code == NO_FORGE => {
            return Err(Problem::new(
                Kind::Nothing,
                "not_committed",
                format!(
                    "`{}` of {} has no commit of {}",
                    ship.branch.name,
                    ship.branch.repo.remote(),
                    ship.payload.correlation_id
                ),
            ));
        }
        Err(problem) => return Err(problem),
    };
    to_commit(ship, &repository, &unseen(ship), None, way)
}

fn open(ship: &Ship<'_>) -> Result<Repository, Problem> {
    let forge = ship.branch.newest()?.settings.config.forge;
    let who = forges::who(&ship.branch.repo, ship.token);
    let opened = forges::open(&ship.branch.repo, forge, who.as_ref());
    ship.runtime.block_on(opened)
}

fn unseen(ship: &Ship<'_>) -> Dispatched {
    Dispatched::unseen(&ship.payload.correlation_id, ship.workflow)
}

fn properties(ship: &Ship<'_>) -> Result<Map<String, Value>, Problem> {
    match serde_json::to_value(ship.payload) {
        Ok(Value::Object(properties)) => Ok(properties),
        Ok(_) | Err(_) => Err(Problem::new(
            Kind::Internal,
            "bad_payload",
            "a payload could not be written",
        )),
    }
}

/// Until the commit is there: that is what counts, whatever the run says of itself.
fn to_commit(
    ship: &Ship<'_>,
    repository: &Repository,
    sent: &Dispatched,
    doubt: Option<String>,
    way: &mut Way<'_, '_>,
) -> Result<(), Problem> {
    let mut why = doubt.unwrap_or_else(|| "the forge shows no run yet".to_owned());
    let mut ended: Option<Instant> = None;
    loop {
        match landed(ship.branch, ship.payload) {
            Ok(Some(commit)) => {
                way.committed(&commit);
                return Ok(());
            }
            Ok(None) => {}
            // A remote that does not answer now may a moment later.
            Err(problem) if problem.kind == Kind::Remote => why = problem.message,
            Err(problem) => return Err(problem),
        }
        match ship.runtime.block_on(repository.run_of(sent)) {
            Ok(None) if way.started.elapsed() > SILENT => {
                why = format!(
                    "the forge shows no run of it: `{}` must be on `{}`, and its run must name the correlation id",
                    ship.workflow, ship.branch.name
                );
            }
            Ok(None) => {}
            Ok(Some(run)) => {
                why = match stands(&run, way) {
                    Ok(why) => why,
                    // A step after the receiver's may have failed.
                    Err(failed) => match landed(ship.branch, ship.payload)? {
                        None => return Err(failed),
                        Some(commit) => {
                            way.committed(&commit);
                            return Ok(());
                        }
                    },
                };
                if run.state == RunState::Succeeded {
                    why = format!("{why}, and `{}` has no commit of it", ship.branch.name);
                    // What it had declared already needs no commit.
                    let since = *ended.get_or_insert_with(Instant::now);
                    if since.elapsed() > GLANCE * 3
                        && let Some(tip) = declared_already(ship)?
                    {
                        way.committed(&tip);
                        return Ok(());
                    }
                }
            }
            // The commit may be there all the same.
            Err(problem) => why = problem.message,
        }
        if way.is_over(ship.wait) {
            return Err(way.stands_still(Hop::Committed, &why));
        }
        std::thread::sleep(GLANCE);
    }
}

/// How a run stands, in words; it has failed where that is an error.
fn stands(run: &Run, way: &mut Way<'_, '_>) -> Result<String, Problem> {
    let at = match &run.run.url {
        Some(url) => url.clone(),
        None => format!("run {}", run.run.id),
    };
    way.reached(Hop::Dispatched, at.clone());
    match &run.state {
        RunState::Waiting { why } => Ok(match why {
            Some(Wait::Runner { job, labels }) => format!(
                "{at} waits: no runner with the labels {} takes its job `{job}`",
                labels.join(", ")
            ),
            Some(Wait::Approval { of: Some(of) }) => {
                format!("{at} waits: somebody has to approve it for `{of}`")
            }
            Some(Wait::Approval { of: None }) => format!("{at} waits: somebody has to approve it"),
            Some(Wait::Turn) => format!("{at} waits for another run that goes first"),
            None => format!("{at} waits ({})", run.words),
        }),
        RunState::Running { at: spot } => {
            way.reached(Hop::Running, at.clone());
            Ok(format!(
                "{at} runs{}",
                spot.as_ref().map_or_else(String::new, place)
            ))
        }
        RunState::Succeeded => {
            way.reached(Hop::Running, at.clone());
            Ok(format!("{at} succeeded"))
        }
        RunState::Failed { at: spot } => {
            let place = spot.as_ref().map_or_else(String::new, place);
            Err(failed(&format!("{at} ended{place} with {}", run.words)))
        }
        RunState::Cancelled => Err(failed(&format!("{at} was cancelled"))),
    }
}

fn failed(what: &str) -> Problem {
    Problem::new(
        Kind::Rejected,
        "receiver_failed",
        format!("the receiver's run {what}; the branch has no commit of it"),
    )
    .hint("its log says what was refused")
    .hint("`ripcord hotfix ship --direct` commits without the forge's runners")
}

fn place(spot: &Spot) -> String {
    match &spot.step {
        Some(step) => format!(" in `{}`, at `{step}`", spot.job),
        None => format!(" in `{}`", spot.job),
    }
}

/// The tip, where the environment declares the image there already.
fn declared_already(ship: &Ship<'_>) -> Result<Option<String>, Problem> {
    let now = declared(
        ship.branch,
        &ship.payload.service,
        Some(&ship.payload.environment),
    )?;
    let version = now
        .plan
        .services
        .first()
        .map(|part| part.current.version.as_str());
    let is_it = version.is_some_and(|version| {
        version == ship.payload.tag || version.contains(&ship.payload.digest)
    });
    Ok(is_it.then(|| now.plan.base.clone()))
}
