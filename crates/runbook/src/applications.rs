//! The Applications that a plan concerns, and from what each has its settings.

use futures_util::future::join;
use ripcord_connect::{Cluster, Which, argocd, sets};
use ripcord_domain::live::application::{AppName, Application, ObjectKey};
use ripcord_domain::live::generated::ApplicationSet;
use ripcord_domain::plan::Plan;
use ripcord_domain::problem::Problem;
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
    /// The services of the plan that it deploys, by their places there.
    pub(crate) services: Vec<usize>,
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
        (reads || settings_from.is_some()).then(|| Concerned {
            app: app.clone(),
            settings_from,
            services: services_of(&infra, plan, app),
            manager: parent_of(&everything, "AppProject", &app.project),
        })
    });
    Ok(concerned.collect())
}

/// The services whose files an Application reads; all, where it has none of them from there.
fn services_of(infra: &Infra<'_>, plan: &Plan, app: &Application) -> Vec<usize> {
    let each = plan.services.iter().enumerate();
    let own: Vec<usize> = each
        .filter(|(_, part)| {
            let files: Vec<&str> = part.files.iter().map(String::as_str).collect();
            infra.concerns(app, &files)
        })
        .map(|(at, _)| at)
        .collect();
    if own.is_empty() {
        (0..plan.services.len()).collect()
    } else {
        own
    }
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
