//! The cluster before an incident: Argo CD's release, and each Application that a recovery would touch.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use futures_util::future::{join, join_all, join3};
use jiff::Timestamp;
use ripcord_connect::bots::{self, Roster};
use ripcord_connect::{Cluster, argocd, destination, project};
use ripcord_domain::live::application::{AppName, Application};
use ripcord_domain::live::release::Release;
use ripcord_domain::plan::Plan;
use ripcord_domain::problem::Problem;
use ripcord_registry::Registries;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_blocking};

use super::deadline::Deadline;
use super::git::Read;
use super::{About, Finding, application, foreign_holds, images, permissions, release};
use crate::applications::{Concerned, Listed, concerned};
use crate::bots::{Bumper, of_aim, unseen};
use crate::held;
use crate::observe::{Clusters, Known, Observed, observe};
use crate::recover::broken;

const NAMES_IT: &str = "`--context NAME` names the cluster that Argo CD's objects are in";

/// What the Applications are looked at with.
struct Look<'a> {
    plan: &'a Plan,
    cluster: &'a Cluster,
    release: Option<Release>,
    /// None where the bots were not listed in time.
    roster: Option<Roster>,
    registries: Registries,
    may_mark: bool,
    about: &'a About<'a>,
    now: Timestamp,
    deadline: Deadline,
}

/// Everything about the Applications that a recovery would touch; without a service, or where there can be
/// no rollback of it, about the place.
pub(super) async fn look(
    about: &About<'_>,
    listed: JoinHandle<Result<Listed, Problem>>,
    read: oneshot::Receiver<Rc<Read>>,
    deadline: Deadline,
) -> Result<Vec<Finding>, Problem> {
    let listed = deadline.waits_for("cluster", "Argo CD's objects", listed);
    let listed = match listed.await {
        Ok(listed) => listed.map_err(broken)?,
        Err(late) => return Ok(vec![late]),
    };
    let Listed {
        cluster,
        apps,
        sets,
    } = match listed {
        Ok(listed) => listed,
        Err(problem) => return Ok(vec![Finding::of_problem("cluster", &problem, NAMES_IT)]),
    };
    let mut findings = vec![Finding::green(
        "cluster",
        format!("{}: {} Application(s)", cluster.address(), apps.len()),
    )];
    if about.request.is_none() {
        findings.extend(place(about, &cluster, &apps, deadline).await);
        return Ok(findings);
    }
    let Some(read) = deadline.in_good_time(read).await else {
        findings.push(Finding::amber(
            "application",
            "the Applications of the service were not looked at: Git took too long",
            "look again; `ripcord status` reads a long history once and keeps it",
        ));
        findings.extend(place(about, &cluster, &apps, deadline).await);
        return Ok(findings);
    };
    // Where it could not be read that is told already.
    let read = read.ok();
    let planned = read.as_deref().and_then(|read| match &read.plan {
        Some(Ok(plan)) => Some((read, plan)),
        _ => None,
    });
    let Some((read, plan)) = planned else {
        findings.extend(place(about, &cluster, &apps, deadline).await);
        return Ok(findings);
    };
    let (branch, planned) = (read.branch.handle(), plan.clone());
    let found = spawn_blocking(move || concerned(&branch, &planned, &apps, &sets));
    let what = "which Applications the service has";
    findings.extend(match deadline.waits_for("application", what, found).await {
        Ok(found) => match found.map_err(broken)? {
            Ok(concerned) => service(read, plan, about, &cluster, concerned, deadline).await,
            Err(problem) => {
                let otherwise = "the Applications have to tell what they are made from";
                vec![Finding::of_problem("application", &problem, otherwise)]
            }
        },
        Err(late) => vec![late],
    });
    Ok(findings)
}

/// Which release Argo CD is of.
async fn release_of(cluster: &Cluster, deadline: Deadline) -> (Option<Release>, Finding) {
    let asked = argocd::version(cluster);
    match deadline
        .waits_for("argocd", "the version of Argo CD", asked)
        .await
    {
        Ok(version) => {
            let release = version.as_deref().and_then(Release::parse);
            (release, release::named(release, cluster.namespace()))
        }
        Err(late) => (None, late),
    }
}

/// What can be said without a service.
async fn place(
    about: &About<'_>,
    cluster: &Cluster,
    apps: &[Application],
    deadline: Deadline,
) -> Vec<Finding> {
    let has_sets = apps.iter().any(|app| app.application_set.is_some());
    let rights = permissions::everywhere(cluster, has_sets);
    let (rights, (release, named), holds) = join3(
        deadline.waits_for("permission", "the permissions", rights),
        release_of(cluster, deadline),
        deadline.waits_for(
            "foreign_hold",
            "holds of other machines",
            held_by_others(about, cluster, apps),
        ),
    )
    .await;
    let mut findings = vec![named];
    findings.extend(release::of_all(apps, release));
    findings.extend(rights.unwrap_or_else(|late| vec![late]));
    findings.extend(holds.unwrap_or_else(|late| vec![late]));
    if about.request.is_none() {
        findings.push(Finding::green(
            "service",
            "`ripcord doctor SERVICE` says more: its rights, windows, holds, history, images, bots, how long it takes",
        ));
    }
    findings
}

