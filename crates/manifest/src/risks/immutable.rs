//! Fields that the API server refuses to change on a living object.

use super::meaning::meaning;
use crate::facts::ObjectRef;
use crate::yaml::Node;

/// The immutable fields of an object that differ, as paths.
///
/// - Deployment, ReplicaSet, DaemonSet: `spec.selector`
///   (<https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#label-selector-updates>)
/// - StatefulSet: all of `spec` but replicas, template, updateStrategy, ordinals, minReadySeconds,
///   revisionHistoryLimit and persistentVolumeClaimRetentionPolicy; the fields that people write are
///   listed (<https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/>)
/// - Job: `spec.selector`, `spec.template`, `spec.completions`
///   (<https://kubernetes.io/docs/concepts/workloads/controllers/job/>)
/// - PersistentVolumeClaim: all of `spec` but a growing storage request
///   (<https://kubernetes.io/docs/concepts/storage/persistent-volumes/#expanding-persistent-volumes-claims>)
/// - Service: `spec.clusterIP`
pub(super) fn changed(old: &Node<'_>, new: &Node<'_>, object: &ObjectRef) -> Vec<&'static str> {
    let fields: &[&str] = match (object.api_group.as_str(), object.kind.as_str()) {
        ("apps", "Deployment" | "ReplicaSet" | "DaemonSet") => &["spec.selector"],
        ("apps", "StatefulSet") => &[
            "spec.selector",
            "spec.serviceName",
            "spec.volumeClaimTemplates",
            "spec.podManagementPolicy",
        ],
        ("batch", "Job") => &["spec.selector", "spec.template", "spec.completions"],
        ("", "PersistentVolumeClaim") => &["spec"],
        ("", "Service") => &["spec.clusterIP"],
        _ => &[],
    };
    fields
        .iter()
        .copied()
        .filter(|path| at(old, path) != at(new, path))
        .collect()
}

fn at(node: &Node<'_>, path: &str) -> Option<String> {
    path.split('.')
        .try_fold(node, |node, key| node.get(key))
        .map(meaning)
}
