//! An Application before an incident: what a recovery would do with it, and how long that takes.

use ripcord_domain::live::application::Application;
use ripcord_domain::live::image::Verdict;
use ripcord_domain::live::route::{self, Hold, Live, Route, Windows, Wishes, WorkloadSeen};
use ripcord_domain::live::workload::Kind as WorkloadKind;

use super::Finding;
use crate::observe::{Observed, Watched};

/// What the way would be, and what is in it.
pub(super) fn application(observed: &Observed, findings: &mut Vec<Finding>) {
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
        let mut all = seen.workloads.iter();
        let one = all.find(|one| one.key == workload.key);
        if let Some(finding) = one.and_then(|one| history(one, watched)) {
            add(finding);
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
    let way = route::choose(Wishes::default(), seen);
    if let Some(finding) = expected(observed, &way) {
        add(finding);
    }
}

/// Why an undo of what runs the version would find no template to go to, if so.
fn history(seen: &WorkloadSeen, watched: &Watched) -> Option<Finding> {
    if seen.runs != Verdict::Bad || seen.good_revision.is_some() {
        return None;
    }
    let key = &seen.key;
    if let Some(why) = &watched.unread {
        let kept_by = match seen.kind {
            WorkloadKind::Deployment | WorkloadKind::Rollout => "replicasets",
            WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => "controllerrevisions",
        };
        return Some(Finding::amber(
            "history",
            format!(
                "{key}: its earlier templates cannot be read, so whether the good one is kept is not known: {why}"
            ),
            format!("grant `list {kept_by}.apps in {}` by a Role", key.namespace),
        ));
    }
    let others = watched.revisions.iter();
    let others = others.filter(|one| one.images != watched.seen.workload.images);
    Some(Finding::amber(
        "history",
        format!(
            "{key}: no template of the good version is kept, among {} earlier one(s)",
            others.count()
        ),
        "set `revisionHistoryLimit` to more than the deploys between two good versions, 3 at the least: an undo needs it",
    ))
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
fn expected(observed: &Observed, way: &Route) -> Option<Finding> {
    let is_to_go = |watched: &&Watched| {
        let images = &watched.seen.workload.images;
        let runs = observed.aim.of(images.iter().map(String::as_str));
        // Where no image tells, each of them may have to start anew.
        runs == Verdict::Bad || !observed.aim.tells()
    };
    let slowest = observed
        .workloads
        .iter()
        .filter(is_to_go)
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
    let syncs = way
        .live
        .iter()
        .any(|change| matches!(change, Live::SyncOld { .. }));
    let until = if way.live.is_empty() {
        "good some seconds after the push, when Argo CD has rendered it, and then"
    } else if syncs {
        "good when Argo CD has synced the commit before, and then"
    } else {
        "good"
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
    use super::super::Light;
    use super::super::scene::{observed, revision};
    use super::*;
    use crate::observe::good_revision;

    fn said(observed: &Observed) -> Vec<Finding> {
        let mut findings = Vec::new();
        application(observed, &mut findings);
        for finding in &findings {
            let is_mended = finding.mend.as_ref().is_some_and(|mend| !mend.is_empty());
            assert!(finding.light == Light::Green || is_mended, "{finding:?}");
        }
        findings
    }

    fn found<'f>(findings: &'f [Finding], code: &str) -> Option<&'f Finding> {
        findings.iter().find(|finding| finding.code == code)
    }

    /// With these earlier templates, as they are observed.
    fn with_templates(images: &[&str]) -> Observed {
        let mut seen = observed("acme/pay:v2");
        let revisions = images.iter().zip((1..=7).rev());
        let revisions = revisions.map(|(image, number)| revision(number, image));
        seen.workloads[0].revisions = revisions.collect();
        let good = good_revision(&seen.aim, &seen.workloads[0].revisions);
        seen.situation.workloads[0].good_revision = good.map(|one| one.number);
        seen
    }

    #[test]
    fn what_a_hydrator_makes_is_to_be_rolled_back_where_it_is_made_from() {
        let mut hydrated = observed("acme/pay:v2");
        assert_eq!(found(&said(&hydrated), "hydrator"), None);
        hydrated.app.is_hydrated = true;
        let findings = said(&hydrated);
        let finding = found(&findings, "hydrator").unwrap();
        assert_eq!(finding.light, Light::Red);
        let mend = finding.mend.as_deref().unwrap();
        assert!(mend.contains("the branch that is hydrated from"), "{mend}");
    }

    #[test]
    fn templates_that_may_not_be_read_are_not_said_to_be_none() {
        let mut forbidden = observed("acme/pay:v2");
        let why = Some("replicasets.apps is forbidden".to_owned());
        forbidden.workloads[0].unread.clone_from(&why);
        forbidden.situation.workloads[0].templates_unread = why;
        let findings = said(&forbidden);
        let history = found(&findings, "history").unwrap();
        assert_eq!(history.light, Light::Amber);
        assert!(
            history
                .what
                .contains("is not known: replicasets.apps is forbidden")
        );
        let mend = history.mend.as_deref().unwrap();
        assert!(mend.contains("list replicasets.apps in pay"), "{mend}");
    }

    #[test]
    fn another_template_than_the_good_one_is_no_way_back() {
        let findings = said(&with_templates(&["acme/pay:v2", "acme/pay:v0"]));
        let history = found(&findings, "history").unwrap();
        assert!(history.what.contains("no template of the good version"));
        assert!(history.what.contains("among 1 earlier"), "{history:?}");
        let kept = said(&with_templates(&["acme/pay:v2", "acme/pay:v1"]));
        assert_eq!(found(&kept, "history"), None);
        // What does not run the version has nothing to go back from.
        assert_eq!(found(&said(&observed("envoy:1.30")), "history"), None);
    }

    #[test]
    fn seconds_are_promised_only_for_what_an_undo_can_do() {
        let expects = |seen: &Observed| {
            let findings = said(seen);
            found(&findings, "expected").unwrap().what.clone()
        };
        let kept = with_templates(&["acme/pay:v2", "acme/pay:v1"]);
        assert!(expects(&kept).starts_with("good in about 2.3 s"));
        let mut none = with_templates(&["acme/pay:v2", "acme/pay:v0"]);
        assert!(expects(&none).starts_with("good some seconds after the push"));
        none.situation.good_commit = Some("0123456789abcdef".into());
        assert!(expects(&none).starts_with("good when Argo CD has synced"));
        assert_eq!(found(&said(&observed("envoy:1.30")), "expected"), None);
    }

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