/// Holds on any Application that this machine's record does not know.
async fn held_by_others(
    about: &About<'_>,
    cluster: &Cluster,
    apps: &[Application],
) -> Vec<Finding> {
    let names: BTreeSet<&str> = apps.iter().map(|app| app.project.as_str()).collect();
    let each = names.into_iter().map(|name| async move {
        let seen = project::project(cluster, cluster.namespace(), name).await;
        (name, seen)
    });
    let projects: BTreeMap<&str, _> = join_all(each).await.into_iter().collect();
    let mut holds = Vec::new();
    for app in apps {
        if let Some(Ok(project)) = projects.get(app.project.as_str()) {
            let windows = project.windows.as_deref().unwrap_or_default();
            let held = held::by_windows(app, &app.project, windows, about.now);
            holds.extend(held);
        }
        holds.extend(held::by_mark(app));
    }
    let mut findings = foreign_holds(&holds, about);
    for (name, seen) in projects {
        if let Err(error) = seen {
            findings.push(Finding::amber(
                "foreign_hold",
                format!("whether a window of project {name} holds is not seen: {error}"),
                format!(
                    "let whoever recovers get `appprojects.argoproj.io` in {}",
                    cluster.namespace()
                ),
            ));
        }
    }
    findings
}

async fn service(
    read: &Read,
    plan: &Plan,
    about: &About<'_>,
    cluster: &Cluster,
    concerned: Vec<Concerned>,
    deadline: Deadline,
) -> Vec<Finding> {
    if concerned.is_empty() {
        let none = format!(
            "no Application of Argo CD deploys these services from {}",
            plan.remote
        );
        return vec![Finding::red("application", none, NAMES_IT)];
    }
    let roster = bots::roster(cluster, &plan.image_policies);
    let ((release, named), roster) = join(
        release_of(cluster, deadline),
        deadline.waits_for("image_bot", "image bots", roster),
    )
    .await;
    let mut findings = vec![named];
    let roster = roster.map_err(|late| findings.push(late)).ok();
    let hidden = roster.as_ref().map(unseen).unwrap_or_default();
    findings.extend(hidden.iter().map(bumper));
    let look = Look {
        plan,
        cluster,
        release,
        roster,
        registries: Registries::new(read.config.mirrors.clone(), deadline.of_a_question()),
        may_mark: read.config.may_mark(),
        about,
        now: about.now,
        deadline,
    };
    let each = join_all(concerned.into_iter().map(|app| one(&look, app))).await;
    findings.extend(each.into_iter().flatten());
    findings
}

/// One Application, with what it deploys.
async fn one(look: &Look<'_>, concerned: Concerned) -> Vec<Finding> {
    let Concerned {
        app,
        settings_from,
        aim,
        good_commit,
        manager,
    } = concerned;
    let name = app.name.clone();
    let target = destination::of(look.cluster, &app);
    let what = "the cluster that it deploys to";
    let target = match look.deadline.waits_for("destination", what, target).await {
        Ok(Ok(target)) => target,
        Ok(Err(error)) => {
            let mend = "add a context with its address to the kubeconfig";
            return vec![Finding::red("destination", error.to_string(), mend).of(&name)];
        }
        Err(late) => return vec![late.of(&name)],
    };
    let clusters = Clusters {
        argo: look.cluster.clone(),
        target,
    };
    let policies = &look.plan.image_policies;
    let rights = permissions::of(
        &clusters,
        &app,
        settings_from.as_ref(),
        policies,
        look.release,
    );
    let known = Known {
        aim: &aim,
        good_commit: good_commit.as_deref(),
        git_is_away: None,
        may_mark: look.may_mark,
        manager: manager.as_ref(),
        now: look.now,
    };
    let observing = observe(&clusters, app.clone(), known);
    let deadline = look.deadline;
    let (rights, observed) = join(
        deadline.waits_for("permission", "the permissions", rights),
        deadline.waits_for("observe", "its objects", observing),
    )
    .await;
    let mut findings = rights.unwrap_or_else(|late| vec![late.of(&name)]);
    findings.extend(
        release::of(&app, look.release)
            .into_iter()
            .map(|one| one.of(&name)),
    );
    match observed {
        Ok(Ok(observed)) => findings.extend(inside(look, &observed).await),
        Ok(Err(problem)) => {
            let mend = "a recovery must be able to read this";
            findings.push(Finding::red("observe", problem.message, mend).of(&name));
        }
        Err(late) => findings.push(late.of(&name)),
    }
    findings
}

/// What was seen of an Application, its images in their registry, and bots that would bump them.
async fn inside(look: &Look<'_>, observed: &Observed) -> Vec<Finding> {
    let aim = look.plan.aim();
    let name: &AppName = &observed.app.name;
    let bots = look.roster.as_ref().map(|roster| roster.of(&observed.app));
    let bumpers = of_aim(bots.unwrap_or_default(), &aim, observed);
    let found: Vec<_> = bumpers.iter().filter_map(Bumper::bot).collect();
    let images = images::images(&look.registries, &aim, observed);
    let rights = permissions::of_bots(look.cluster, &found, &observed.app);
    let (images, rights) = join(
        look.deadline.waits_for("image", "its images", images),
        look.deadline
            .waits_for("permission", "what `--hold-bots` needs", rights),
    )
    .await;
    let mut findings = Vec::new();
    application::application(observed, &mut findings);
    findings.extend(foreign_holds(&observed.holds, look.about));
    findings.extend(images.unwrap_or_else(|late| vec![late.of(name)]));
    findings.extend(bumpers.iter().map(|one| bumper(one).of(name)));
    findings.extend(rights.unwrap_or_else(|late| vec![late.of(name)]));
    findings
}

/// What would bump the version again.
fn bumper(bumper: &Bumper) -> Finding {
    Finding::amber("image_bot", bumper.says(None), bumper.mend())
}
