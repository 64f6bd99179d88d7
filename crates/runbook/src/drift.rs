//! What runs otherwise than Git says: each field, who made it so, what will undo it, what makes it last.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use ripcord_connect::{Cluster, ConnectError, Which, destination};
use ripcord_domain::live::application::{AppName, Application, ObjectKey, Source};
use ripcord_domain::live::drift::{Difference, of_object};
use ripcord_domain::plan::{Plan, SCHEMA};
use ripcord_domain::problem::{Kind, Problem};
use ripcord_domain::recovery::Recovery;
use ripcord_git::SafeUrl;
use ripcord_recovery::survey::Branch;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::applications::{Listed, concerned, listed};

/// `ripcord drift`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Drift {
    /// The number of the JSON form.
    pub schema: u32,
    /// The Applications that were looked at.
    pub applications: Vec<AppName>,
    /// Each field that differs.
    pub fields: Vec<Drifted>,
    /// Objects that may not be read: whether they differ is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<ObjectKey>,
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

/// What was found of one Application.
#[derive(Default)]
struct Found {
    fields: Vec<Drifted>,
    unread: Vec<ObjectKey>,
}

/// Looks at what a service's Applications consist of.
///
/// # Errors
/// The cluster does not answer; no Application deploys the service.
pub fn find(
    branch: &Branch,
    plan: &Plan,
    which: &Which,
    unfinished: &[Recovery],
) -> Result<Drift, Problem> {
    let runtime = crate::recover::runtime()?;
    let Listed {
        cluster,
        apps,
        sets,
    } = runtime.block_on(listed(which.clone()))?;
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
    let mut all = Found::default();
    for app in &apps {
        let held = unfinished
            .iter()
            .flat_map(Recovery::standing_holds)
            .any(|hold| hold.application == app.name);
        let found = runtime.block_on(async {
            let target = destination::of(&cluster, app).await?;
            of_application(&target, app, plan, held).await
        })?;
        all.fields.extend(found.fields);
        all.unread.extend(found.unread);
    }
    Ok(Drift {
        schema: SCHEMA,
        applications: apps.into_iter().map(|app| app.name).collect(),
        fields: all.fields,
        unread: all.unread,
    })
}

async fn of_application(
    cluster: &Cluster,
    app: &Application,
    plan: &Plan,
    held: bool,
) -> Result<Found, Problem> {
    let keys: Vec<&ObjectKey> = app
        .resources
        .iter()
        .filter(|resource| !resource.is_hook)
        .map(|resource| &resource.key)
        .collect();
    let objects = join_all(keys.iter().map(|key| cluster.object(key))).await;
    let mut found = Found::default();
    let drifted = |key: &ObjectKey, difference: Difference| Drifted {
        application: app.name.clone(),
        object: key.clone(),
        undone_by: undone_by(app, held),
        lasts_by: lasts_by(plan, &difference),
        declared_in: declared_in(&app.sources),
        difference,
    };
    for (key, object) in keys.into_iter().zip(objects) {
        match object {
            Ok(object) => {
                let differences = of_object(key, &object).into_iter();
                found
                    .fields
                    .extend(differences.map(|one| drifted(key, one)));
            }
            // Deleted by hand: that is drift of its own, and a sync makes it anew.
            Err(ConnectError::Missing { .. }) => found.fields.push(drifted(key, gone())),
            Err(ConnectError::Forbidden { .. }) => found.unread.push(key.clone()),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(found)
}

/// An object that is not there.
fn gone() -> Difference {
    Difference {
        field: String::new(),
        is_secret: false,
        applied: Some("it is there".to_owned()),
        now: None,
        by: None,
        at: None,
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

/// What Argo CD will do about it. Self-heal is at once the first time, and waits longer each time at the
/// same commit.
fn undone_by(app: &Application, held: bool) -> String {
    if held {
        return "nothing while a recovery holds it".to_owned();
    }
    match app.auto_sync {
        Some(auto) if auto.self_heals => {
            "self-heal, within 1 s; up to 300 s after several tries at the same commit".to_owned()
        }
        Some(_) => "auto-sync at the next commit, of anybody".to_owned(),
        None => "the next sync that somebody asks for".to_owned(),
    }
}

/// The rollback that says in Git what somebody did by hand.
fn lasts_by(plan: &Plan, difference: &Difference) -> Option<String> {
    let image = difference
        .now
        .as_deref()
        .filter(|_| difference.field.ends_with(".image"))?;
    plan.services.iter().find_map(|part| {
        let candidate = part.candidates.iter().find(|candidate| {
            let version = candidate.version.as_str();
            image.ends_with(&format!(":{version}")) || image.ends_with(&format!("@{version}"))
        })?;
        Some(format!(
            "ripcord rollback {} {} --to {}",
            part.service, part.environment, candidate.version
        ))
    })
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
