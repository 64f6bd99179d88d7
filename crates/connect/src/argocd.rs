//! What Argo CD is asked for: by its objects, which needs no API server of Argo CD, or by that alone.

use std::collections::BTreeMap;

use ripcord_domain::live::application::{AppName, Application, ObjectKey};
use ripcord_domain::live::image::tag_of;
use serde_json::{Value, json};

use crate::cluster::{Cluster, Patch, folder_of, path_of};
use crate::error::ConnectError;
use crate::read;

/// The annotation by which a comparison is asked for; it is gone when one has begun.
pub(crate) const REFRESH: &str = "argocd.argoproj.io/refresh";
const REFRESH_PATH: &str = "/metadata/annotations/argocd.argoproj.io~1refresh";
/// The name under which an operation carries the recovery that asked for it.
pub(crate) const RECOVERY: &str = "Recovery";

/// The namespace of Argo CD where nobody says otherwise.
pub const NAMESPACE: &str = "argocd";

/// A sync that is to be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sync {
    /// One commit for each source.
    pub revisions: Vec<String>,
    /// What Git no longer has is taken away.
    pub prunes: bool,
    /// Hooks run.
    pub runs_hooks: bool,
    /// The options of the policy: an operation has those that it names, and no others.
    pub options: Vec<String>,
    /// The recovery that asks.
    pub recovery: String,
    /// Who asked, and why, as `name` and `value`.
    pub words: BTreeMap<String, String>,
}

impl Sync {
    /// The recovery and the words, as an operation carries them.
    pub(crate) fn infos(&self) -> Vec<Value> {
        let recovery = json!({"name": RECOVERY, "value": self.recovery});
        let words = self.words.iter();
        let words = words.map(|(name, value)| json!({"name": name, "value": value}));
        std::iter::once(recovery).chain(words).collect()
    }

    /// Outlasts a repo server that is away for a while.
    pub(crate) fn retry() -> Value {
        json!({"limit": 10, "backoff": {"duration": "1s", "factor": 2, "maxDuration": "15s"}})
    }

    fn operation(&self, has_several_sources: bool) -> Value {
        let strategy = if self.runs_hooks { "hook" } else { "apply" };
        let mut sync = json!({
            "prune": self.prunes,
            "syncStrategy": {strategy: {}},
            "syncOptions": self.options,
        });
        if has_several_sources {
            sync["revisions"] = json!(self.revisions);
        } else {
            sync["revision"] = json!(self.revisions.first());
        }
        json!({
            "initiatedBy": {"username": "ripcord"},
            "info": self.infos(),
            "retry": Self::retry(),
            "sync": sync,
        })
    }
}

pub(crate) fn key(kind: &str, name: &AppName) -> ObjectKey {
    ObjectKey {
        group: "argoproj.io".into(),
        version: "v1alpha1".into(),
        kind: kind.into(),
        namespace: name.namespace.clone(),
        name: name.name.clone(),
    }
}

fn path(name: &AppName) -> String {
    path_of(&key("Application", name))
}

/// Every object of a kind in all namespaces, or in Argo CD's own where no more is allowed.
pub(crate) async fn list(cluster: &Cluster, what: &str, kind: &str) -> Result<Value, ConnectError> {
    let folder = |namespace: &str| {
        let name = AppName {
            namespace: namespace.to_owned(),
            name: String::new(),
        };
        folder_of(&key(kind, &name))
    };
    match cluster.get(what, &folder("")).await {
        Err(ConnectError::Forbidden { .. }) => {
            cluster.get(what, &folder(cluster.namespace())).await
        }
        listed => listed,
    }
}

/// Every Application that one may see: of all namespaces, or of Argo CD's own where no more is allowed.
///
/// # Errors
/// There is no Argo CD; nothing may be seen.
pub async fn applications(cluster: &Cluster) -> Result<Vec<Application>, ConnectError> {
    if let Some(server) = cluster.server() {
        let found = server.applications().await?;
        return Ok(found.iter().map(read::application).collect());
    }
    let what = "the Applications of Argo CD";
    let listed = list(cluster, what, "Application").await?;
    Ok(read::items(&listed["items"])
        .map(read::application)
        .collect())
}

/// An Application as it is now.
///
/// # Errors
/// It was deleted; the cluster does not answer.
pub async fn application(cluster: &Cluster, name: &AppName) -> Result<Application, ConnectError> {
    let found = match cluster.server() {
        Some(server) => server.application(name).await?,
        None => {
            cluster
                .get(&format!("Application {name}"), &path(name))
                .await?
        }
    };
    Ok(read::application(&found))
}

/// The writes that ask for a comparison. An annotation can only be added where there are some.
fn refreshing(object: &Value) -> Vec<Value> {
    if object["metadata"]["annotations"].is_object() {
        vec![json!({"op": "add", "path": REFRESH_PATH, "value": "normal"})]
    } else {
        vec![
            json!({"op": "test", "path": "/metadata/annotations", "value": null}),
            json!({"op": "add", "path": "/metadata/annotations", "value": {REFRESH: "normal"}}),
        ]
    }
}

