//! What makes production good at once, before Git says so. All of it is temporary.

use std::time::{Duration, Instant};

use ripcord_connect::{Cluster, ConnectError, argocd, events, workloads};
use ripcord_domain::live::application::{AppName, Application, Operation, Source};
use ripcord_domain::live::route::{Hold, Live, Route, Windows};
use ripcord_domain::problem::{Kind, Problem};
use ripcord_domain::recovery::{RecoveryId, StepKind, StepState};
use serde_json::Value;

use crate::holds;
use crate::observe::{Clusters, Observed, good_revision};
use crate::record::Record;

/// How often it is looked.
pub(crate) const GLANCE: Duration = Duration::from_millis(25);
/// How long a sync may take to end when it is told to; a hook's pods have their grace.
const ENDS_WITHIN: Duration = Duration::from_secs(40);
/// After that long a sync that does not end is taken for stuck.
const STUCK_AFTER: Duration = Duration::from_secs(10);

/// After that long what was seen is looked at once more.
const STALE_AFTER_MS: i128 = 1000;

/// What Argo CD says of a sync that a window does not let begin.
const BLOCKED: &str = "blocked by sync window";

/// Goes the live way of one Application.
pub(crate) async fn go(
    clusters: &Clusters,
    record: &Record,
    observed: &Observed,
    route: &Route,
    hold_minutes: i64,
) -> Result<(), Problem> {
    let (app, aim) = (&observed.app.name, &observed.aim);
    let argo = &clusters.argo;
    if !route.live.is_empty() {
        keep_evidence(clusters, record, observed).await?;
    }
    for change in &route.live {
        if let Live::Abort { workload } = change {
            let begun = record.start(StepKind::Abort, Some(app), workload.to_string())?;
            let done = holds::again(|| workloads::abort(&clusters.target, workload)).await;
            ended(record, begun, done, &format!("{workload} is aborted"))?;
            tell(
                argo,
                record,
                app,
                "Aborted",
                &format!("{workload} was aborted"),
            );
        }
    }
    if route.terminate || began_meanwhile(argo, record, observed).await? {
        terminate(argo, record, app, None).await?;
    }
    let changes: Vec<&Live> = route
        .live
        .iter()
        .filter(|change| !matches!(change, Live::Abort { .. }))
        .collect();
    // What a run before took stands until Git says the same, also where nothing is left to be changed.
    let before = record.snapshot();
    let stands = holds::holds_of(&before, app).last();
    let hold = match route.hold {
        Hold::NotNeeded | Hold::Impossible => stands.map_or(Hold::NotNeeded, |hold| hold.kind),
        hold => hold,
    };
    if matches!(hold, Hold::Window | Hold::State) {
        let held = holds::hold(argo, record, observed, hold, hold_minutes).await?;
        if held.is_err() && !changes.is_empty() {
            // Without a hold nothing in the cluster may be changed: it would not last.
            record.note(format!(
                "{app} cannot be held, so the cluster waits for Git"
            ));
            return Ok(());
        }
    }
    for change in changes {
        match change {
            Live::Undo { workload, .. } => {
                let found = observed
                    .workloads
                    .iter()
                    .find(|watched| watched.seen.workload.key == *workload);
                let Some((watched, revision)) = found
                    .and_then(|watched| Some((watched, good_revision(aim, &watched.revisions)?)))
                else {
                    continue;
                };
                let what = format!("{workload} to its revision {}", revision.number);
                let begun = record.start(StepKind::Undo, Some(app), what.clone())?;
                let workload = &watched.seen.workload;
                let undo = || workloads::undo(&clusters.target, workload, revision);
                let done = holds::again(undo).await;
                ended(record, begun, done, &what)?;
                tell(argo, record, app, "Undone", &what);
            }
            Live::SyncOld { commit } => {
                let begun = record.start(StepKind::SyncOld, Some(app), commit.clone())?;
                let sync = argocd::Sync {
                    // What came since is not known to be of the bad version.
                    prunes: false,
                    ..sync_to(record, &observed.app, commit, &|_| true)
                };
                let done = holds::again(|| argocd::operate(argo, app, &sync)).await;
                ended(record, begun, done, &format!("Argo CD syncs {commit}"))?;
            }
            Live::Abort { .. } => {}
        }
    }
    Ok(())
}

