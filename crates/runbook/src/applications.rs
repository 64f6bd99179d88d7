//! The Applications that a plan concerns, and from what each has its settings.

use futures_util::future::join;
use ripcord_connect::{Cluster, Which, argocd, sets};
use ripcord_domain::live::application::{AppName, Application, ObjectKey};
use ripcord_domain::live::generated::ApplicationSet;
use ripcord_domain::live::image::Aim;
use ripcord_domain::plan::{Plan, ServicePlan};
use ripcord_domain::problem::{Kind, Problem};
use ripcord_recovery::survey::Branch;
use ripcord_recovery::{fed, keep};

use crate::concern::Infra;

/// What Argo CD has.
pub(crate) struct Listed {
    pub(crate) cluster: Cluster,
    pub(crate) apps: Vec<Application>,
    pub(crate) sets: Vec<ApplicationSet>,
}

/// An Application that a plan concerns.
pub(crate) struct Concerned {
    pub(crate) app: Application,
    pub(crate) settings_from: Option<SettingsFrom>,
    /// The images that tell the versions of its services apart.
    pub(crate) aim: Aim,
    /// The commit at which their good versions were deployed last; none where that is not one for all.
    pub(crate) good_commit: Option<String>,
    /// The Application that has its project from Git, if one has: it would put it back at once.
    pub(crate) manager: Option<AppName>,
}

/// What gives an Application the settings that change with the plan's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SettingsFrom {
    /// The Application that it is a part of.
    Parent(AppName),
    /// The ApplicationSet that makes it.
    Set(AppName),
}

pub(crate) async fn listed(which: Which) -> Result<Listed, Problem> {
    let cluster = Cluster::open(&which).await?;
    let (apps, sets) = join(argocd::applications(&cluster), sets::sets(&cluster)).await;
    let (apps, sets) = (apps?, sets?);
    Ok(Listed {
        cluster,
        apps,
        sets,
    })
}

/// The Applications that deploy a service, and where Argo CD has them.
pub(crate) struct Deploying {
    pub(crate) cluster: Cluster,
    pub(crate) apps: Vec<Application>,
}

/// Looks for them.
///
/// # Errors
/// The cluster does not answer; there are none.
pub(crate) async fn deploying(
    branch: &Branch,
    plan: &Plan,
    which: &Which,
) -> Result<Deploying, Problem> {
    let Listed {
        cluster,
        apps,
        sets,
    } = listed(which.clone()).await?;
    let concerned = concerned(branch, plan, &apps, &sets)?.into_iter();
    let apps: Vec<Application> = concerned.map(|one| one.app).collect();
    if apps.is_empty() {
        return Err(Problem::new(
            Kind::Nothing,
            "no_application",
            format!(
                "no Application of Argo CD in {} deploys this from {}",
                cluster.address(),
                plan.remote
            ),
        ));
    }
    Ok(Deploying { cluster, apps })
}

/// The Applications that a plan's files concern.
///
/// # Errors
/// Which Applications a set makes from them is not told.
pub(crate) fn concerned(
    branch: &Branch,
    plan: &Plan,
    apps: &[Application],
    sets: &[ApplicationSet],
) -> Result<Vec<Concerned>, Problem> {
    let files = keep::files(plan);
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let knows = |commit: &str| keep::knows(branch, commit);
    let built_from = |folder: &str| keep::built_from(branch, &plan.base, folder);
    let infra = Infra {
        remote: &plan.remote,
        branch: &plan.branch,
        knows: &knows,
        built_from: &built_from,
    };
    let reading: Vec<&Application> = apps
        .iter()
        .filter(|app| infra.concerns(app, &files))
        .collect();
    let mut made: Vec<(AppName, AppName)> = Vec::new();
    for set in sets {
        for fed in fed_to(branch, plan, &infra, apps, &reading, set)? {
            let found = set.made_from(&fed, apps).map_err(fed::untold)?;
            made.extend(
                found
                    .into_iter()
                    .map(|app| (app.name.clone(), set.name.clone())),
            );
        }
    }
    // What a parent has from the changed files gets new settings by it.
    let (named, aim) = (keep::applications_in(branch, plan), plan.aim());
    let everything: Vec<&Application> = apps.iter().collect();
    let concerned = apps.iter().filter_map(|app| {
        let reads = reading.iter().any(|one| one.name == app.name);
        // A set that finds folders by their files gives no version: the folder does.
        let set = made
            .iter()
            .filter(|_| !reads || aim.is_bad_in(&app.settings))
            .find(|(name, _)| *name == app.name);
        let settings_from = match set {
            Some((_, set)) => Some(SettingsFrom::Set(set.clone())),
            None if reads || named.contains(&app.name.name) => {
                parent_of(&reading, "Application", &app.name.name)
                    .filter(|parent| *parent != app.name)
                    .map(SettingsFrom::Parent)
            }
            None => None,
        };
        let concerns = reads || settings_from.is_some();
        let services = concerns.then(|| services_of(&infra, plan, app))?;
        Some(Concerned {
            app: app.clone(),
            settings_from,
            aim: Aim::of_services(services.iter().copied()),
            good_commit: before_of(&services),
            manager: parent_of(&everything, "AppProject", &app.project),
        })
    });
    Ok(concerned.collect())
}

