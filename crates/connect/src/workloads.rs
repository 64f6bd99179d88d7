//! Workloads: what is seen of them, and what is done to them. All of it is temporary until Git says so.

use ripcord_domain::live::application::ObjectKey;
use ripcord_domain::live::workload::{Kind, Pod, Revision, Workload};
use serde_json::{Value, json};

use crate::cluster::{Cluster, Patch, path_of};
use crate::error::ConnectError;
use crate::read::{self, items};

/// A workload with its pods.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The workload.
    pub workload: Workload,
    /// Its pods, those that are ending too.
    pub pods: Vec<Pod>,
}

/// A workload as it is now, with its pods; none where it is of a kind that is not known.
///
/// # Errors
/// It is gone; the cluster does not answer or allow it.
pub async fn seen(cluster: &Cluster, key: &ObjectKey) -> Result<Option<Seen>, ConnectError> {
    let object = cluster.object(key).await?;
    let Some(mut workload) = read::workload(key, &object) else {
        return Ok(None);
    };
    if let Some(rollout) = workload.rollout.as_mut()
        && rollout.borrows_template
    {
        // Its template is another object's: pods and their hashes tell.
        workload.images = Vec::new();
    }
    let pods = pods(cluster, &workload).await?;
    if workload.template.is_none() {
        workload.template = current_template(cluster, &workload, &object).await?;
    }
    Ok(Some(Seen { workload, pods }))
}

/// The pods that a workload's selector selects and that belong to it.
async fn pods(cluster: &Cluster, workload: &Workload) -> Result<Vec<Pod>, ConnectError> {
    let found = listed(cluster, "", "Pod", workload).await?;
    Ok(found.iter().map(read::pod).collect())
}

async fn listed(
    cluster: &Cluster,
    group: &str,
    kind: &str,
    workload: &Workload,
) -> Result<Vec<Value>, ConnectError> {
    let kind = ObjectKey {
        group: group.into(),
        version: "v1".into(),
        kind: kind.into(),
        namespace: workload.key.namespace.clone(),
        name: String::new(),
    };
    let what = format!("each {} of {}", kind.kind, workload.key);
    cluster.objects(&what, &kind, &workload.selector).await
}

fn belongs_to(object: &Value, workload: &Workload) -> bool {
    items(&object["metadata"]["ownerReferences"]).any(|owner| owner["uid"] == *workload.uid)
}

/// The objects in which a workload's templates are kept.
async fn kept(cluster: &Cluster, workload: &Workload) -> Result<Vec<Value>, ConnectError> {
    let kind = match workload.kind {
        Kind::Deployment | Kind::Rollout => "ReplicaSet",
        Kind::StatefulSet | Kind::DaemonSet => "ControllerRevision",
    };
    let mut kept = listed(cluster, "apps", kind, workload).await?;
    kept.retain(|object| belongs_to(object, workload));
    Ok(kept)
}

/// What pods of the wanted template carry as its hash.
async fn current_template(
    cluster: &Cluster,
    workload: &Workload,
    object: &Value,
) -> Result<Option<String>, ConnectError> {
    let (label, newest) = match workload.kind {
        Kind::Deployment => {
            let number = &object["metadata"]["annotations"]["deployment.kubernetes.io/revision"];
            (
                "pod-template-hash",
                number
                    .as_str()
                    .and_then(|number| number.parse::<i64>().ok()),
            )
        }
        Kind::DaemonSet => ("controller-revision-hash", None),
        Kind::StatefulSet | Kind::Rollout => return Ok(None),
    };
    let kept = kept(cluster, workload).await?;
    let mut numbered = kept
        .iter()
        .filter_map(|object| Some((revision(workload.kind, object)?.number, object)));
    let current = match newest {
        Some(newest) => numbered.find(|(number, _)| *number == newest),
        None => numbered.max_by_key(|(number, _)| *number),
    };
    Ok(current.map(|(_, object)| read::text(&object["metadata"]["labels"][label])))
}

fn revision(kind: Kind, object: &Value) -> Option<Revision> {
    match kind {
        Kind::Deployment | Kind::Rollout => read::revision_of_replica_set(object),
        Kind::StatefulSet | Kind::DaemonSet => read::revision_of_controller(object),
    }
}

/// The earlier templates of a workload, newest first.
///
/// # Errors
/// The cluster does not answer or allow it.
pub async fn revisions(
    cluster: &Cluster,
    workload: &Workload,
) -> Result<Vec<Revision>, ConnectError> {
    let mut found: Vec<Revision> = kept(cluster, workload)
        .await?
        .iter()
        .filter_map(|object| revision(workload.kind, object))
        .collect();
    found.sort_by_key(|revision| std::cmp::Reverse(revision.number));
    Ok(found)
}

