//! Programs that write new versions into Git or into Applications by themselves: found, and told to pass
//! a version over.

mod list;

use futures_util::future::{join, join_all};
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
    /// None where they cannot be listed, or releases know no such kind.
    updaters: Option<Vec<Value>>,
    flux: Vec<Bot>,
    unseen: Vec<Unseen>,
}

/// Bots that were looked for and not seen, which is not the same as that there are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unseen {
    /// Which bots.
    pub what: String,
    /// Why they are not seen.
    pub why: String,
    /// Whether there is one for certain, or nobody knows.
    pub certainty: Certainty,
}

/// What is known of bots that are not seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// A mark in the infra repo says that one writes there.
    Writes,
    /// These credentials do not show whether there is one.
    NotShown,
    /// Argo CD's API shows none to anybody.
    NotOffered,
}

/// Lists the bots of Image Updater, and those of Flux from which image policies take their versions; a
/// policy is written `namespace:name`, as the marks in the infra repo do.
pub async fn roster(cluster: &Cluster, policies: &[String]) -> Roster {
    let (listed, flux) = join(
        cluster.get("each ImageUpdater", UPDATERS),
        of_policies(cluster, policies),
    )
    .await;
    Roster::of_answers(cluster.is_by_server(), listed, flux)
}

impl Roster {
    fn of_answers(
        is_by_server: bool,
        listed: Result<Value, ConnectError>,
        policies: Vec<Result<Bot, Unseen>>,
    ) -> Self {
        let mut flux: Vec<Bot> = Vec::new();
        let mut unseen = Vec::new();
        let updaters = match listed {
            Ok(listed) => Some(items(&listed["items"]).cloned().collect()),
            // A cluster without their kind has none of them.
            Err(ConnectError::Missing { .. }) => None,
            Err(error) => {
                unseen.push(Unseen {
                    what: "Argo CD Image Updater by ImageUpdaters".to_owned(),
                    why: error.to_string(),
                    certainty: if is_by_server {
                        Certainty::NotOffered
                    } else {
                        Certainty::NotShown
                    },
                });
                None
            }
        };
        for policy in policies {
            match policy {
                Ok(bot) if flux.contains(&bot) => {}
                Ok(bot) => flux.push(bot),
                Err(one) => unseen.push(one),
            }
        }
        Self {
            updaters,
            flux,
            unseen,
        }
    }

    /// Bots of which it is not known what they would do.
    pub fn unseen(&self) -> &[Unseen] {
        &self.unseen
    }

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

async fn of_policies(cluster: &Cluster, policies: &[String]) -> Vec<Result<Bot, Unseen>> {
    let each = policies.iter().map(|policy| async move {
        let found = of_policy(cluster, policy).await;
        found.map_err(|why| Unseen {
            what: format!("Flux by ImagePolicy {policy}"),
            why,
            certainty: Certainty::Writes,
        })
    });
    join_all(each).await
}

/// The bot from which a policy takes its versions, or why it is not seen.
async fn of_policy(cluster: &Cluster, policy: &str) -> Result<Bot, String> {
    let (namespace, name) = policy
        .split_once(':')
        .ok_or_else(|| "its mark is not written `namespace:name`".to_owned())?;
    for version in FLUX {
        let key = |kind: &str, namespace: &str, name: &str| ObjectKey {
            group: "image.toolkit.fluxcd.io".into(),
            version: version.into(),
            kind: kind.into(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        let policy = match cluster.object(&key("ImagePolicy", namespace, name)).await {
            Ok(policy) => policy,
            // Another release may know it.
            Err(ConnectError::Missing { .. }) => continue,
            Err(error) => return Err(error.to_string()),
        };
        let from = &policy["spec"]["imageRepositoryRef"];
        let of = from["namespace"].as_str().unwrap_or(namespace);
        let object = key("ImageRepository", of, &text(&from["name"]));
        let repository = cluster.object(&object).await;
        let repository = repository.map_err(|error| error.to_string())?;
        return Ok(Bot {
            program: Program::Flux,
            object,
            image: text(&repository["spec"]["image"]),
            list: List::Excluded,
            beyond: managed_by(&repository["metadata"]).as_deref().map(put_back),
        });
    }
    Err("this cluster has none of that name".to_owned())
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

    fn forbidden() -> ConnectError {
        ConnectError::Forbidden {
            what: "each ImageUpdater".into(),
            why: "imageupdaters is forbidden".into(),
        }
    }

    #[test]
    fn bots_that_may_not_be_listed_are_not_taken_for_none() {
        let of = |is_by_server, listed| {
            let roster = Roster::of_answers(is_by_server, listed, Vec::new());
            let unseen = roster.unseen().first();
            unseen.map(|one| (one.certainty, one.why.clone()))
        };
        let (certainty, why) = of(false, Err(forbidden())).unwrap();
        assert_eq!(certainty, Certainty::NotShown);
        assert!(why.contains("imageupdaters is forbidden"), "{why}");
        let away = ConnectError::Unreachable {
            what: "each ImageUpdater".into(),
            why: "no answer within 5 s".into(),
        };
        assert_eq!(of(false, Err(away)).unwrap().0, Certainty::NotShown);
        assert_eq!(of(true, Err(forbidden())).unwrap().0, Certainty::NotOffered);
        let no_such_kind = ConnectError::Missing {
            what: "each ImageUpdater".into(),
        };
        assert_eq!(of(false, Err(no_such_kind)), None);
        assert_eq!(of(false, Ok(json!({"items": []}))), None);
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
