//! Every right that a recovery may need, and what is lost without each.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use ripcord_connect::access::{self, Permission};
use ripcord_connect::{Cluster, ConnectError};
use ripcord_domain::live::application::{AppName, Application};
use ripcord_domain::live::bot::{Bot, List};
use ripcord_domain::live::release::Release;
use ripcord_domain::live::workload::Kind;

use super::{Finding, Light, policy};
use crate::applications::SettingsFrom;
use crate::observe::{Clusters, workload_keys};

pub(super) const ARGO: &str = "argoproj.io";
const UPDATERS: &str = "argocd-image-updater.argoproj.io";
const FLUX: &str = "image.toolkit.fluxcd.io";

/// What is lost without a right to what a bot is told by.
pub(super) const NOT_HELD: &str = "`--hold-bots` cannot hold it back: exclude the tag in Git";

/// A right of the Kubernetes API.
struct Right {
    permission: Permission,
    light: Light,
    lost: &'static str,
}

fn right(
    verb: &'static str,
    (group, resource): (&'static str, &'static str),
    namespace: &str,
    light: Light,
    lost: &'static str,
) -> Right {
    let permission = Permission {
        verb,
        group,
        resource,
        namespace: namespace.to_owned(),
    };
    Right {
        permission,
        light,
        lost,
    }
}

/// What was asked, what it is to be, and what was answered.
pub(super) struct Asked {
    pub(super) what: String,
    pub(super) light: Light,
    pub(super) lost: &'static str,
    pub(super) answer: Result<bool, ConnectError>,
}

impl Right {
    async fn ask(self, cluster: &Cluster) -> Asked {
        Asked {
            what: spelled(&self.permission),
            light: self.light,
            lost: self.lost,
            answer: access::is_allowed(cluster, &self.permission).await,
        }
    }
}

/// A permission in words that a Role can be written from.
fn spelled(permission: &Permission) -> String {
    let Permission {
        verb,
        group,
        resource,
        namespace,
    } = permission;
    let dot = if group.is_empty() { "" } else { "." };
    let place = if namespace.is_empty() {
        "every namespace"
    } else {
        namespace
    };
    format!("{verb} {resource}{dot}{group} in {place}")
}

/// What is asked of Argo CD's objects. Projects lie in its own namespace.
fn of_argo_cd(apps: &str, own: &str, has_set: bool) -> Vec<Right> {
    let applications = (ARGO, "applications");
    let mut rights = vec![
        right(
            "get",
            applications,
            apps,
            Light::Red,
            "nothing that Argo CD does can be followed",
        ),
        right(
            "list",
            applications,
            apps,
            Light::Red,
            "the Applications of a service are not found",
        ),
        right(
            "patch",
            applications,
            apps,
            Light::Red,
            "Argo CD cannot be asked for a sync",
        ),
        right(
            "get",
            (ARGO, "appprojects"),
            own,
            Light::Amber,
            "windows are not seen, and none can hold",
        ),
        right(
            "patch",
            (ARGO, "appprojects"),
            own,
            Light::Amber,
            "no window can hold",
        ),
        right(
            "create",
            ("", "events"),
            apps,
            Light::Amber,
            "what was done does not stand at the Application",
        ),
    ];
    if has_set {
        let sets = (ARGO, "applicationsets");
        let in_steps = "it counts as if its set synced it in steps";
        rights.push(right("get", sets, apps, Light::Amber, in_steps));
        let not_found = "a version that a set generates from leads to no Application";
        rights.push(right("list", sets, apps, Light::Amber, not_found));
    }
    rights
}

fn resource(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Deployment => ("apps", "deployments"),
        Kind::StatefulSet => ("apps", "statefulsets"),
        Kind::DaemonSet => ("apps", "daemonsets"),
        Kind::Rollout => (ARGO, "rollouts"),
    }
}

/// What is asked of workloads of these kinds in a namespace; an empty one is all.
fn of_workloads(namespace: &str, kinds: &BTreeSet<Kind>, has_jobs: bool) -> Vec<Right> {
    let amber = |verb, what, lost| right(verb, what, namespace, Light::Amber, lost);
    let red = |verb, what, lost| right(verb, what, namespace, Light::Red, lost);
    let has = |some: [Kind; 2]| some.iter().any(|kind| kinds.contains(kind));
    let no_undo = "no undo: the cluster waits for the push and for Argo CD";
    let pods = ("", "pods");
    let mut rights = vec![red("list", pods, "nothing can be proven")];
    for kind in kinds {
        rights.push(red("get", resource(*kind), "what runs is not seen"));
        rights.push(amber("patch", resource(*kind), no_undo));
    }
    if has([Kind::Deployment, Kind::Rollout]) {
        rights.push(amber("list", ("apps", "replicasets"), no_undo));
    }
    if has([Kind::StatefulSet, Kind::DaemonSet]) {
        rights.push(amber("list", ("apps", "controllerrevisions"), no_undo));
        let by_hand = "pods that are waited for have to be deleted by hand";
        rights.push(amber("delete", pods, by_hand));
    }
    if kinds.contains(&Kind::Rollout) {
        let no_abort = "it can be neither aborted nor promoted";
        rights.push(amber("patch", (ARGO, "rollouts/status"), no_abort));
        let no_evidence = "what its AnalysisRuns said is not kept";
        rights.push(amber("list", (ARGO, "analysisruns"), no_evidence));
    }
    if has_jobs {
        let by_hand = "a Job that cannot be changed has to be deleted by hand";
        rights.push(amber("get", ("batch", "jobs"), by_hand));
        rights.push(amber("delete", ("batch", "jobs"), by_hand));
    }
    rights
}

