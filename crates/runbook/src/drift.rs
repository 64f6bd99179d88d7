//! What runs otherwise than Git says: each field, who made it so, what will undo it, what makes it last.

use std::collections::BTreeSet;

use futures_util::future::{join, join_all};
use jiff::Timestamp;
use ripcord_connect::kinds::Kinds;
use ripcord_connect::{Cluster, ConnectError, Which, destination, project};
use ripcord_domain::live::application::{AppName, Application, ObjectKey, Resource, Source};
use ripcord_domain::live::drift::{Applier, Difference, Undoing, of_object, untold};
use ripcord_domain::live::image::is_declared;
use ripcord_domain::live::route::Windows;
use ripcord_domain::live::windows;
use ripcord_domain::plan::SCHEMA;
use ripcord_domain::problem::Problem;
use ripcord_domain::recovery::Recovery;
use ripcord_git::SafeUrl;
use ripcord_recovery::declared::Declared;
use ripcord_recovery::survey::Branch;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::applications::{Deploying, deploying};
use crate::observe::rolls_in_steps;

/// `ripcord drift`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Drift {
    /// The number of the JSON form.
    pub schema: u32,
    /// The Applications that were looked at.
    pub applications: Vec<AppName>,
    /// Each field that differs.
    pub fields: Vec<Drifted>,
    /// Objects that Argo CD calls OutOfSync and whose fields do not tell why, and those that somebody else
    /// applied last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub untold: Vec<Untold>,
    /// Objects that were not read: whether they differ is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<Unread>,
    /// Why Git does not answer, if so: then where things are declared is as of the commit that is known here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_is_away: Option<String>,
}

/// A field that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Drifted {
    /// The Application.
    pub application: AppName,
    /// The object.
    pub object: ObjectKey,
    /// The field.
    #[serde(flatten)]
    pub difference: Difference,
    /// What will undo it, and when.
    pub undone_by: String,
    /// The command that makes it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lasts_by: Option<String>,
    /// Where in Git it is declared, as far as the Application tells: which file it is is not known.
    pub declared_in: String,
}

/// An object that is, or may be, otherwise than Git says, and does not tell by which field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Untold {
    /// The Application.
    pub application: AppName,
    /// The object.
    pub object: ObjectKey,
    /// Argo CD calls it OutOfSync; else it may not have compared it yet.
    pub is_out_of_sync: bool,
    /// Why it cannot be told.
    pub why: String,
    /// Who applied it last, where that was not Argo CD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied_by: Option<Applier>,
    /// The command that shows it.
    pub shown_by: String,
    /// What will undo it, and when.
    pub undone_by: String,
    /// Where in Git it is declared, as far as the Application tells.
    pub declared_in: String,
}

/// An object that was not read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unread {
    /// Which.
    #[serde(flatten)]
    pub object: ObjectKey,
    /// Why.
    pub why: String,
}

/// What was found of one Application.
#[derive(Default)]
struct Found {
    fields: Vec<Drifted>,
    untold: Vec<Untold>,
    unread: Vec<Unread>,
}

/// Looks at what a service's Applications consist of.
///
/// # Errors
/// The cluster does not answer; no Application deploys the service.
pub fn find(
    branch: &Branch,
    declared: &Declared,
    which: &Which,
    unfinished: &[Recovery],
    now: Timestamp,
) -> Result<Drift, Problem> {
    let runtime = crate::recover::runtime()?;
    let Deploying { cluster, apps } = runtime.block_on(deploying(branch, &declared.plan, which))?;
    let mut all = Found::default();
    for app in &apps {
        let held_until = unfinished
            .iter()
            .flat_map(Recovery::standing_holds)
            .filter(|hold| hold.application == app.name)
            .map(|hold| hold.until)
            .max();
        let found = runtime.block_on(async {
            let target = destination::of(&cluster, app).await?;
            let (windows, rolls_in_steps) = join(
                windows_of(&cluster, app, now),
                rolls_in_steps(&cluster, app),
            )
            .await;
            let undoing = Undoing {
                app,
                held_until,
                windows,
                rolls_in_steps,
                now,
            };
            of_application(&target, declared, undoing).await
        })?;
        all.fields.extend(found.fields);
        all.untold.extend(found.untold);
        all.unread.extend(found.unread);
    }
    Ok(Drift {
        schema: SCHEMA,
        applications: apps.into_iter().map(|app| app.name).collect(),
        fields: all.fields,
        untold: all.untold,
        unread: all.unread,
        git_is_away: declared.git_is_away.clone(),
    })
}

/// What the windows of an Application's project allow now, holds of recoveries among them; none where they
/// may not be read.
async fn windows_of(argo: &Cluster, app: &Application, now: Timestamp) -> Option<Windows> {
    let seen = project::project(argo, argo.namespace(), &app.project).await;
    let known = seen.ok()?.windows.unwrap_or_default();
    Some(windows::allowed(&known, app, now))
}

