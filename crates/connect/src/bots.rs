//! Programs that write new versions into Git or into Applications by themselves: found, and told to pass
//! a version over.

mod list;

use futures_util::future::join;
use ripcord_domain::live::application::{AppName, Application, ObjectKey};
use ripcord_domain::live::bot::{Bot, List, Passing, Program};
use ripcord_domain::live::glob::fits;
use ripcord_domain::live::image::without_version;
use serde_json::Value;

use crate::argocd;
use crate::cluster::{Cluster, Patch, path_of};
use crate::error::ConnectError;
use crate::read::{items, managed_by, text};

/// How the annotations of Image Updater begin
/// (<https://argocd-image-updater.readthedocs.io/en/stable/configuration/images/>).
const ANNOTATION: &str = "argocd-image-updater.argoproj.io";
const UPDATERS: &str = "/apis/argocd-image-updater.argoproj.io/v1alpha1/imageupdaters";
/// Releases of Flux' image API, the newest first.
const FLUX: [&str; 2] = ["v1", "v1beta2"];

/// The bots that there are: what they watch is one list for all Applications.
pub struct Roster {
    /// None where they may not be listed, or releases know no such kind.
    updaters: Option<Vec<Value>>,
    flux: Vec<Bot>,
}

/// Lists the bots of Image Updater, and those of Flux from which image policies take their versions; a
/// policy is written `namespace:name`, as the marks in the infra repo do. Who may not read them finds none.
pub async fn roster(cluster: &Cluster, policies: &[String]) -> Roster {
    let (listed, flux) = join(
        cluster.get("each ImageUpdater", UPDATERS),
        of_policies(cluster, policies),
    )
    .await;
    Roster {
        updaters: listed
            .ok()
            .map(|listed| items(&listed["items"]).cloned().collect()),
        flux,
    }
}

impl Roster {
    /// The bots that would bump an Application's images; those of Flux are none of it alone.
    pub fn of(&self, app: &Application) -> Vec<Bot> {
        let mut found = Vec::new();
        let mut reads_annotations = false;
        for updater in self.updaters.iter().flatten() {
            for reference in references(updater, app) {
                if reference["useAnnotations"] == true {
                    reads_annotations = true;
                } else {
                    let images = items(&reference["images"]);
                    found.extend(images.map(|image| by_object(updater, reference, image)));
                }
            }
        }
        // Releases that know no ImageUpdaters read annotations only.
        if reads_annotations || self.updaters.as_ref().is_none_or(Vec::is_empty) {
            found.extend(by_annotation(app));
        }
        found.extend(self.flux.iter().cloned());
        found
    }
}

/// The references of an ImageUpdater that an Application fits.
fn references<'u>(updater: &'u Value, app: &'u Application) -> impl Iterator<Item = &'u Value> {
    // Before 1.1 it could name another namespace than its own.
    let named = text(&updater["spec"]["namespace"]);
    let namespace = if named.is_empty() {
        text(&updater["metadata"]["namespace"])
    } else {
        named
    };
    items(&updater["spec"]["applicationRefs"]).filter(move |reference| {
        namespace == app.name.namespace
            && fits(&text(&reference["namePattern"]), &app.name.name)
            && selects(&reference["labelSelectors"], app)
    })
}

/// Whether a label selector takes an Application
/// (<https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors>).
fn selects(selector: &Value, app: &Application) -> bool {
    let has = |name: &str, value: &Value| app.labels.get(name).is_some_and(|has| *value == **has);
    let all = selector["matchLabels"].as_object();
    all.into_iter()
        .flatten()
        .all(|(name, value)| has(name, value))
        && items(&selector["matchExpressions"]).all(|expression| {
            let name = text(&expression["key"]);
            let is_there = app.labels.contains_key(&name);
            let is_in = items(&expression["values"]).any(|value| has(&name, value));
            match expression["operator"].as_str() {
                Some("In") => is_in,
                Some("NotIn") => !is_in,
                Some("Exists") => is_there,
                Some("DoesNotExist") => !is_there,
                _ => false,
            }
        })
}