/// Every permission that the recovery of an Application may need, in the cluster of Argo CD and in that of
/// the workloads. Only what it consists of is asked for.
pub(super) async fn of(
    clusters: &Clusters,
    app: &Application,
    settings_from: Option<&SettingsFrom>,
    policies: &[String],
    release: Option<Release>,
) -> Vec<Finding> {
    if clusters.argo.is_by_server() {
        return policy::of(&clusters.argo, app, release).await;
    }
    let mut in_argo = of_argo_cd(
        &app.name.namespace,
        clusters.argo.namespace(),
        app.application_set.is_some(),
    );
    if let Some(SettingsFrom::Set(set)) = settings_from {
        let sets = (ARGO, "applicationsets");
        let late = "the set is not told to look: it looks by itself, as often as it is set to";
        in_argo.push(right("patch", sets, &set.namespace, Light::Amber, late));
    }
    let of_policies: BTreeSet<&str> = policies
        .iter()
        .filter_map(|policy| Some(policy.split_once(':')?.0))
        .collect();
    in_argo.extend(of_policies.into_iter().map(|namespace| {
        let lost = "Flux writes versions here, and what would bring the bad one back is not seen";
        let policies = (FLUX, "imagepolicies");
        right("get", policies, namespace, Light::Amber, lost)
    }));
    let keys = workload_keys(app);
    let mut places: BTreeSet<&str> = keys.iter().map(|key| key.namespace.as_str()).collect();
    if places.is_empty() {
        places.insert(&app.destination.namespace);
    }
    let mut in_target = Vec::new();
    for place in places {
        let here = |namespace: &str| namespace == place;
        let kinds = keys.iter().filter(|key| here(&key.namespace));
        let kinds = kinds.filter_map(Kind::of).collect();
        let mut jobs = app.resources.iter().filter(|one| policy::is_job(one));
        let has_jobs = jobs.any(|job| here(&job.key.namespace));
        in_target.extend(of_workloads(place, &kinds, has_jobs));
    }
    let in_argo = in_argo.into_iter().map(|one| one.ask(&clusters.argo));
    let in_target = in_target.into_iter().map(|one| one.ask(&clusters.target));
    let (in_argo, in_target) =
        futures_util::future::join(join_all(in_argo), join_all(in_target)).await;
    let findings = judged(in_argo.into_iter().chain(in_target), "by a Role");
    owned(findings, &app.name)
}

/// What `--hold-bots` needs for bots that were found; those in an annotation are the Application's.
pub(super) async fn of_bots(cluster: &Cluster, bots: &[&Bot], app: &Application) -> Vec<Finding> {
    if cluster.is_by_server() {
        return policy::of_bots(cluster, bots, app).await;
    }
    let rights = bots.iter().filter(|bot| bot.beyond.is_none());
    let rights = rights.flat_map(|bot| {
        let what = match bot.list {
            List::Annotation { .. } => return Vec::new(),
            List::Ignored { .. } => (UPDATERS, "imageupdaters"),
            List::Excluded => (FLUX, "imagerepositories"),
        };
        let needed = |verb| right(verb, what, &bot.object.namespace, Light::Amber, NOT_HELD);
        vec![needed("get"), needed("patch")]
    });
    let asked = join_all(rights.map(|one| one.ask(cluster))).await;
    if asked.is_empty() {
        return Vec::new();
    }
    owned(judged(asked, "by a Role"), &app.name)
}