/// Reads an Application and writes on the condition of what was read.
async fn change(
    cluster: &Cluster,
    name: &AppName,
    what: &str,
    write: impl Fn(&Value) -> Vec<Value>,
) -> Result<(), ConnectError> {
    let what = format!("{what} of Application {name}");
    let path = path(name);
    let object = cluster.get(&what, &path).await?;
    let operations = Value::Array(write(&object));
    cluster
        .patch(&what, &path, Patch::Json, &operations)
        .await
        .map(drop)
}

const NO_OPERATION: &str = "/operation";
/// By when it was begun an operation is told from others.
const STARTED: &str = "/status/operationState/startedAt";

/// Asks for a sync, on the condition that none is asked for, and for a comparison, in one write.
///
/// Without the comparison Argo CD may go on from what it had read before; with the state of the last
/// operation left, a window may hold this one.
///
/// # Errors
/// A conflict where another operation is there.
pub async fn operate(cluster: &Cluster, name: &AppName, sync: &Sync) -> Result<(), ConnectError> {
    if let Some(server) = cluster.server() {
        return server.sync(name, sync).await;
    }
    change(cluster, name, "a sync", |object| {
        let several = object["spec"]["sources"].is_array();
        let mut write = vec![
            json!({"op": "test", "path": NO_OPERATION, "value": null}),
            json!({"op": "add", "path": NO_OPERATION, "value": sync.operation(several)}),
        ];
        if object["status"].is_object() {
            write.push(json!({"op": "add", "path": "/status/operationState", "value": null}));
        }
        write.extend(refreshing(object));
        write
    })
    .await
}

/// Asks for a comparison.
///
/// # Errors
/// The cluster does not answer or allow it.
pub async fn refresh(cluster: &Cluster, name: &AppName) -> Result<(), ConnectError> {
    if let Some(server) = cluster.server() {
        return server.refresh(name).await;
    }
    change(cluster, name, "a refresh", refreshing).await
}

/// Ends the sync that runs. One that was only just asked for cannot be ended yet: a conflict.
///
/// # Errors
/// A conflict where none runs.
pub async fn terminate(cluster: &Cluster, name: &AppName) -> Result<(), ConnectError> {
    if let Some(server) = cluster.server() {
        return server.terminate(name).await;
    }
    change(cluster, name, "the end of the sync", |object| {
        vec![
            // The operation itself cannot be compared: the API server writes `<` in it as `\u003c`.
            json!({"op": "test", "path": STARTED, "value": object.pointer(STARTED)}),
            json!({"op": "test", "path": "/status/operationState/phase", "value": "Running"}),
            json!({"op": "replace", "path": "/status/operationState/phase", "value": "Terminating"}),
        ]
    })
    .await
}

/// Takes away a sync that was ended inside a closed window: Argo CD leaves it `Terminating` for ever.
///
/// # Errors
/// A conflict where it is not stuck so.
pub async fn remove_terminating(cluster: &Cluster, name: &AppName) -> Result<(), ConnectError> {
    change(cluster, name, "the end of a stuck sync", |_| {
        vec![
            json!({"op": "test", "path": "/status/operationState/phase", "value": "Terminating"}),
            json!({"op": "replace", "path": "/status/operationState/phase", "value": "Failed"}),
            json!({"op": "remove", "path": NO_OPERATION}),
        ]
    })
    .await
}

/// Takes back a sync that was asked for and that nobody has begun, as when the controller is not there.
///
/// # Errors
/// A conflict where the Application changed meanwhile, as by its beginning.
pub async fn withdraw(cluster: &Cluster, name: &AppName) -> Result<(), ConnectError> {
    change(cluster, name, "the withdrawal of a sync", |object| {
        let version = &object["metadata"]["resourceVersion"];
        vec![
            json!({"op": "test", "path": "/metadata/resourceVersion", "value": version}),
            json!({"op": "remove", "path": NO_OPERATION}),
        ]
    })
    .await
}

/// Marks the last operation as failed and without a result, and asks for a comparison, in one write:
/// Argo CD then does nothing by itself. What it replaced, to be written back when nothing else does.
///
/// # Errors
/// A conflict where an operation is there; refused where none was ever done.
pub async fn mark(cluster: &Cluster, name: &AppName, message: &str) -> Result<Value, ConnectError> {
    let what = format!("the hold of Application {name}");
    let path = path(name);
    let object = cluster.get(&what, &path).await?;
    let state = object["status"]["operationState"].clone();
    if !state.is_object() {
        return Err(ConnectError::Refused {
            what,
            why: "no sync was ever done whose state could hold".into(),
        });
    }
    let mut write = vec![
        json!({"op": "test", "path": NO_OPERATION, "value": null}),
        json!({"op": "test", "path": STARTED, "value": state["startedAt"]}),
        json!({"op": "replace", "path": "/status/operationState/phase", "value": "Failed"}),
        json!({"op": "add", "path": "/status/operationState/message", "value": message}),
        json!({"op": "add", "path": "/status/operationState/syncResult", "value": null}),
    ];
    write.extend(refreshing(&object));
    cluster
        .patch(&what, &path, Patch::Json, &Value::Array(write))
        .await?;
    Ok(json!({
        "phase": state["phase"], "message": state["message"], "syncResult": state["syncResult"],
    }))
}