fn by_object(updater: &Value, reference: &Value, image: &Value) -> Bot {
    let meta = &updater["metadata"];
    Bot {
        program: Program::ImageUpdater,
        object: ObjectKey {
            group: ANNOTATION.into(),
            version: "v1alpha1".into(),
            kind: "ImageUpdater".into(),
            namespace: text(&meta["namespace"]),
            name: text(&meta["name"]),
        },
        image: without_version(&text(&image["imageName"])).to_owned(),
        list: List::Ignored {
            pattern: text(&reference["namePattern"]),
            alias: text(&image["alias"]),
        },
        beyond: managed_by(meta).as_deref().map(put_back),
    }
}

fn put_back(owner: &str) -> String {
    format!("it is managed by {owner}, which would put it back")
}

fn by_annotation(app: &Application) -> Vec<Bot> {
    let count = app.image_updater.len();
    let bots = app.image_updater.iter().map(|entry| {
        let (alias, image) = entry.split_once('=').unwrap_or(("", entry));
        let of_all = format!("{ANNOTATION}/ignore-tags");
        let list = if alias.is_empty() {
            List::Annotation {
                name: of_all,
                inherits: None,
            }
        } else {
            List::Annotation {
                name: format!("{ANNOTATION}/{}.ignore-tags", alias.trim()),
                inherits: Some(of_all),
            }
        };
        let shared = (alias.is_empty() && count > 1).then(|| {
            "it has no alias: its tags could only be passed over for the other images too"
                .to_owned()
        });
        Bot {
            program: Program::ImageUpdater,
            object: argocd::key("Application", &app.name),
            image: without_version(image.trim()).to_owned(),
            list,
            beyond: app.managed_by.as_deref().map(put_back).or(shared),
        }
    });
    bots.collect()
}

async fn of_policies(cluster: &Cluster, policies: &[String]) -> Vec<Bot> {
    let mut found: Vec<Bot> = Vec::new();
    for policy in policies {
        if let Some(bot) = of_policy(cluster, policy).await
            && !found.contains(&bot)
        {
            found.push(bot);
        }
    }
    found
}