/// What can be asked without an Application: Argo CD's own objects, and workloads everywhere at once. To
/// have a right in some namespaces only is no fault.
pub(super) async fn everywhere(cluster: &Cluster, has_sets: bool) -> Vec<Finding> {
    let namespace = cluster.namespace();
    if cluster.is_by_server() {
        return vec![policy::everywhere(cluster).await];
    }
    let kinds = [
        Kind::Deployment,
        Kind::StatefulSet,
        Kind::DaemonSet,
        Kind::Rollout,
    ];
    let ask = |rights: Vec<Right>| join_all(rights.into_iter().map(|one| one.ask(cluster)));
    let (argo, workloads) = futures_util::future::join(
        ask(of_argo_cd(namespace, namespace, has_sets)),
        ask(of_workloads("", &BTreeSet::from(kinds), true)),
    )
    .await;
    let mut findings = judged(argo, "by a Role");
    findings.push(of_every_namespace(&workloads));
    findings
}

/// Whether all is allowed everywhere. Where it is not nobody knows yet whether that matters.
fn of_every_namespace(workloads: &[Asked]) -> Finding {
    let missing: Vec<String> = workloads
        .iter()
        .filter(|asked| !matches!(asked.answer, Ok(true)))
        .map(|asked| asked.what.replace(" in every namespace", ""))
        .collect();
    if missing.is_empty() {
        let count = workloads.len();
        let all = format!("all {count} permissions for workloads are there in every namespace");
        return Finding::green("permission", all);
    }
    Finding::amber(
        "permission",
        format!(
            "not in every namespace, but perhaps where a service is: {}",
            missing.join(", ")
        ),
        "`ripcord doctor SERVICE` asks where it is",
    )
}

/// One line where all is allowed, else one for each right that is not there.
pub(super) fn judged(answers: impl IntoIterator<Item = Asked>, where_to: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut count = 0;
    for asked in answers {
        count += 1;
        let what = asked.what;
        match asked.answer {
            Ok(true) => {}
            Ok(false) => {
                let said = format!("not allowed: {what}; without it {}", asked.lost);
                let mend = format!("grant `{what}` {where_to}");
                findings.push(Finding::to_mend("permission", asked.light, said, mend));
            }
            Err(error) => {
                let said = format!("not known: {what}: {error}");
                let mend = format!("look again, or see that `{what}` is granted {where_to}");
                findings.push(Finding::amber("permission", said, mend));
            }
        }
    }
    if findings.is_empty() {
        let all = format!("all {count} permissions are there");
        findings.push(Finding::green("permission", all));
    }
    findings
}

pub(super) fn owned(findings: Vec<Finding>, app: &AppName) -> Vec<Finding> {
    findings.into_iter().map(|one| one.of(app)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(rights: &[Right]) -> Vec<String> {
        rights.iter().map(|one| spelled(&one.permission)).collect()
    }

    #[test]
    fn only_what_an_application_consists_of_is_asked_for() {
        let of = |kinds: &[Kind], has_jobs| {
            names(&of_workloads(
                "pay",
                &kinds.iter().copied().collect(),
                has_jobs,
            ))
            .join("; ")
        };
        let deployment = of(&[Kind::Deployment], false);
        assert!(deployment.contains("list replicasets.apps in pay"));
        for foreign in ["rollouts", "controllerrevisions", "jobs", "delete"] {
            assert!(!deployment.contains(foreign), "{deployment}");
        }
        assert!(of(&[Kind::Rollout], false).contains("patch rollouts/status.argoproj.io"));
        assert!(of(&[Kind::StatefulSet], false).contains("delete pods in pay"));
        assert!(of(&[], true).contains("delete jobs.batch in pay"));
    }

    #[test]
    fn rights_that_nobody_answered_for_are_amber_and_say_what_to_do() {
        let asked = |answer| Asked {
            what: "patch deployments.apps in every namespace".into(),
            light: Light::Red,
            lost: "no undo",
            answer,
        };
        let away = || {
            Err(ConnectError::Unreachable {
                what: "a review of permissions".into(),
                why: "no answer".into(),
            })
        };
        let unknown = [
            judged([asked(away())], "by a Role").remove(0),
            of_every_namespace(&[asked(Ok(false))]),
        ];
        for finding in unknown {
            assert_eq!(finding.light, Light::Amber, "{finding:?}");
            assert!(finding.mend.is_some_and(|mend| !mend.is_empty()));
        }
        assert_eq!(of_every_namespace(&[asked(Ok(true))]).light, Light::Green);
    }

    #[test]
    fn each_right_that_is_missing_says_what_is_lost_and_all_together_are_one_line() {
        let asked = |answer| Asked {
            what: "patch deployments.apps in pay".into(),
            light: Light::Amber,
            lost: "no undo",
            answer,
        };
        let all = judged([asked(Ok(true)), asked(Ok(true))], "by a Role");
        assert_eq!((all.len(), all[0].light), (1, Light::Green));
        let some = judged([asked(Ok(true)), asked(Ok(false))], "by a Role");
        assert_eq!(some.len(), 1);
        assert!(some[0].what.ends_with("without it no undo"), "{some:?}");
    }
}
