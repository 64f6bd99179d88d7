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

/// What stands in the state of an operation that holds.
fn mark_of(id: &RecoveryId, until: Timestamp) -> String {
    format!("held by ripcord {id} until {until}; `ripcord release {id}` lets go")
}

/// Takes a hold; it is recorded first. What holds, or why nothing does.
pub(crate) async fn hold(
    cluster: &Cluster,
    record: &Record,
    observed: &Observed,
    kind: Hold,
    minutes: i64,
) -> Result<Result<String, Problem>, Problem> {
    let now = record.now();
    let recovery = record.snapshot();
    let until = project::ends(now, minutes);
    let app = &observed.app.name;
    let hold = HoldRecord {
        kind,
        application: app.clone(),
        project: (kind == Hold::Window).then(|| observed.project.clone()),
        window: (kind == Hold::Window).then_some((now, minutes)),
        replaced: None,
        owner: recovery.owner.clone(),
        taken: now,
        until,
        released: None,
    };
    let begun = record.start_with(StepKind::Hold, Some(app), "", |recovery| {
        recovery.holds.push(hold);
    })?;
    let taken = take(cluster, record, observed, kind, (now, minutes), until).await;
    match &taken {
        Ok(what) => {
            record.end(begun, StepState::Done, what.clone())?;
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

async fn take(
    cluster: &Cluster,
    record: &Record,
    observed: &Observed,
    kind: Hold,
    (now, minutes): (Timestamp, i64),
    until: Timestamp,
) -> Result<String, Problem> {
    let recovery = record.snapshot();
    let app = &observed.app.name;
    if kind == Hold::Window {
        let window = project::hold(app, recovery.id.as_str(), now, minutes);
        let at = &observed.project;
        again(|| project::add(cluster, &at.namespace, &at.name, &window)).await?;
        return Ok(format!(
            "project {}: only people sync {} until {until}",
            at.name, app.name
        ));
    }
    let message = mark_of(&recovery.id, until);
    let mut first = true;
    let started = Instant::now();
    // A comparison that was under way knows nothing of a mark, and a sync that it begins writes over it.
    while started.elapsed() < COMPARED_WITHIN {
        match argocd::mark(cluster, app, &message).await {
            Ok(replaced) => {
                if first {
                    first = false;
                    record.change_hold(app, |hold| hold.replaced = Some(replaced))?;
                }
            }
            Err(ConnectError::Conflict { .. }) => {
                tokio::time::sleep(GLANCE).await;
                continue;
            }
            Err(error) => return Err(error.into()),
        }
        let stands = loop {
            let seen = argocd::application(cluster, app).await?;
            if !seen.refresh_is_asked {
                break seen.is_marked() && seen.operation.is_none();
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
pub(crate) async fn again<F>(mut write: impl FnMut() -> F) -> Result<(), ConnectError>
where
    F: Future<Output = Result<(), ConnectError>>,
{
    let started = Instant::now();
    let mut tries = 0;
    loop {
        match write().await {
            Err(ConnectError::Conflict { .. }) if tries < TRIES => {
                tries += 1;
                tokio::time::sleep(GLANCE).await;
            }
            Err(ConnectError::Unreachable { .. }) if started.elapsed() < BACK_WITHIN => {
                tokio::time::sleep(AWAY).await;
            }
            done => return done,
        }
    }
}

/// Lets one hold go and asks for a comparison: without it nothing would happen for minutes.
pub(crate) async fn let_go(
    cluster: &Cluster,
    id: &RecoveryId,
    hold: &HoldRecord,
) -> Result<(), ConnectError> {
    let app = &hold.application;
    match (hold.kind, &hold.project, hold.window) {
        (Hold::Window, Some(at), Some((from, minutes))) => {
            let window = project::hold(app, id.as_str(), from, minutes);
            match again(|| project::remove(cluster, &at.namespace, &at.name, &window)).await {
                Err(ConnectError::Missing { .. }) => {}
                done => done?,
            }
            gone_is_fine(again(|| argocd::refresh(cluster, app)).await)
        }
        (Hold::State, _, _) => {
            let message = mark_of(id, hold.until);
            let nothing = serde_json::Value::Null;
            let replaced = hold.replaced.as_ref().unwrap_or(&nothing);
            if replaced.is_null() {
                // It was killed between the record and the mark, or right after: a comparison tells.
                return gone_is_fine(again(|| argocd::refresh(cluster, app)).await);
            }
            match argocd::unmark(cluster, app, &message, replaced).await {
                // An operation was done since: that ended it.
                Err(ConnectError::Conflict { .. }) => {
                    gone_is_fine(again(|| argocd::refresh(cluster, app)).await)
                }
                done => gone_is_fine(done),
            }
        }
        _ => Ok(()),
    }
}

/// Lets the hold of an Application go and records it; whether one stood.
pub(crate) async fn release(
    cluster: &Cluster,
    record: &Record,
    app: &AppName,
) -> Result<bool, Problem> {
    let recovery = record.snapshot();
    let Some(hold) = recovery
        .standing_holds()
        .find(|hold| hold.application == *app)
        .cloned()
    else {
        return Ok(false);
    };
    let begun = record.start(StepKind::Release, Some(app), "")?;
    if let Err(error) = let_go(cluster, &recovery.id, &hold).await {
        record.end(begun, StepState::Failed, error.to_string())?;
        return Err(error.into());
    }
    let now = record.now();
    record.change_hold(app, |hold| hold.released = Some(now))?;
    record.end(begun, StepState::Done, "auto-sync is as it was")?;
    tell(cluster, record, app, "Released", "the hold was let go");
    Ok(true)
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