async fn of_policy(cluster: &Cluster, policy: &str) -> Option<Bot> {
    let (namespace, name) = policy.split_once(':')?;
    for version in FLUX {
        let key = |kind: &str, namespace: &str, name: &str| ObjectKey {
            group: "image.toolkit.fluxcd.io".into(),
            version: version.into(),
            kind: kind.into(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        let Ok(policy) = cluster.object(&key("ImagePolicy", namespace, name)).await else {
            continue;
        };
        let from = &policy["spec"]["imageRepositoryRef"];
        let of = from["namespace"].as_str().unwrap_or(namespace);
        let object = key("ImageRepository", of, &text(&from["name"]));
        let repository = cluster.object(&object).await.ok()?;
        return Some(Bot {
            program: Program::Flux,
            object,
            image: text(&repository["spec"]["image"]),
            list: List::Excluded,
            beyond: managed_by(&repository["metadata"]).as_deref().map(put_back),
        });
    }
    None
}

async fn read(cluster: &Cluster, bot: &Bot) -> Result<Value, ConnectError> {
    match cluster.server() {
        Some(server) if bot.object.kind == "Application" => server.application(&app(bot)).await,
        _ => {
            cluster
                .get(&bot.object.to_string(), &path_of(&bot.object))
                .await
        }
    }
}

fn app(bot: &Bot) -> AppName {
    AppName {
        namespace: bot.object.namespace.clone(),
        name: bot.object.name.clone(),
    }
}

/// Writes what has to be written; where that is nothing, nothing is sent.
async fn write(cluster: &Cluster, bot: &Bot, operations: Vec<Value>) -> Result<(), ConnectError> {
    if operations.is_empty() {
        return Ok(());
    }
    let what = format!("the tags that {} passes over", bot.object);
    let operations = Value::Array(operations);
    match cluster.server() {
        Some(server) if bot.object.kind == "Application" => {
            server
                .patch_application(&what, &app(bot), &operations)
                .await
        }
        _ => cluster
            .patch(&what, &path_of(&bot.object), Patch::Json, &operations)
            .await
            .map(drop),
    }
}

/// What stands in the place of a bot's list now: null where nothing does.
///
/// # Errors
/// The object is gone; the cluster does not answer or allow it.
pub async fn list_of(cluster: &Cluster, bot: &Bot) -> Result<Value, ConnectError> {
    Ok(list::now(&read(cluster, bot).await?, &bot.list))
}

/// Makes a bot pass tags over; those that it passes over already stay so.
///
/// # Errors
/// A conflict where the object changed meanwhile; not allowed; its image is not there any more.
pub async fn pass_over(cluster: &Cluster, bot: &Bot, tags: &[String]) -> Result<(), ConnectError> {
    let object = read(cluster, bot).await?;
    let operations = list::extended(&object, &bot.list, tags).ok_or_else(|| gone(bot))?;
    write(cluster, bot, operations).await
}

/// Puts the list back: what others wrote into it meanwhile stays.
///
/// # Errors
/// As for [`pass_over`].
pub async fn put_list_back(cluster: &Cluster, passing: &Passing) -> Result<(), ConnectError> {
    let Passing {
        bot, tags, before, ..
    } = passing;
    let object = read(cluster, bot).await?;
    let operations = list::restored(&object, &bot.list, tags, before).ok_or_else(|| gone(bot))?;
    write(cluster, bot, operations).await
}

fn gone(bot: &Bot) -> ConnectError {
    ConnectError::Missing {
        what: format!("{} of {}", bot.image, bot.object),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn app(labels: &[(&str, &str)]) -> Application {
        Application {
            name: AppName {
                namespace: "argocd".into(),
                name: "pay-eu".into(),
            },
            labels: labels
                .iter()
                .map(|(name, value)| ((*name).into(), (*value).into()))
                .collect(),
            ..Application::default()
        }
    }

    fn updater(reference: &Value) -> Value {
        json!({
            "metadata": {"namespace": "argocd", "name": "bumps"},
            "spec": {"applicationRefs": [reference]},
        })
    }

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, is_it) in [
            ("*", true),
            ("pay-*", true),
            ("*-eu", true),
            ("pay", false),
            ("cart-*", false),
        ] {
            let updater = updater(&json!({"namePattern": pattern}));
            assert_eq!(
                references(&updater, &app(&[])).count() == 1,
                is_it,
                "{pattern}"
            );
        }
    }

    #[test]
    fn an_updater_of_another_namespace_or_label_is_not_about_it() {
        let mut other = updater(&json!({"namePattern": "*"}));
        other["metadata"]["namespace"] = "team-a".into();
        assert_eq!(references(&other, &app(&[])).count(), 0);
        let labelled = updater(&json!({"namePattern": "*", "labelSelectors": {
            "matchLabels": {"tier": "prod"},
            "matchExpressions": [{"key": "frozen", "operator": "DoesNotExist"}],
        }}));
        assert_eq!(references(&labelled, &app(&[])).count(), 0);
        assert_eq!(references(&labelled, &app(&[("tier", "prod")])).count(), 1);
        assert_eq!(
            references(&labelled, &app(&[("tier", "prod"), ("frozen", "")])).count(),
            0
        );
    }

    #[test]
    fn an_image_without_an_alias_beside_others_is_left_alone() {
        let mut app = app(&[]);
        app.image_updater = vec!["acme/pay:1.x".into()];
        assert_eq!(by_annotation(&app)[0].beyond, None);
        assert_eq!(by_annotation(&app)[0].image, "acme/pay");
        app.image_updater.push("worker=acme/worker".into());
        let bots = by_annotation(&app);
        assert!(bots[0].beyond.is_some());
        assert_eq!(bots[1].beyond, None);
    }

    #[test]
    fn an_application_that_a_set_makes_is_not_annotated() {
        let mut app = app(&[]);
        app.image_updater = vec!["pay=acme/pay".into()];
        app.managed_by = Some("ApplicationSet all".into());
        assert!(
            by_annotation(&app)[0]
                .beyond
                .as_deref()
                .unwrap()
                .contains("ApplicationSet all")
        );
    }
}