/// Whether a sync began while a person was asked: one that runs when a window opens is caught in it. Right
/// after it was looked nothing is asked once more.
async fn began_meanwhile(
    argo: &Cluster,
    record: &Record,
    observed: &Observed,
) -> Result<bool, Problem> {
    let since = record.now().duration_since(observed.at);
    if since.as_millis() < STALE_AFTER_MS || observed.situation.windows == Windows::Closed {
        return Ok(false);
    }
    let seen = argocd::application(argo, &observed.app.name).await?;
    let state = seen.operation_state.as_ref();
    let runs = seen.operation.is_some() || state.is_some_and(|state| state.phase == "Running");
    Ok(runs && !is_ours(&seen, &record.id()))
}

/// Records how a step ended that is one write.
fn ended(
    record: &Record,
    begun: crate::record::Begun,
    done: Result<(), ConnectError>,
    what: &str,
) -> Result<(), Problem> {
    match done {
        Ok(()) => record.end(begun, StepState::Done, what),
        Err(error) => {
            record.end(begun, StepState::Failed, error.to_string())?;
            Err(error.into())
        }
    }
}

/// A sync of an Application to a commit, as every step asks for it.
pub(crate) fn sync_to(
    record: &Record,
    app: &Application,
    commit: &str,
    is_ours: &dyn Fn(&Source) -> bool,
) -> argocd::Sync {
    let recovery = record.snapshot();
    let words = [
        ("Reason", &recovery.reason),
        ("Incident", &recovery.incident),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)))
    .chain([("Requested by".to_owned(), recovery.owner.clone())])
    .collect();
    argocd::Sync {
        revisions: app.revisions_at(commit, is_ours),
        prunes: app.auto_sync.is_some_and(|auto| auto.prunes),
        runs_hooks: recovery.runs_hooks,
        options: app.sync_options.clone(),
        recovery: recovery.id.to_string(),
        words,
    }
}

/// Keeps what canaries said: what follows makes Argo Rollouts forget it.
async fn keep_evidence(
    clusters: &Clusters,
    record: &Record,
    observed: &Observed,
) -> Result<(), Problem> {
    let app = &observed.app.name;
    for watched in &observed.workloads {
        let workload = &watched.seen.workload;
        if workload.rollout.is_none() {
            continue;
        }
        let begun = record.start(StepKind::Evidence, Some(app), workload.key.to_string())?;
        let (runs, rollout) = tokio::join!(
            workloads::analysis_runs(&clusters.target, workload),
            clusters.target.object(&workload.key)
        );
        // A canary without analysis has none; who may not read them goes on all the same.
        match (runs, rollout) {
            (Ok(runs), Ok(rollout)) => {
                let count = runs.len();
                let runs: Vec<Value> = runs.into_iter().map(without_providers).collect();
                let kept = serde_json::json!({
                    "rollout": rollout["status"], "name": workload.key.name, "analysis_runs": runs,
                });
                record.change(|recovery| recovery.evidence.push(kept))?;
                record.end(
                    begun,
                    StepState::Done,
                    format!("{}: {count} AnalysisRun(s) kept", workload.key),
                )?;
            }
            (Err(error), _) | (_, Err(error)) => {
                record.end(begun, StepState::Failed, error.to_string())?;
            }
        }
    }
    Ok(())
}

/// An AnalysisRun without how its metrics are asked for: headers and addresses may hold secrets.
fn without_providers(mut run: Value) -> Value {
    let metrics = run["spec"]["metrics"].as_array_mut();
    for metric in metrics.into_iter().flatten() {
        if let Some(metric) = metric.as_object_mut() {
            metric.remove("provider");
        }
    }
    if let Some(metadata) = run["metadata"].as_object_mut() {
        metadata.remove("annotations");
        metadata.remove("managedFields");
    }
    run
}

