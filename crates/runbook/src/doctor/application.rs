//! An Application before an incident: what a recovery would do with it, and how long that takes.

use ripcord_domain::live::application::Application;
use ripcord_domain::live::image::Aim;
use ripcord_domain::live::route::{self, Hold, Windows};
use ripcord_domain::live::workload::Kind as WorkloadKind;

use super::Finding;
use crate::observe::{Observed, Watched};

/// What the way would be, and what is in it.
pub(super) fn application(aim: &Aim, observed: &Observed, findings: &mut Vec<Finding>) {
    let name = &observed.app.name;
    let seen = &observed.situation;
    let mut add = |finding: Finding| findings.push(finding.of(name));
    if seen.is_busy {
        add(Finding::amber(
            "operation",
            "a sync is under way",
            "a recovery ends it first",
        ));
    }
    match seen.windows {
        Windows::Open => {}
        Windows::OnlyManual => add(Finding::green(
            "windows",
            "a window denies auto-sync now and lets people sync",
        )),
        Windows::Closed => add(Finding::red(
            "windows",
            "a window denies every sync now",
            format!(
                "set `manualSync: true` on the window of project {}",
                observed.project.name
            ),
        )),
    }
    let hold = route::hold(seen);
    match hold {
        Hold::Window => add(Finding::green(
            "hold",
            format!("a window of project {} can hold it", observed.project.name),
        )),
        Hold::State => add(Finding::amber(
            "hold",
            format!(
                "only the state of its last operation can hold it: {}",
                seen.no_window.as_deref().unwrap_or_default()
            ),
            "allow `patch appprojects`, or keep the project's syncWindows out of Git",
        )),
        Hold::Impossible => add(Finding::amber(
            "hold",
            format!(
                "nothing can hold it ({}; {}): a recovery waits for the push and for Argo CD",
                seen.no_window.as_deref().unwrap_or("no window"),
                seen.no_state_hold.as_deref().unwrap_or("no mark"),
            ),
            "allow `patch appprojects`",
        )),
        Hold::NotNeeded => add(Finding::green("hold", "nothing would put it back")),
    }
    add(Finding::green("owner", owner(&observed.app)));
    if observed.app.is_hydrated {
        add(Finding::red(
            "hydrator",
            "its manifests are made from another branch by the source hydrator",
            "roll back in the branch that is hydrated from",
        ));
    }
    for condition in &observed.app.conditions {
        add(Finding::amber(
            "condition",
            condition.clone(),
            "Argo CD cannot compare it until this is mended",
        ));
    }
    for watched in &observed.workloads {
        let workload = &watched.seen.workload;
        let older = watched
            .revisions
            .iter()
            .filter(|revision| revision.images != workload.images)
            .count();
        if older == 0 && aim.tells() {
            add(Finding::amber(
                "history",
                format!("{}: no earlier template is kept", workload.key),
                "set `revisionHistoryLimit` to 3 or more: an undo needs it",
            ));
        }
        if workload.is_paused && workload.kind == WorkloadKind::Deployment {
            add(Finding::red(
                "paused",
                format!("{}: somebody paused it", workload.key),
                format!("kubectl rollout resume deployment/{}", workload.key.name),
            ));
        }
        if let Some(rollout) = &workload.rollout {
            if rollout.rollback_window.is_none() {
                add(Finding::amber(
                    "rollback_window",
                    format!(
                        "{}: without a rollbackWindow the good version would run its steps; a recovery promotes it",
                        workload.key
                    ),
                    "set `spec.rollbackWindow.revisions: 3`",
                ));
            }
            if rollout.is_under_way() {
                add(Finding::green(
                    "rollout",
                    format!(
                        "{}: a version is under way ({})",
                        workload.key, rollout.phase
                    ),
                ));
            }
        }
    }
    if let Some(finding) = expected(&observed.workloads, hold) {
        add(finding);
    }
}

/// Whose the settings are, auto-sync among them: whoever changes them by hand is put back by the owner.
fn owner(app: &Application) -> String {
    let auto_sync = match app.auto_sync {
        Some(auto) if auto.self_heals => "auto-sync with self-heal is on",
        Some(_) => "auto-sync without self-heal is on",
        None => "auto-sync is off",
    };
    let by_set = app
        .application_set
        .as_ref()
        .map(|set| format!("ApplicationSet {set}"));
    match by_set.as_ref().or(app.managed_by.as_ref()) {
        Some(owner) => {
            format!("{auto_sync}; {owner} owns its settings, and a recovery changes none")
        }
        None => format!("{auto_sync}; nothing puts its settings back, and a recovery changes none"),
    }
}

/// What the hold, the undo and everything that is asked before take together, in seconds: measured on the
/// testbed, see docs/benchmarks.md.
const OWN: f64 = 0.3;

/// How long it takes until all pods are good: what is done before, and pods in one go, or in as many as
/// there are when all of them are bad.
fn expected(workloads: &[Watched], hold: Hold) -> Option<Finding> {
    let slowest = workloads
        .iter()
        .filter_map(|watched| {
            let workload = &watched.seen.workload;
            let seconds = workload_seconds(&watched.seen.pods)?;
            let goes = workload.replacement.goes(workload.wanted);
            Some((
                seconds,
                seconds * f64::from(u32::try_from(goes).unwrap_or(u32::MAX)),
            ))
        })
        .max_by(|one, other| one.1.total_cmp(&other.1))?;
    let (fastest, all) = (OWN + slowest.0, OWN + slowest.1);
    let pods = format!("its pods took {:.1} s to be ready the last time", slowest.0);
    let until = match hold {
        Hold::Impossible => {
            "good some seconds after the push, when Argo CD has rendered it, and then".to_owned()
        }
        _ => "good".to_owned(),
    };
    let span = if all - fastest < 0.1 {
        format!("{fastest:.1} s")
    } else {
        format!("{fastest:.1} to {all:.1} s")
    };
    Some(Finding::green(
        "expected",
        format!("{until} in about {span}: {pods}"),
    ))
}

/// How long the pods that are ready took for that: the median.
fn workload_seconds(pods: &[ripcord_domain::live::workload::Pod]) -> Option<f64> {
    let mut took: Vec<f64> = pods
        .iter()
        .filter_map(|pod| {
            let ready = pod.ready_since?;
            let made = pod.made?;
            Some(ready.duration_since(made).as_secs_f64())
        })
        .filter(|seconds| *seconds >= 0.0)
        .collect();
    took.sort_by(f64::total_cmp);
    took.get(took.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_those_of_the_set_or_the_parent_that_puts_them_back() {
        let mut app = Application::default();
        assert!(owner(&app).contains("auto-sync is off; nothing puts"));
        app.managed_by = Some("Argo CD (parent)".into());
        assert!(owner(&app).contains("Argo CD (parent) owns its settings"));
        // What an ApplicationSet makes carries marks of others too.
        app.application_set = Some("all".into());
        assert!(owner(&app).contains("ApplicationSet all owns"));
    }
}
