//! Holds: taken after they are recorded, let go when Git says the same, and found again after a crash.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use ripcord_connect::{Cluster, ConnectError, argocd, project};
use ripcord_domain::live::application::AppName;
use ripcord_domain::live::route::Hold;
use ripcord_domain::problem::{Kind, Problem};
use ripcord_domain::recovery::{HoldRecord, Recovery, RecoveryId, StepKind, StepState};
use ripcord_ledger::Ledger;

use crate::live::tell;
use crate::observe::Observed;
use crate::record::Record;

/// How long a comparison may take to begin, after which a mark is believed.
const COMPARED_WITHIN: Duration = Duration::from_secs(15);
/// How often it is looked.
const GLANCE: Duration = Duration::from_millis(20);
/// How long a cluster that does not answer is asked again, and how often.
const BACK_WITHIN: Duration = Duration::from_secs(30);
const AWAY: Duration = Duration::from_millis(500);
/// How often a write is tried that somebody else's write came before.
const TRIES: u32 = 20;
const TURNS: u32 = 400;

/// What a mark begins with.
pub(crate) const MARK: &str = "held by ripcord ";

/// What stands in the state of an operation that holds.
pub(crate) fn mark_of(id: &RecoveryId, until: Timestamp) -> String {
    format!("{MARK}{id} until {until}; `ripcord release {id}` lets go")
}

/// Whether the state of an operation is a mark.
fn is_mark(state: &serde_json::Value) -> bool {
    let message = state["message"].as_str();
    message.is_some_and(|message| message.starts_with(MARK))
}

/// Takes a hold; it is recorded first. What holds, or why nothing does.
///
/// One that a run before took for the same recovery is taken again, and replaced before it ends.
pub(crate) async fn hold(
    cluster: &Cluster,
    record: &Record,
    observed: &Observed,
    kind: Hold,
    minutes: i64,
) -> Result<Result<String, Problem>, Problem> {
    let now = record.now();
    let recovery = record.snapshot();
    let app = &observed.app.name;
    let known = holds_of(&recovery, app).last().cloned();
    let hold = match &known {
        Some(known) if known.kind == kind && lasts(known, now, minutes) => known.clone(),
        other => HoldRecord {
            kind,
            application: app.clone(),
            project: (kind == Hold::Window).then(|| observed.project.clone()),
            window: (kind == Hold::Window).then_some((now, minutes)),
            // What a mark of ours replaced is not what stands there now.
            replaced: other.as_ref().and_then(|known| known.replaced.clone()),
            owner: recovery.owner.clone(),
            taken: now,
            until: project::ends(now, minutes),
            released: None,
        },
    };
    let replaces = known.filter(|known| known.taken != hold.taken);
    let begun = record.start_with(StepKind::Hold, Some(app), "", |recovery| {
        if !recovery.holds.contains(&hold) {
            recovery.holds.push(hold.clone());
        }
    })?;
    let taken = take(cluster, record, &hold).await;
    match &taken {
        Ok(what) => {
            // What it replaces ends by itself soon, should this fail, and stands in the record till then.
            let gone = match &replaces {
                Some(before) => take_window_away(cluster, &recovery.id, before)
                    .await
                    .is_ok(),
                None => false,
            };
            record.end_with(begun, StepState::Done, what.clone(), |recovery| {
                let before = recovery.holds.iter_mut();
                for one in before.filter(|one| gone && Some(&**one) == replaces.as_ref()) {
                    one.released = Some(now);
                }
            })?;
            tell(cluster, record, app, "Held", what);
        }
        Err(problem) => {
            record.end(begun, StepState::Failed, problem.message.clone())?;
            // It may have been taken all the same; if that cannot be undone it stands in the record.
            let _ = release(cluster, record, app).await;
        }
    }
    Ok(taken)
}

/// Whether a hold that was taken before still has most of its time. A mark has no end of its own.
fn lasts(hold: &HoldRecord, now: Timestamp, minutes: i64) -> bool {
    let left = hold.until.duration_since(now).as_mins();
    hold.kind == Hold::State || left * 2 >= minutes
}