/// Ends the sync that runs and waits for its end. One that was only just asked for can be ended a moment
/// later; one that ends by itself meanwhile is as good. Our own goes on, unless it is to another commit than
/// the one that shall be synced now.
pub(crate) async fn terminate(
    argo: &Cluster,
    record: &Record,
    app: &AppName,
    commit: Option<&str>,
) -> Result<(), Problem> {
    let begun = record.start(StepKind::Terminate, Some(app), "")?;
    let id = record.id();
    let started = Instant::now();
    let mut ending_since = None;
    let mut asked_since = None;
    let mut what = "nothing runs any more".to_owned();
    loop {
        let seen = match argocd::application(argo, app).await {
            Ok(seen) => seen,
            Err(ConnectError::Unreachable { .. }) if started.elapsed() < ENDS_WITHIN => {
                tokio::time::sleep(GLANCE).await;
                continue;
            }
            Err(error) => {
                record.end(begun, StepState::Failed, error.to_string())?;
                return Err(error.into());
            }
        };
        let phase = seen
            .operation_state
            .as_ref()
            .map_or("", |state| state.phase.as_str());
        let (runs, ends) = (phase == "Running", phase == "Terminating");
        if seen.operation.is_none() && !runs && !ends {
            break;
        }
        if is_ours(&seen, &id) && !commit.is_some_and(|commit| is_of_old(&seen, commit)) {
            "the sync is ours already".clone_into(&mut what);
            break;
        }
        if started.elapsed() > ENDS_WITHIN {
            record.end(begun, StepState::Failed, "the sync does not end")?;
            return Err(Problem::new(
                Kind::Conflict,
                "sync_does_not_end",
                format!("{app}: the sync that is under way does not end"),
            )
            .hint(format!(
                "`argocd app terminate-op {app}`; its hooks may have finalizers that nobody removes"
            )));
        }
        let since = ends.then(|| *ending_since.get_or_insert_with(Instant::now));
        // What waits in a window has begun nothing, and is never looked at again.
        let is_blocked = seen
            .operation_state
            .as_ref()
            .is_some_and(|state| state.message.contains(BLOCKED));
        let is_stuck = since.is_some_and(|since| is_blocked || since.elapsed() > STUCK_AFTER);
        let is_new = !runs && !ends;
        let asked = is_new.then(|| *asked_since.get_or_insert_with(Instant::now));
        // Whoever should begin it is not there: it is taken back before it is begun.
        let is_unseen = asked.is_some_and(|asked| asked.elapsed() > STUCK_AFTER);
        let write = if is_stuck {
            argocd::remove_terminating(argo, app).await
        } else if is_unseen {
            argocd::withdraw(argo, app).await
        } else if runs {
            argocd::terminate(argo, app).await
        } else {
            Ok(())
        };
        match write {
            Ok(()) | Err(ConnectError::Conflict { .. } | ConnectError::Unreachable { .. }) => {}
            Err(error) => {
                record.end(begun, StepState::Failed, error.to_string())?;
                return Err(error.into());
            }
        }
        tokio::time::sleep(GLANCE).await;
    }
    record.end(begun, StepState::Done, what)
}

/// Whether the sync that is asked for is the recovery's own, and not one of Argo CD's that was merged
/// into it: that has the id too.
pub(crate) fn is_ours(app: &Application, id: &RecoveryId) -> bool {
    app.operation.as_ref().is_some_and(|operation| {
        operation.recovery.as_deref() == Some(id.as_str()) && !operation.is_automated
    })
}

/// Says it where Kubernetes keeps events, beside what is done: nothing depends on it.
pub(crate) fn tell(argo: &Cluster, record: &Record, app: &AppName, reason: &str, message: &str) {
    let (argo, app) = (argo.clone(), app.clone());
    let (reason, message) = (reason.to_owned(), message.to_owned());
    let (id, now) = (record.id(), record.now());
    tokio::spawn(async move {
        let _ = events::say(&argo, &app, id.as_str(), &reason, &message, now).await;
    });
}

/// The recovery's own sync may be the one to the old commit.
pub(crate) fn is_of_old(app: &Application, commit: &str) -> bool {
    app.operation
        .as_ref()
        .is_some_and(|operation| is_to_another(operation, commit))
}

/// Whether an operation names commits, and not this one. By Argo CD's API it names the branch.
pub(crate) fn is_to_another(operation: &Operation, commit: &str) -> bool {
    let revisions = &operation.revisions;
    let is_id = |text: &String| text.len() >= 40 && text.bytes().all(|b| b.is_ascii_hexdigit());
    revisions.iter().any(is_id) && !revisions.iter().any(|revision| revision == commit)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_metrics_are_asked_with_went_into_the_record() {
        let run = json!({
            "metadata": {"name": "pay-1", "managedFields": [{}], "annotations": {"a": "b"}},
            "spec": {"metrics": [{
                "name": "errors",
                "provider": {"web": {"headers": [{"key": "Authorization", "value": "secret"}]}},
            }]},
            "status": {"phase": "Failed"},
        });
        let kept = without_providers(run);
        assert!(!kept.to_string().contains("secret"), "{kept}");
        assert_eq!(kept["spec"]["metrics"][0]["name"], "errors");
        assert_eq!(kept["status"]["phase"], "Failed");
    }
}
