//! Before the incident: what would stand in the way of a recovery, and how it is mended. Changes nothing.

use futures_util::future::{join, join_all};
use jiff::Timestamp;
use ripcord_connect::access::{self, Permission};
use ripcord_connect::{Cluster, ConnectError, Which, bots, destination};
use ripcord_domain::live::application::{AppName, Application};
use ripcord_domain::live::image::Aim;
use ripcord_domain::live::route::{self, Hold, Windows, Wishes};
use ripcord_domain::live::workload::Kind as WorkloadKind;
use ripcord_domain::plan::{Plan, SCHEMA};
use ripcord_domain::problem::{Kind, Problem};
use ripcord_domain::recovery::Recovery;
use ripcord_recovery::keep;
use ripcord_recovery::survey::Branch;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::observe::{Clusters, Observed, observe};
use crate::prepare::{aim_of, before_of, concerned, listed};

/// How bad a finding is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Light {
    /// As it should be.
    Green,
    /// A recovery works, but slower or with less.
    Amber,
    /// A recovery would stop here.
    Red,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// A stable word for programs, such as `push`.
    pub code: String,
    /// How bad it is.
    pub light: Light,
    /// Of which Application; none where it is of all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application: Option<AppName>,
    /// What was found.
    pub what: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

/// `ripcord doctor`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Diagnosis {
    /// The number of the JSON form.
    pub schema: u32,
    /// The worst of the findings.
    pub light: Light,
    /// Everything that was looked at.
    pub findings: Vec<Finding>,
}

impl Finding {
    fn new(code: &str, light: Light, what: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            light,
            application: None,
            what: what.into(),
            mend: None,
        }
    }

    fn green(code: &str, what: impl Into<String>) -> Self {
        Self::new(code, Light::Green, what)
    }

    fn amber(code: &str, what: impl Into<String>, mend: impl Into<String>) -> Self {
        let mut finding = Self::new(code, Light::Amber, what);
        finding.mend = Some(mend.into());
        finding
    }

    fn red(code: &str, what: impl Into<String>, mend: impl Into<String>) -> Self {
        let mut finding = Self::new(code, Light::Red, what);
        finding.mend = Some(mend.into());
        finding
    }

    fn of(mut self, app: &AppName) -> Self {
        self.application = Some(app.clone());
        self
    }
}

/// Looks at everything that a recovery of these services would meet.
///
/// # Errors
/// The threads for it cannot be started; what cannot be reached is a finding.
pub fn examine(
    branch: &Branch,
    plan: Result<&Plan, &Problem>,
    which: &Which,
    namespace: &str,
    unfinished: &[Recovery],
    now: Timestamp,
) -> Result<Diagnosis, Problem> {
    let runtime = crate::recover::runtime()?;
    let seen = runtime.spawn(listed(which.clone(), namespace.to_owned()));
    let mut findings = Vec::new();
    git(branch, plan, now, &mut findings);
    for recovery in unfinished {
        for hold in recovery.standing_holds() {
            findings.push(
                Finding::red(
                    "hold",
                    format!(
                        "recovery {} holds it until {}, since {} by {}",
                        recovery.id, hold.until, hold.taken, hold.owner
                    ),
                    format!(
                        "`ripcord resume {0}` finishes it, `ripcord release {0}` lets go",
                        recovery.id
                    ),
                )
                .of(&hold.application),
            );
        }
    }
    match runtime.block_on(seen) {
        Ok(Ok((cluster, apps))) => {
            findings.push(Finding::green(
                "cluster",
                format!("{}: {} Application(s)", cluster.address(), apps.len()),
            ));
            if let Ok(plan) = plan {
                runtime.block_on(applications(
                    branch,
                    plan,
                    &cluster,
                    apps,
                    now,
                    &mut findings,
                ));
            }
        }
        Ok(Err(problem)) => findings.push(Finding::red(
            "cluster",
            problem.message.clone(),
            problem.hints.first().cloned().unwrap_or_else(|| {
                "`--context NAME` names the cluster that Argo CD's objects are in".to_owned()
            }),
        )),
        Err(error) => {
            return Err(Problem::new(
                Kind::Internal,
                "broken_task",
                error.to_string(),
            ));
        }
    }
    let light = findings
        .iter()
        .map(|finding| finding.light)
        .max()
        .unwrap_or(Light::Green);
    Ok(Diagnosis {
        schema: SCHEMA,
        light,
        findings,
    })
}

