//! Workloads: what is seen of them, and what is done to them. All of it is temporary until Git says so.

use futures_util::future::join;
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

/// The templates that are kept of a workload.
#[derive(Clone, Debug, Default)]
pub struct Templates {
    /// All that could be read, newest first.
    pub revisions: Vec<Revision>,
    /// Why they may not be read: then there can be more than none.
    pub unread: Option<String>,
}

/// A workload as it is now, with its pods; none where it is of a kind that is not known.
///
/// # Errors
/// It is gone; the cluster does not answer or allow it.
pub async fn seen(cluster: &Cluster, key: &ObjectKey) -> Result<Option<Seen>, ConnectError> {
    let found = look(cluster, key, false).await?;
    Ok(found.map(|(seen, _)| seen))
}

/// The same with its templates. Where they may not be read there is no undo, and Git still works.
///
/// # Errors
/// It is gone; the cluster does not answer or allow it.
pub async fn seen_with_revisions(
    cluster: &Cluster,
    key: &ObjectKey,
) -> Result<Option<(Seen, Templates)>, ConnectError> {
    look(cluster, key, true).await
}

async fn look(
    cluster: &Cluster,
    key: &ObjectKey,
    wants_revisions: bool,
) -> Result<Option<(Seen, Templates)>, ConnectError> {
    let object = cluster.object(key).await?;
    let Some(mut workload) = read::workload(key, &object) else {
        return Ok(None);
    };
    let borrows = workload
        .rollout
        .as_ref()
        .is_some_and(|rollout| rollout.borrows_template);
    // Which template pods are to have only those say that do not name it themselves.
    let lists = wants_revisions || borrows || workload.template.is_none();
    let (pods, revisions) = join(pods(cluster, &workload), async {
        if lists {
            revisions(cluster, &workload).await
        } else {
            Ok(Vec::new())
        }
    })
    .await;
    let templates = readable(revisions)?;
    if workload.template.is_none() {
        let now = current(&workload, &object, &templates.revisions);
        workload.template = now.map(|now| now.hash.clone());
    }
    if borrows {
        // Its template is another object's: the one that its controller goes to tells.
        let rollout = workload.rollout.iter();
        let now = rollout.filter_map(|rollout| {
            let mut all = templates.revisions.iter();
            all.find(|one| one.hash == rollout.current_hash)
        });
        workload.images = now.flat_map(|now| now.images.clone()).collect();
    }
    Ok(Some((
        Seen {
            workload,
            pods: pods?,
        },
        templates,
    )))
}

/// What may not be read is not the same as what is not there.
fn readable(listed: Result<Vec<Revision>, ConnectError>) -> Result<Templates, ConnectError> {
    match listed {
        Err(ConnectError::Forbidden { why, .. }) => Ok(Templates {
            revisions: Vec::new(),
            unread: Some(why),
        }),
        listed => Ok(Templates {
            revisions: listed?,
            unread: None,
        }),
    }
}

/// The template that is wanted now, among all, newest first.
fn current<'r>(
    workload: &Workload,
    object: &Value,
    revisions: &'r [Revision],
) -> Option<&'r Revision> {
    if workload.kind != Kind::Deployment {
        return revisions.first();
    }
    let number = &object["metadata"]["annotations"]["deployment.kubernetes.io/revision"];
    let number: i64 = number.as_str()?.parse().ok()?;
    revisions.iter().find(|revision| revision.number == number)
}

/// The pods that a workload's selector selects and that belong to it.
async fn pods(cluster: &Cluster, workload: &Workload) -> Result<Vec<Pod>, ConnectError> {
    let found = listed(cluster, "", "Pod", workload).await?;
    let ours = found.iter().filter(|pod| read::is_pod_of(pod, workload));
    Ok(ours.map(read::pod).collect())
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

/// The templates of a workload, newest first.
async fn revisions(cluster: &Cluster, workload: &Workload) -> Result<Vec<Revision>, ConnectError> {
    let (kind, read): (_, fn(&Value) -> Option<Revision>) = match workload.kind {
        Kind::Deployment | Kind::Rollout => ("ReplicaSet", read::revision_of_replica_set),
        Kind::StatefulSet | Kind::DaemonSet => ("ControllerRevision", read::revision_of_controller),
    };
    let kept = listed(cluster, "apps", kind, workload).await?;
    let ours = kept.iter().filter(|object| belongs_to(object, workload));
    let mut found: Vec<Revision> = ours.filter_map(read).collect();
    found.sort_by_key(|revision| std::cmp::Reverse(revision.number));
    Ok(found)
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
    let is_native = matches!(workload.kind, Kind::StatefulSet | Kind::DaemonSet);
    if !is_native {
        // Nothing changed since it was seen: then there is no need to look again.
        let write = template_of(revision, &workload.generation.into());
        match cluster.change(&what, key, Patch::Json, &write).await {
            Err(ConnectError::Conflict { .. }) => {}
            done => return done.map(drop),
        }
    }
    let object = cluster.object(key).await?;
    let seen = read::workload(key, &object).map(|now| now.images);
    if seen.as_ref() != Some(&workload.images) {
        return Err(ConnectError::Conflict { what });
    }
    let meta = &object["metadata"];
    let done = if is_native {
        // The object's version is part of the patch: so it is a condition.
        let mut write = revision.template.clone();
        write["metadata"]["resourceVersion"] = meta["resourceVersion"].clone();
        cluster.change(&what, key, Patch::Strategic, &write).await
    } else {
        let write = template_of(revision, &meta["generation"]);
        cluster.change(&what, key, Patch::Json, &write).await
    };
    done.map(drop)
}

/// The write of an earlier template, while what is wanted is of a generation.
fn template_of(revision: &Revision, generation: &Value) -> Value {
    json!([
        // The template itself cannot be compared: the API server writes `&` in it as `\u0026`.
        {"op": "test", "path": "/metadata/generation", "value": generation},
        {"op": "replace", "path": "/spec/template", "value": revision.template},
    ])
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_that_may_not_be_read_are_not_taken_for_none() {
        let forbidden = readable(Err(ConnectError::Forbidden {
            what: "each ReplicaSet".into(),
            why: "replicasets.apps is forbidden".into(),
        }));
        let unread = forbidden.unwrap().unread;
        assert_eq!(unread.as_deref(), Some("replicasets.apps is forbidden"));
        assert!(readable(Ok(Vec::new())).unwrap().unread.is_none());
        let away = readable(Err(ConnectError::Unreachable {
            what: "each ReplicaSet".into(),
            why: "no answer".into(),
        }));
        assert!(away.is_err());
    }
}