async fn take(cluster: &Cluster, record: &Record, hold: &HoldRecord) -> Result<String, Problem> {
    let id = record.id();
    let (app, until) = (&hold.application, hold.until);
    if let (Some(at), Some((from, minutes))) = (&hold.project, hold.window) {
        let window = project::hold(app, id.as_str(), from, minutes);
        in_turn(|| project::add(cluster, &at.namespace, &at.name, &window)).await?;
        return Ok(format!(
            "project {}: only people sync {} until {until}",
            at.name, app.name
        ));
    }
    let message = mark_of(&id, until);
    let mut is_known = hold.replaced.is_some();
    let started = Instant::now();
    // A comparison that was under way knows nothing of a mark, and a sync that it begins writes over it.
    while started.elapsed() < COMPARED_WITHIN {
        match argocd::mark(cluster, app, &message).await {
            Ok(replaced) => {
                // A run that was killed may have marked it already.
                let is_ours = is_mark(&replaced);
                if !is_known && !is_ours {
                    record.change_hold(app, |hold| hold.replaced = Some(replaced))?;
                }
                is_known = true;
            }
            Err(ConnectError::Conflict { .. }) => {
                tokio::time::sleep(GLANCE).await;
                continue;
            }
            Err(ConnectError::Unreachable { .. }) => {
                tokio::time::sleep(AWAY).await;
                continue;
            }
            Err(error) => return Err(error.into()),
        }
        let stands = loop {
            match argocd::application(cluster, app).await {
                Ok(seen) if !seen.refresh_is_asked => {
                    break seen.is_marked() && seen.operation.is_none();
                }
                Ok(_) | Err(ConnectError::Unreachable { .. }) => {}
                Err(error) => return Err(error.into()),
            }
            if started.elapsed() > COMPARED_WITHIN {
                break false;
            }
            tokio::time::sleep(GLANCE).await;
        };
        if stands {
            return Ok(format!(
                "{}: the last operation is marked as failed until {until}",
                app.name
            ));
        }
    }
    Err(Problem::new(
        Kind::Conflict,
        "not_held",
        format!("{app}: Argo CD kept writing over the mark that was to hold it"),
    ))
}

/// Writes again what somebody else's write came before, and what a cluster that is away for a moment did
/// not take.
pub(crate) async fn again<F>(write: impl FnMut() -> F) -> Result<(), ConnectError>
where
    F: Future<Output = Result<(), ConnectError>>,
{
    again_after(write, TRIES, || GLANCE).await
}

/// The same for what many write at once, as the windows of all Applications of one project: each gets its
/// turn, and they do not meet again and again.
async fn in_turn<F>(write: impl FnMut() -> F) -> Result<(), ConnectError>
where
    F: Future<Output = Result<(), ConnectError>>,
{
    again_after(write, TURNS, || GLANCE.mul_f64(0.5 + 2.0 * fastrand::f64())).await
}

async fn again_after<F>(
    mut write: impl FnMut() -> F,
    most: u32,
    pause: impl Fn() -> Duration,
) -> Result<(), ConnectError>
where
    F: Future<Output = Result<(), ConnectError>>,
{
    let started = Instant::now();
    let mut tries = 0;
    loop {
        match write().await {
            Err(ConnectError::Conflict { .. }) if tries < most => {
                tries += 1;
                tokio::time::sleep(pause()).await;
            }
            Err(ConnectError::Unreachable { .. }) if started.elapsed() < BACK_WITHIN => {
                tokio::time::sleep(AWAY).await;
            }
            done => return done,
        }
    }
}

/// Takes the window of a hold away, if it has one.
async fn take_window_away(
    cluster: &Cluster,
    id: &RecoveryId,
    hold: &HoldRecord,
) -> Result<(), ConnectError> {
    let (Some(at), Some((from, minutes))) = (&hold.project, hold.window) else {
        return Ok(());
    };
    let window = project::hold(&hold.application, id.as_str(), from, minutes);
    gone_is_fine(in_turn(|| project::remove(cluster, &at.namespace, &at.name, &window)).await)
}