/// Whether a commit can be made and pushed, as whom.
fn git(
    branch: &Branch,
    plan: Result<&Plan, &Problem>,
    now: Timestamp,
    findings: &mut Vec<Finding>,
) {
    match branch.repo.identity(now.as_second()) {
        Ok(who) => findings.push(Finding::green(
            "identity",
            format!("commits are by {} <{}>", who.author.name, who.author.email),
        )),
        Err(error) => findings.push(Finding::red(
            "identity",
            error.to_string(),
            "git config --global user.name 'Your Name' && git config --global user.email you@example.org",
        )),
    }
    match keep::may_push(branch) {
        Ok(()) => findings.push(Finding::green(
            "push",
            format!(
                "{} lets these credentials push; rules of the branch {} are not seen before a push",
                branch.repo.remote(),
                branch.name
            ),
        )),
        Err(problem) => findings.push(Finding::red(
            "push",
            problem.message.clone(),
            problem
                .hints
                .first()
                .cloned()
                .unwrap_or_else(|| "`git push --dry-run` shows why".to_owned()),
        )),
    }
    match plan {
        Ok(plan) => {
            for part in &plan.services {
                let name = format!("{} in {}", part.service, part.environment);
                match (&part.target, part.candidates.len()) {
                    (Some(target), _) => findings.push(Finding::green(
                        "target",
                        format!(
                            "{name} would go from {} to {}",
                            part.current.version, target.version
                        ),
                    )),
                    (None, 0) => findings.push(Finding::red(
                        "target",
                        format!("{name} has no earlier version to go back to"),
                        format!("`ripcord history {}` shows what is known", part.service),
                    )),
                    (None, _) => findings.push(Finding::amber(
                        "target",
                        format!(
                            "{name}: {}",
                            part.nothing_to_do.as_deref().unwrap_or("nothing to do")
                        ),
                        "`--again` goes one version further",
                    )),
                }
            }
        }
        Err(problem) => findings.push(Finding::red(
            "plan",
            problem.message.clone(),
            problem.hints.first().cloned().unwrap_or_default(),
        )),
    }
}

async fn applications(
    branch: &Branch,
    plan: &Plan,
    cluster: &Cluster,
    apps: Vec<Application>,
    now: Timestamp,
    findings: &mut Vec<Finding>,
) {
    let concerned = concerned(branch, plan, apps);
    if concerned.is_empty() {
        findings.push(Finding::red(
            "application",
            format!(
                "no Application of Argo CD deploys these services from {}",
                plan.remote
            ),
            "`--context NAME` names the cluster that Argo CD's objects are in",
        ));
        return;
    }
    let aim = aim_of(plan);
    for app in concerned {
        let name = app.name.clone();
        let target = match destination::of(cluster, &name.namespace, &app).await {
            Ok(target) => target,
            Err(error) => {
                findings.push(
                    Finding::red(
                        "destination",
                        error.to_string(),
                        "add a context with its address to the kubeconfig",
                    )
                    .of(&name),
                );
                continue;
            }
        };
        let clusters = Clusters {
            argo: cluster.clone(),
            target,
        };
        let (permissions, observed) = join(
            permissions(&clusters, &app),
            observe(&clusters, app.clone(), &aim, before_of(plan), None, now),
        )
        .await;
        findings.extend(permissions);
        match observed {
            Ok(observed) => application(&aim, &observed, findings),
            Err(problem) => findings.push(
                Finding::red(
                    "observe",
                    problem.message,
                    "a recovery must be able to read this",
                )
                .of(&name),
            ),
        }
        for bot in bots::of(cluster, &app).await {
            findings.push(
                Finding::amber(
                    "image_bot",
                    bot,
                    "it would bump the version again: exclude the bad one there (`ignoreTags`)",
                )
                .of(&name),
            );
        }
    }
}

