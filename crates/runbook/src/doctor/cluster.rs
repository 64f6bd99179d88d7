//! The cluster before an incident: Argo CD's release, and each Application that a recovery would touch.

use futures_util::future::{join, join_all};
use jiff::Timestamp;
use ripcord_connect::bots::{self, Roster};
use ripcord_connect::{Cluster, argocd, destination};
use ripcord_domain::live::application::{AppName, Application};
use ripcord_domain::live::release::Release;
use ripcord_domain::plan::Plan;
use ripcord_domain::problem::Problem;
use ripcord_recovery::survey::Branch;
use ripcord_registry::Registries;

use super::deadline::Deadline;
use super::{About, Finding, LIMIT, Light, application, images, permissions, release};
use crate::applications::{Concerned, Listed, concerned};
use crate::bots::{Bumper, of_aim};
use crate::observe::{Clusters, Known, Observed, observe};
use crate::prepare::before_of;

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
    now: Timestamp,
    deadline: Deadline,
}

/// Everything about the Applications that a recovery would touch; without a service, or where there can be
/// no rollback of it, about the place.
pub(super) async fn look(
    branch: &Branch,
    about: &About<'_>,
    listed: Result<Listed, Problem>,
    deadline: Deadline,
) -> Vec<Finding> {
    let Listed {
        cluster,
        apps,
        sets,
    } = match listed {
        Ok(listed) => listed,
        Err(problem) => {
            let mend = problem.hints.first().map_or(NAMES_IT, String::as_str);
            return vec![Finding::red("cluster", &problem.message, mend)];
        }
    };
    let mut findings = vec![Finding::green(
        "cluster",
        format!("{}: {} Application(s)", cluster.address(), apps.len()),
    )];
    findings.extend(match about.plan {
        Some(Ok(plan)) => match concerned(branch, plan, &apps, &sets) {
            Ok(concerned) => service(plan, about, &cluster, concerned, deadline).await,
            Err(problem) => {
                let mend = problem.hints.join("; ");
                vec![Finding::red("application", &problem.message, mend)]
            }
        },
        _ => place(about, &cluster, &apps, deadline).await,
    });
    findings
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
            (release, release::named(release))
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
    let (rights, (release, named)) = join(
        deadline.waits_for("permission", "the permissions", rights),
        release_of(cluster, deadline),
    )
    .await;
    let mut findings = vec![named];
    findings.extend(release::of_all(apps, release));
    findings.extend(rights.unwrap_or_else(|late| vec![late]));
    if about.plan.is_none() {
        findings.push(Finding::green(
            "service",
            "`ripcord doctor SERVICE` says more: its rights, windows, holds, history, images, bots, how long it takes",
        ));
    }
    findings
}

async fn service(
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
    let look = Look {
        plan,
        cluster,
        release,
        roster,
        registries: Registries::new(about.config.mirrors.clone(), LIMIT),
        may_mark: about.config.may_mark(),
        now: about.now,
        deadline,
    };
    let each = join_all(concerned.into_iter().map(|app| one(&look, app))).await;
    findings.extend(each.into_iter().flatten());
    findings
}

/// One Application, with what it deploys.
async fn one(look: &Look<'_>, concerned: Concerned) -> Vec<Finding> {
    let Concerned { app, settings_from } = concerned;
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
    let aim = look.plan.aim();
    let policies = &look.plan.image_policies;
    let rights = permissions::of(
        &clusters,
        &app,
        settings_from.as_ref(),
        policies,
        look.release,
    );
    let good_commit = before_of(look.plan);
    let known = Known {
        aim: &aim,
        good_commit: good_commit.as_deref(),
        git_is_away: None,
        may_mark: look.may_mark,
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
    let rights = permissions::of_bots(look.cluster, &found, name);
    let (images, rights) = join(
        look.deadline.waits_for("image", "its images", images),
        look.deadline
            .waits_for("permission", "what `--hold-bots` needs", rights),
    )
    .await;
    let mut findings = Vec::new();
    application::application(&aim, observed, &mut findings);
    findings.extend(images.unwrap_or_else(|late| vec![late.of(name)]));
    for bumper in &bumpers {
        findings.push(Finding::new("image_bot", Light::Amber, bumper.says(None)).of(name));
    }
    findings.extend(rights.unwrap_or_else(|late| vec![late.of(name)]));
    findings
}