/// The services whose files an Application reads; all, where it has none of them from there.
fn services_of<'p>(infra: &Infra<'_>, plan: &'p Plan, app: &Application) -> Vec<&'p ServicePlan> {
    let reads = |part: &&ServicePlan| {
        let files: Vec<&str> = part.files.iter().map(String::as_str).collect();
        infra.concerns(app, &files)
    };
    let own: Vec<&ServicePlan> = plan.services.iter().filter(reads).collect();
    if own.is_empty() {
        plan.services.iter().collect()
    } else {
        own
    }
}

/// The commit at which the good versions of an Application's services were deployed last; none where that is
/// not the same for all of them.
fn before_of(services: &[&ServicePlan]) -> Option<String> {
    let mut each = services
        .iter()
        .filter_map(|part| part.target.as_ref())
        .map(|target| target.before.as_deref());
    let first = each.next()??;
    each.all(|other| other == Some(first))
        .then(|| first.to_owned())
}

/// The parameters of a set that a plan changes: in files that it watches, and in its own lists where an
/// Application has them from the plan's files.
fn fed_to(
    branch: &Branch,
    plan: &Plan,
    infra: &Infra<'_>,
    apps: &[Application],
    reading: &[&Application],
    set: &ApplicationSet,
) -> Result<Vec<fed::Fed>, Problem> {
    let mut found = Vec::new();
    for watched in &set.files {
        if infra.is_watched(apps, watched) {
            let tells = |params: &_| set.is_named_by(params);
            found.extend(fed::by_files(branch, plan, &watched.path, tells)?);
        }
    }
    if parent_of(reading, "ApplicationSet", &set.name.name).is_some() {
        found.extend(fed::by_lists(branch, plan, &set.name.name)?);
    }
    Ok(found)
}

/// The one among these Applications that an object of Argo CD is a part of.
fn parent_of(among: &[&Application], kind: &str, name: &str) -> Option<AppName> {
    let is_it =
        |key: &ObjectKey| key.kind == kind && key.group == "argoproj.io" && key.name == name;
    among
        .iter()
        .find(|parent| parent.resources.iter().any(|resource| is_it(&resource.key)))
        .map(|parent| parent.name.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn part(before: Option<&str>) -> ServicePlan {
        serde_json::from_value(json!({
            "service": "pay", "environment": "production", "candidates": [], "scope": "deploy",
            "current": {"version": "v15", "commit": null, "since": null, "author": null},
            "target": {"version": "v14", "commit": "0", "before": before},
            "history_complete": true, "changes": [],
        }))
        .unwrap()
    }

    #[test]
    fn the_commit_before_one_service_was_taken_for_that_of_all() {
        let of = |all: &[ServicePlan]| before_of(&all.iter().collect::<Vec<_>>());
        assert_eq!(of(&[part(Some("a"))]).as_deref(), Some("a"));
        assert_eq!(
            of(&[part(Some("a")), part(Some("a"))]).as_deref(),
            Some("a")
        );
        assert_eq!(of(&[part(Some("a")), part(Some("b"))]), None);
        assert_eq!(of(&[part(Some("a")), part(None)]), None);
        assert_eq!(of(&[]), None);
    }
}