/// Writes the state of the last operation back as it was before a mark, if the mark is still there; where
/// that is not known nothing is left of the state, which ends the mark as well.
///
/// # Errors
/// A conflict where the mark is gone: an operation was done since, and nothing is to be restored.
pub async fn unmark(
    cluster: &Cluster,
    name: &AppName,
    message: &str,
    before: Option<&Value>,
) -> Result<(), ConnectError> {
    let state = "/status/operationState";
    change(cluster, name, "the release", |object| {
        let mut write = vec![
            json!({"op": "test", "path": format!("{state}/message"), "value": message}),
            json!({"op": "test", "path": format!("{state}/phase"), "value": "Failed"}),
        ];
        match before {
            Some(before) => write.extend(["phase", "message", "syncResult"].map(|field| {
                json!({"op": "add", "path": format!("{state}/{field}"), "value": before[field]})
            })),
            None => write.push(json!({"op": "add", "path": state, "value": null})),
        }
        write.extend(refreshing(object));
        write
    })
    .await
}

/// Whether an ApplicationSet syncs its Applications itself, in steps.
///
/// # Errors
/// The cluster does not answer or allow it.
pub async fn rolls_in_steps(
    cluster: &Cluster,
    namespace: &str,
    set: &str,
) -> Result<bool, ConnectError> {
    let name = AppName {
        namespace: namespace.to_owned(),
        name: set.to_owned(),
    };
    let found = cluster
        .get(
            &format!("ApplicationSet {name}"),
            &path_of(&key("ApplicationSet", &name)),
        )
        .await?;
    Ok(found["spec"]["strategy"]["type"] == "RollingSync")
}

/// The version of Argo CD as it names itself, or as the image of its controller is tagged; none where
/// neither is seen.
pub async fn version(cluster: &Cluster) -> Option<String> {
    if let Some(server) = cluster.server() {
        return server.version().await;
    }
    let what = "Argo CD's controller";
    let namespace = cluster.namespace();
    for kind in ["statefulsets", "deployments"] {
        let path = format!(
            "/apis/apps/v1/namespaces/{namespace}/{kind}?labelSelector=app.kubernetes.io%2Fname%3Dargocd-application-controller"
        );
        let found = cluster.get(what, &path).await.ok()?;
        if let Some(controller) = read::items(&found["items"]).next() {
            return version_of(controller);
        }
    }
    None
}

fn version_of(controller: &Value) -> Option<String> {
    let image = controller["spec"]["template"]["spec"]["containers"][0]["image"].as_str()?;
    tag_of(image).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sync() -> Sync {
        Sync {
            revisions: vec!["a".into(), "b".into()],
            prunes: true,
            runs_hooks: false,
            options: vec!["ServerSideApply=true".into()],
            recovery: "r-1".into(),
            words: BTreeMap::from([("Reason".into(), "x".into())]),
        }
    }

    #[test]
    fn an_operation_names_every_option_because_it_inherits_none() {
        let operation = sync().operation(false);
        assert_eq!(
            operation["sync"]["syncOptions"],
            json!(["ServerSideApply=true"])
        );
        assert_eq!(operation["sync"]["revision"], "a");
        assert!(operation["sync"]["revisions"].is_null());
        assert!(operation["retry"]["limit"].as_i64().unwrap() > 0);
        assert!(operation["initiatedBy"]["automated"].is_null());
    }

    #[test]
    fn hooks_run_only_when_they_are_asked_for() {
        assert!(sync().operation(true)["sync"]["syncStrategy"]["apply"].is_object());
        let with_hooks = Sync {
            runs_hooks: true,
            ..sync()
        };
        assert!(with_hooks.operation(true)["sync"]["syncStrategy"]["hook"].is_object());
    }

    #[test]
    fn a_refresh_leaves_other_annotations_alone() {
        let with = refreshing(&json!({"metadata": {"annotations": {"mine": "1"}}}));
        assert_eq!(with[0]["path"], REFRESH_PATH);
        let without = refreshing(&json!({"metadata": {}}));
        assert_eq!(without[0]["op"], "test");
    }

    #[test]
    fn the_version_of_a_controller_is_the_tag_of_its_image() {
        let of = |image: &str| {
            version_of(&json!({"spec": {"template": {"spec": {"containers": [{"image": image}]}}}}))
        };
        assert_eq!(
            of("quay.io:443/argoproj/argocd:v3.4.4").as_deref(),
            Some("v3.4.4")
        );
        assert_eq!(
            of("quay.io/argoproj/argocd:v3.4.4@sha256:aa").as_deref(),
            Some("v3.4.4")
        );
        assert_eq!(of("quay.io:443/argoproj/argocd"), None);
    }
}