/// Lets one hold go and asks for a comparison: without it nothing would happen for minutes.
pub(crate) async fn let_go(
    cluster: &Cluster,
    id: &RecoveryId,
    hold: &HoldRecord,
) -> Result<(), ConnectError> {
    let app = &hold.application;
    if hold.kind == Hold::State {
        let message = mark_of(id, hold.until);
        let seen = match argocd::application(cluster, app).await {
            Err(ConnectError::Missing { .. }) => return Ok(()),
            seen => seen?,
        };
        let state = seen.operation_state.as_ref();
        // An operation that was done since has ended it.
        if state.is_some_and(|state| state.message == message) {
            // A run that was killed right after the mark did not record what it replaced.
            let replaced = hold.replaced.as_ref();
            let unmark = || argocd::unmark(cluster, app, &message, replaced);
            return gone_is_fine(again(unmark).await);
        }
    } else {
        take_window_away(cluster, id, hold).await?;
    }
    gone_is_fine(again(|| argocd::refresh(cluster, app)).await)?;
    gone_is_fine(compare_after_the_window(cluster, app).await)
}

/// Asks for a second comparison where the first one may have been made before Argo CD saw that the window is
/// gone: it watches projects and Applications apart, and would sync nothing for minutes.
async fn compare_after_the_window(cluster: &Cluster, app: &AppName) -> Result<(), ConnectError> {
    let started = Instant::now();
    while started.elapsed() < COMPARED_WITHIN {
        match argocd::application(cluster, app).await {
            Ok(seen) if seen.sync == "Synced" || seen.operation.is_some() => return Ok(()),
            Ok(seen) if !seen.refresh_is_asked => {
                return again(|| argocd::refresh(cluster, app)).await;
            }
            Ok(_) => tokio::time::sleep(GLANCE).await,
            Err(ConnectError::Unreachable { .. }) => tokio::time::sleep(AWAY).await,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Lets the hold of an Application go and records it; whether one stood.
pub(crate) async fn release(
    cluster: &Cluster,
    record: &Record,
    app: &AppName,
) -> Result<bool, Problem> {
    let recovery = record.snapshot();
    let holds: Vec<HoldRecord> = holds_of(&recovery, app).cloned().collect();
    if holds.is_empty() {
        return Ok(false);
    }
    let begun = record.start(StepKind::Release, Some(app), "")?;
    // The last one is what is known of a mark.
    for hold in holds.iter().rev() {
        if let Err(error) = let_go(cluster, &recovery.id, hold).await {
            record.end(begun, StepState::Failed, error.to_string())?;
            return Err(error.into());
        }
        let now = record.now();
        record.change_hold(app, |hold| hold.released = Some(now))?;
    }
    record.end(begun, StepState::Done, "auto-sync is as it was")?;
    tell(cluster, record, app, "Released", "the hold was let go");
    Ok(true)
}

/// The holds of an Application that stand, the oldest first.
pub(crate) fn holds_of<'r>(
    recovery: &'r Recovery,
    app: &'r AppName,
) -> impl Iterator<Item = &'r HoldRecord> {
    let holds = recovery.standing_holds();
    holds.filter(move |hold| hold.application == *app)
}

pub(crate) fn gone_is_fine(done: Result<(), ConnectError>) -> Result<(), ConnectError> {
    match done {
        Err(ConnectError::Missing { .. }) => Ok(()),
        done => done,
    }
}

/// Lets every hold of a recovery go that stands, and records it. What was let go.
///
/// # Errors
/// The cluster does not answer or allow it: the hold stands, and ends by itself at its end.
pub async fn release_all(
    cluster: &Cluster,
    ledger: &Ledger,
    recovery: &mut Recovery,
    now: Timestamp,
) -> Result<Vec<AppName>, Problem> {
    let mut gone = Vec::new();
    let id = recovery.id.clone();
    for at in 0..recovery.holds.len() {
        if recovery.holds[at].released.is_some() {
            continue;
        }
        let_go(cluster, &id, &recovery.holds[at]).await?;
        recovery.holds[at].released = Some(now);
        gone.push(recovery.holds[at].application.clone());
        ledger.save(recovery)?;
    }
    Ok(gone)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn the_last_of_many_that_write_to_one_project_got_no_hold() {
        let before = Cell::new(0);
        let write = || {
            before.set(before.get() + 1);
            let is_free = before.get() > 60;
            async move {
                if is_free {
                    Ok(())
                } else {
                    let what = "a window".to_owned();
                    Err(ConnectError::Conflict { what })
                }
            }
        };
        assert!(in_turn(write).await.is_ok());
        before.set(0);
        assert!(again(write).await.is_err());
    }
}
