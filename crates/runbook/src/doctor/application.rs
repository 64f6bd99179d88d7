//! An Application before an incident: what a recovery would do with it, and how long that takes.

use ripcord_domain::live::application::Application;
use ripcord_domain::live::image::Aim;
use ripcord_domain::live::release::{Release, bugs, refreshes_retries};
use ripcord_domain::live::route::{self, Hold, Windows, Wishes};
use ripcord_domain::live::workload::Kind as WorkloadKind;

use super::Finding;
use crate::observe::{Observed, Watched};

/// What the way would be, and what is in it.
pub(super) fn application(
    aim: &Aim,
    observed: &Observed,
    release: Option<Release>,
    findings: &mut Vec<Finding>,
) {
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
    let hold = route::choose(Wishes::default(), &held(seen));
    match hold.hold {
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
                "nothing can hold it ({}): a recovery waits for the push and for Argo CD",
                seen.no_window.as_deref().unwrap_or_default()
            ),
            "allow `patch appprojects`",
        )),
        Hold::NotNeeded => add(Finding::green("hold", "nothing would put it back")),
    }
    if let Some(set) = &observed.app.application_set {
        add(Finding::green(
            "owner",
            format!("ApplicationSet {set} owns its settings; a recovery changes none"),
        ));
    }
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
    add_release(&observed.app, release, &mut add);
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
    if let Some(finding) = expected(&observed.workloads, hold.hold) {
        add(finding);
    }
}

/// The situation as it would be with a bad version that can be undone: so the hold shows.
fn held(seen: &route::Situation) -> route::Situation {
    let mut held = seen.clone();
    held.images_tell = true;
    for one in &mut held.workloads {
        one.runs = ripcord_domain::live::image::Verdict::Bad;
        one.good_revision = Some(1);
        one.is_paused = false;
        one.rollout = None;
    }
    held
}

/// What is known to go wrong in the release of Argo CD that is in use.
fn add_release(app: &Application, release: Option<Release>, add: &mut impl FnMut(Finding)) {
    let Some(release) = release else {
        add(Finding::green(
            "argocd",
            "the version of Argo CD is not seen from here",
        ));
        return;
    };
    add(Finding::green("argocd", format!("Argo CD {release}")));
    for bug in bugs(release, app) {
        add(Finding::amber(
            "argocd_bug",
            format!(
                "{} (https://github.com/argoproj/argo-cd/issues/{})",
                bug.what, bug.issue
            ),
            bug.mend,
        ));
    }
    let pins = app.auto_sync.is_some_and(|auto| !auto.refreshes_retries);
    if pins && refreshes_retries(release) {
        let mut finding = Finding::green(
            "retry",
            "a sync that fails is tried again with the same commit, also after a newer one; a recovery ends it",
        );
        finding.mend =
            Some("`retry: {refresh: true}` in its syncPolicy ends it without one".to_owned());
        add(finding);
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