/// The images of the template by whose hash a Rollout's stable side is known.
///
/// # Errors
/// The cluster does not answer or allow it.
pub async fn images_of_hash(
    cluster: &Cluster,
    workload: &Workload,
    hash: &str,
) -> Result<Vec<String>, ConnectError> {
    let kept = kept(cluster, workload).await?;
    let found = kept
        .iter()
        .find(|object| object["metadata"]["labels"][read::ROLLOUT_HASH] == *hash);
    Ok(found
        .and_then(|object| revision(workload.kind, object))
        .map(|revision| revision.images)
        .unwrap_or_default())
}

/// Gives a workload an earlier template, as `kubectl rollout undo` does, on the condition that its
/// template is still the one that was seen: a newer deploy is never undone by mistake.
///
/// # Errors
/// A conflict where somebody changed it meanwhile.
pub async fn undo(
    cluster: &Cluster,
    workload: &Workload,
    revision: &Revision,
) -> Result<(), ConnectError> {
    let key = &workload.key;
    let what = format!("the undo of {key}");
    let object = cluster.object(key).await?;
    let generation = &object["metadata"]["generation"];
    let seen = read::workload(key, &object).map(|now| now.images);
    if seen.as_ref() != Some(&workload.images) {
        return Err(ConnectError::Conflict { what });
    }
    match workload.kind {
        Kind::Deployment | Kind::Rollout => {
            let write = json!([
                // The template itself cannot be compared: the API server writes `&` in it as `\u0026`.
                {"op": "test", "path": "/metadata/generation", "value": generation},
                {"op": "replace", "path": "/spec/template", "value": revision.template},
            ]);
            cluster.change(&what, key, Patch::Json, &write).await?;
        }
        Kind::StatefulSet | Kind::DaemonSet => {
            // The object's version is part of the patch: so it is a condition.
            let mut write = revision.template.clone();
            write["metadata"]["resourceVersion"] = object["metadata"]["resourceVersion"].clone();
            cluster.change(&what, key, Patch::Strategic, &write).await?;
        }
    }
    Ok(())
}

async fn patch_status(
    cluster: &Cluster,
    key: &ObjectKey,
    what: &str,
    status: &Value,
) -> Result<(), ConnectError> {
    let body = json!({"status": status});
    let path = path_of(key);
    match cluster
        .patch(what, &format!("{path}/status"), Patch::Merge, &body)
        .await
    {
        // Releases whose kind has no status of its own.
        Err(ConnectError::Missing { .. }) => cluster
            .patch(what, &path, Patch::Merge, &body)
            .await
            .map(drop),
        done => done.map(drop),
    }
}

/// Stops the version of a Rollout that is on its way.
///
/// # Errors
/// The cluster does not answer or allow it.
pub async fn abort(cluster: &Cluster, key: &ObjectKey) -> Result<(), ConnectError> {
    let what = format!("the abort of {key}");
    match cluster.act(&what, key, "abort").await {
        Some(done) => done,
        None => patch_status(cluster, key, &what, &json!({"abort": true})).await,
    }
}

/// Lets a Rollout skip its remaining steps. Before its new template is seen this is lost.
///
/// # Errors
/// The cluster does not answer or allow it.
pub async fn promote(cluster: &Cluster, key: &ObjectKey) -> Result<(), ConnectError> {
    let what = format!("the promotion of {key}");
    match cluster.act(&what, key, "promote-full").await {
        Some(done) => done,
        None => patch_status(cluster, key, &what, &json!({"promoteFull": true})).await,
    }
}

/// Deletes one pod, if it is still the one that was seen.
///
/// # Errors
/// A conflict where it is another one by now; missing where it is gone.
pub async fn delete_pod(cluster: &Cluster, namespace: &str, pod: &Pod) -> Result<(), ConnectError> {
    let key = ObjectKey {
        group: String::new(),
        version: "v1".into(),
        kind: "Pod".into(),
        namespace: namespace.to_owned(),
        name: pod.name.clone(),
    };
    let what = format!("the deletion of {key}");
    cluster.delete(&what, &key, &pod.uid).await
}

/// Deletes an object, such as a Job that cannot be changed, if it is still the one that is there now.
///
/// # Errors
/// The cluster does not answer or allow it.
pub async fn delete(cluster: &Cluster, key: &ObjectKey) -> Result<(), ConnectError> {
    let what = format!("the deletion of {key}");
    let object = cluster.object(key).await?;
    let uid = read::text(&object["metadata"]["uid"]);
    cluster.delete(&what, key, &uid).await
}

/// The AnalysisRuns of a Rollout, as they are: they are evidence, and are gone soon.
///
/// # Errors
/// The cluster does not answer or allow it.
pub async fn analysis_runs(
    cluster: &Cluster,
    workload: &Workload,
) -> Result<Vec<Value>, ConnectError> {
    let kind = ObjectKey {
        group: "argoproj.io".into(),
        version: "v1alpha1".into(),
        kind: "AnalysisRun".into(),
        namespace: workload.key.namespace.clone(),
        name: String::new(),
    };
    let what = format!("each AnalysisRun of {}", workload.key);
    let mut runs = cluster.objects(&what, &kind, "").await?;
    runs.retain(|object| belongs_to(object, workload));
    Ok(runs)
}