async fn of_application(
    cluster: &Cluster,
    declared: &Declared,
    undoing: Undoing<'_>,
) -> Result<Found, Problem> {
    let app = undoing.app;
    let resources: Vec<&Resource> = app
        .resources
        .iter()
        .filter(|resource| !resource.is_hook)
        .collect();
    let kinds = Kinds::of(cluster);
    let reads = resources.iter().map(|resource| kinds.object(&resource.key));
    let objects = join_all(reads).await;
    let mut found = Found::default();
    let drifted = |resource: &Resource, difference: Difference, undone_by: String| Drifted {
        application: app.name.clone(),
        object: resource.key.clone(),
        undone_by,
        lasts_by: lasts_by(declared, &difference),
        declared_in: declared_in(&app.sources),
        difference,
    };
    for (resource, object) in resources.into_iter().zip(objects) {
        let unread = |why: &str| Unread {
            object: resource.key.clone(),
            why: why.to_owned(),
        };
        match object {
            Ok(object) => {
                let seen = of_object(&resource.key, &object);
                let is_explained = !seen.differences.is_empty() && seen.applied_by.is_none();
                for difference in seen.differences {
                    let undone_by = undoing.of(resource, Some(&difference));
                    found.fields.push(drifted(resource, difference, undone_by));
                }
                let is_doubtful = !resource.is_synced || seen.applied_by.is_some();
                if is_doubtful && !is_explained {
                    found.untold.push(Untold {
                        application: app.name.clone(),
                        object: resource.key.clone(),
                        is_out_of_sync: !resource.is_synced,
                        why: untold(app, resource, seen.applied_by.as_ref()),
                        applied_by: seen.applied_by,
                        shown_by: shown_by(&app.name, cluster.namespace()),
                        undone_by: undoing.of(resource, None),
                        declared_in: declared_in(&app.sources),
                    });
                }
            }
            // Deleted by hand: that is drift of its own, and a sync makes it anew.
            Err(ConnectError::Missing { .. }) => {
                let undone_by = undoing.of(resource, None);
                found.fields.push(drifted(resource, gone(), undone_by));
            }
            Err(ConnectError::Forbidden { .. }) => {
                found
                    .unread
                    .push(unread("these credentials may not read it"));
            }
            Err(ConnectError::UnknownKind { .. }) => {
                found.unread.push(unread("the cluster has no such kind"));
            }
            // One object that the API does not give is no reason to be silent about the others.
            Err(ConnectError::Refused { why, .. } | ConnectError::Nonsense { why, .. }) => {
                found.unread.push(unread(&why));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(found)
}

/// An object that is not there.
fn gone() -> Difference {
    Difference {
        applied: Some("it is there".to_owned()),
        ..Difference::default()
    }
}

/// The command by which Argo CD shows what differs; it finds Applications elsewhere by their namespace.
fn shown_by(app: &AppName, argo_cds: &str) -> String {
    if app.namespace == argo_cds {
        format!("argocd app diff {}", app.name)
    } else {
        format!("argocd app diff {app}")
    }
}

/// The folders of an Application's sources, and the repository where there are several.
fn declared_in(sources: &[Source]) -> String {
    let repositories: BTreeSet<&str> = sources
        .iter()
        .map(|source| source.repository.as_str())
        .collect();
    let each = sources.iter().map(|source| {
        let repository = SafeUrl::new(&source.repository).to_string();
        match &source.path {
            Some(path) if repositories.len() == 1 => path.clone(),
            Some(path) => format!("{path} of {repository}"),
            None => repository,
        }
    });
    let each: BTreeSet<String> = each.collect();
    each.into_iter().collect::<Vec<_>>().join(", ")
}

/// The rollback that says in Git what somebody did by hand. A proxy beside the service may have the same tag.
fn lasts_by(declared: &Declared, difference: &Difference) -> Option<String> {
    let image = difference
        .now
        .as_deref()
        .filter(|_| difference.field.ends_with(".image"))?;
    let part = declared.plan.services.first()?;
    let given = difference.applied.as_deref();
    let given = given.map(|image| (&declared.now, image));
    // Git says so already: only a sync is missing.
    if is_declared(&declared.now, image, given) {
        return None;
    }
    let before = declared
        .before
        .iter()
        .find(|before| is_declared(&before.state, image, given))?;
    Some(format!(
        "ripcord rollback {} {} --to {}",
        part.service, part.environment, before.version
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(repository: &str, path: Option<&str>) -> Source {
        Source {
            repository: repository.into(),
            path: path.map(str::to_owned),
            ..Source::default()
        }
    }

    #[test]
    fn the_folder_says_where_to_edit_and_the_repository_only_where_there_are_several() {
        let ours = source("https://git.acme.example/infra.git", Some("services/pay"));
        assert_eq!(declared_in(std::slice::from_ref(&ours)), "services/pay");
        let chart = source("https://me:word@charts.acme.example", None);
        assert_eq!(
            declared_in(&[chart, ours]),
            "https://***@charts.acme.example, services/pay of https://git.acme.example/infra.git"
        );
    }
}