/// Every permission that a recovery may need, in the cluster of Argo CD and in that of the workloads.
async fn permissions(clusters: &Clusters, app: &Application) -> Vec<Finding> {
    if clusters.argo.is_by_server() {
        return permissions_by_server(&clusters.argo, app).await;
    }
    let argo = (&clusters.argo, app.name.namespace.as_str());
    let target = (&clusters.target, app.destination.namespace.as_str());
    let asked = [
        ("patch", "argoproj.io", "applications", argo, Light::Red),
        ("patch", "argoproj.io", "appprojects", argo, Light::Amber),
        ("create", "", "events", argo, Light::Amber),
        ("list", "", "pods", target, Light::Red),
        ("delete", "", "pods", target, Light::Amber),
        ("list", "apps", "replicasets", target, Light::Amber),
        ("list", "apps", "controllerrevisions", target, Light::Amber),
        ("patch", "apps", "deployments", target, Light::Amber),
        ("patch", "apps", "statefulsets", target, Light::Amber),
        ("patch", "apps", "daemonsets", target, Light::Amber),
        ("patch", "argoproj.io", "rollouts", target, Light::Amber),
        (
            "patch",
            "argoproj.io",
            "rollouts/status",
            target,
            Light::Amber,
        ),
        ("list", "argoproj.io", "analysisruns", target, Light::Amber),
    ];
    let answers = join_all(asked.map(
        |(verb, group, resource, (cluster, namespace), light)| async move {
            let permission = Permission {
                verb,
                group,
                resource,
                namespace: namespace.to_owned(),
            };
            let answer = access::is_allowed(cluster, &permission).await;
            let dot = if group.is_empty() { "" } else { "." };
            let what = format!("{verb} {resource}{dot}{group} in {namespace}");
            (what, light, answer)
        },
    ))
    .await;
    judged(answers, app, "by a Role")
}

/// The same by the rules of Argo CD itself.
async fn permissions_by_server(argo: &Cluster, app: &Application) -> Vec<Finding> {
    let object = format!("{}/{}", app.project, app.name.name);
    let asked = [
        ("applications", "get", object.clone(), Light::Red),
        ("applications", "sync", object.clone(), Light::Red),
        ("applications", "update", object.clone(), Light::Amber),
        ("applications", "delete", object, Light::Amber),
        ("projects", "update", app.project.clone(), Light::Amber),
    ];
    let answers = join_all(asked.map(|(resource, action, object, light)| async move {
        let answer = access::is_allowed_by_argocd(argo, resource, action, &object).await;
        (format!("{resource}, {action}, {object}"), light, answer)
    }))
    .await;
    judged(answers, app, "in policy.csv of argocd-rbac-cm")
}

fn judged(
    answers: Vec<(String, Light, Result<bool, ConnectError>)>,
    app: &Application,
    where_to: &str,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let count = answers.len();
    for (what, light, answer) in answers {
        match answer {
            Ok(true) => {}
            Ok(false) => {
                let mut finding = Finding::new("permission", light, format!("not allowed: {what}"));
                finding.mend = Some(format!("grant `{what}` {where_to}"));
                findings.push(finding.of(&app.name));
            }
            Err(error) => findings
                .push(Finding::new("permission", Light::Amber, error.to_string()).of(&app.name)),
        }
    }
    if findings.is_empty() {
        findings.push(
            Finding::green("permission", format!("all {count} permissions are there"))
                .of(&app.name),
        );
    }
    findings
}

/// What the way would be, and what is in it.
fn application(aim: &Aim, observed: &Observed, findings: &mut Vec<Finding>) {
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
        if let Some(seconds) = workload_seconds(&watched.seen.pods) {
            add(Finding::green(
                "expected",
                format!(
                    "{}: its pods took {seconds:.1} s to be ready the last time",
                    workload.key
                ),
            ));
        }
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
