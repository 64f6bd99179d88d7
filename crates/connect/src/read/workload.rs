//! Deployments, StatefulSets, DaemonSets, Rollouts, their pods and their earlier templates.

use ripcord_domain::live::application::ObjectKey;
use ripcord_domain::live::workload::{Kind, Pod, Replacement, Revision, RolloutState, Workload};
use serde_json::Value;

use crate::read::{changed_by, instant, items, text};

/// Pods of a ReplicaSet of a Deployment carry the hash of its template in this label.
const DEPLOYMENT_HASH: &str = "pod-template-hash";
/// The same for a Rollout.
const ROLLOUT_HASH: &str = "rollouts-pod-template-hash";
/// The same for the other kinds, where it is the name of a ControllerRevision.
const CONTROLLER_HASH: &str = "controller-revision-hash";

/// What is read of a workload; none for another kind.
pub fn workload(key: &ObjectKey, object: &Value) -> Option<Workload> {
    let kind = Kind::of(key)?;
    let (meta, spec, status) = (&object["metadata"], &object["spec"], &object["status"]);
    let number = |value: &Value| value.as_i64().unwrap_or(0);
    let is_daemon = kind == Kind::DaemonSet;
    let wanted = if is_daemon {
        number(&status["desiredNumberScheduled"])
    } else {
        spec["replicas"].as_i64().unwrap_or(1)
    };
    // A Rollout writes it as a text, of a hash in older releases.
    let observed = &status["observedGeneration"];
    let observed = observed
        .as_i64()
        .or_else(|| observed.as_str().and_then(|text| text.parse().ok()))
        .unwrap_or(0);
    let count =
        |name: &str, of_daemon: &str| number(&status[if is_daemon { of_daemon } else { name }]);
    Some(Workload {
        key: key.clone(),
        kind,
        uid: text(&meta["uid"]),
        generation: number(&meta["generation"]),
        observed,
        wanted,
        replicas: count("replicas", "currentNumberScheduled"),
        updated: count("updatedReplicas", "updatedNumberScheduled"),
        available: count("availableReplicas", "numberAvailable"),
        terminating: status["terminatingReplicas"].as_i64(),
        is_paused: spec["paused"] == true,
        images: images(&spec["template"]["spec"]),
        selector: selector(&spec["selector"]["matchLabels"]),
        template: match kind {
            // The ReplicaSet of the template is known by its hash only; pods tell.
            Kind::Deployment => None,
            Kind::StatefulSet | Kind::DaemonSet => {
                Some(text(&status["updateRevision"])).filter(|name| !name.is_empty())
            }
            Kind::Rollout => Some(text(&status["currentPodHash"])).filter(|hash| !hash.is_empty()),
        },
        replacement: Replacement {
            is_ordered: kind == Kind::StatefulSet && spec["podManagementPolicy"] != "Parallel",
            is_by_hand: spec["updateStrategy"]["type"] == "OnDelete",
            at_once: at_once(kind, spec, wanted),
        },
        rollout: (kind == Kind::Rollout).then(|| rollout(spec, status)),
        changed_by: changed_by(meta),
    })
}

/// How many pods are replaced at the same time; 0 is all
/// (<https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#rolling-update-deployment>).
fn at_once(kind: Kind, spec: &Value, pods: i64) -> i64 {
    let share = |value: &Value, usual: &str, rounds_up: bool| -> i64 {
        let percent = |text: &str| text.strip_suffix('%')?.parse::<i64>().ok();
        if let Some(count) = value.as_i64() {
            return count;
        }
        let share = percent(value.as_str().unwrap_or(usual)).unwrap_or(0) * pods;
        if rounds_up {
            (share + 99) / 100
        } else {
            share / 100
        }
    };
    match kind {
        Kind::StatefulSet => 1,
        Kind::DaemonSet => {
            let rolling = &spec["updateStrategy"]["rollingUpdate"];
            share(&rolling["maxSurge"], "0%", true)
                + share(&rolling["maxUnavailable"], "1", true).max(1)
        }
        Kind::Deployment if spec["strategy"]["type"] == "Recreate" => 0,
        Kind::Deployment | Kind::Rollout => {
            let (rolling, canary) = (
                &spec["strategy"]["rollingUpdate"],
                &spec["strategy"]["canary"],
            );
            if spec["strategy"]["blueGreen"].is_object() {
                return 0;
            }
            let settings = if canary.is_object() { canary } else { rolling };
            let both = share(&settings["maxSurge"], "25%", true)
                + share(&settings["maxUnavailable"], "25%", false);
            both.max(1)
        }
    }
}

fn rollout(spec: &Value, status: &Value) -> RolloutState {
    RolloutState {
        current_hash: text(&status["currentPodHash"]),
        stable_hash: text(&status["stableRS"]),
        phase: text(&status["phase"]),
        is_aborted: status["abort"] == true,
        is_promoted_fully: status["promoteFull"] == true,
        rollback_window: spec["rollbackWindow"]["revisions"].as_i64(),
        borrows_template: spec["workloadRef"].is_object(),
    }
}

/// Labels as a query says them, in a fixed order.
fn selector(labels: &Value) -> String {
    let mut pairs: Vec<String> = labels
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| format!("{name}={}", text(value)))
        .collect();
    pairs.sort();
    pairs.join(",")
}

/// The images of a pod's containers, those that prepare it included.
fn images(spec: &Value) -> Vec<String> {
    items(&spec["initContainers"])
        .chain(items(&spec["containers"]))
        .map(|container| text(&container["image"]))
        .collect()
}

/// The image of each container and the digest that its node pulled for it, where that is said.
fn pulled(pod: &Value) -> Vec<(String, String)> {
    let of = |statuses: &str, containers: &str| {
        items(&pod["status"][statuses])
            .filter_map(|status| {
                // `docker.io/acme/pay@sha256:…`, of some runtimes `sha256:…` alone.
                let id = status["imageID"].as_str()?;
                let digest = id.rsplit('@').next()?;
                let mut all = items(&pod["spec"][containers]);
                let container = all.find(|container| container["name"] == status["name"])?;
                digest
                    .starts_with("sha256:")
                    .then(|| (text(&container["image"]), digest.to_owned()))
            })
            .collect::<Vec<_>>()
    };
    let mut pulled = of("initContainerStatuses", "initContainers");
    pulled.extend(of("containerStatuses", "containers"));
    pulled
}

/// Whether a pod is a workload's. A selector alone does not tell: it may select what others made too.
pub fn is_pod_of(object: &Value, workload: &Workload) -> bool {
    let meta = &object["metadata"];
    let name = &workload.key.name;
    let hash = match workload.kind {
        Kind::StatefulSet | Kind::DaemonSet => None,
        Kind::Deployment => Some(text(&meta["labels"][DEPLOYMENT_HASH])),
        Kind::Rollout => Some(text(&meta["labels"][ROLLOUT_HASH])),
    };
    items(&meta["ownerReferences"]).any(|owner| match &hash {
        None => owner["uid"] == *workload.uid,
        // In between is a ReplicaSet, whose name says whose it is and of which template.
        Some(hash) => owner["kind"] == "ReplicaSet" && owner["name"] == format!("{name}-{hash}"),
    })
}

/// What is read of a pod.
pub fn pod(object: &Value) -> Pod {
    let (meta, status) = (&object["metadata"], &object["status"]);
    let labels = &meta["labels"];
    let template = [DEPLOYMENT_HASH, ROLLOUT_HASH, CONTROLLER_HASH]
        .iter()
        .map(|name| text(&labels[name]))
        .find(|hash| !hash.is_empty());
    let ready = items(&status["conditions"])
        .find(|condition| condition["type"] == "Ready" && condition["status"] == "True");
    let is_ready = ready.is_some();
    let waiting = items(&status["containerStatuses"])
        .chain(items(&status["initContainerStatuses"]))
        .find_map(|container| {
            let state = &container["state"];
            let reason = [&state["waiting"]["reason"], &state["terminated"]["reason"]];
            reason.iter().find_map(|reason| reason.as_str())
        });
    let phase = text(&status["phase"]);
    Pod {
        name: text(&meta["name"]),
        uid: text(&meta["uid"]),
        images: images(&object["spec"]),
        pulled: pulled(object),
        is_ready,
        is_going: !meta["deletionTimestamp"].is_null(),
        is_over: matches!(phase.as_str(), "Succeeded" | "Failed"),
        template,
        trouble: (!is_ready).then(|| waiting.map(str::to_owned)).flatten(),
        made: instant(&meta["creationTimestamp"]),
        ready_since: ready.and_then(|condition| instant(&condition["lastTransitionTime"])),
    }
}

/// The earlier template that a ReplicaSet keeps; none where it has no number.
pub fn revision_of_replica_set(object: &Value) -> Option<Revision> {
    let meta = &object["metadata"];
    let annotations = &meta["annotations"];
    let number = [
        "deployment.kubernetes.io/revision",
        "rollout.argoproj.io/revision",
    ]
    .iter()
    .find_map(|name| annotations[name].as_str()?.parse().ok())?;
    let hash = [DEPLOYMENT_HASH, ROLLOUT_HASH]
        .iter()
        .map(|name| text(&meta["labels"][name]))
        .find(|hash| !hash.is_empty());
    let mut template = object["spec"]["template"].clone();
    if let Some(labels) = template["metadata"]["labels"].as_object_mut() {
        labels.remove(DEPLOYMENT_HASH);
        labels.remove(ROLLOUT_HASH);
    }
    Some(Revision {
        number,
        name: text(&meta["name"]),
        hash: hash.unwrap_or_default(),
        images: images(&template["spec"]),
        template,
    })
}

/// The earlier template that a ControllerRevision keeps, as the patch that restores it.
pub fn revision_of_controller(object: &Value) -> Option<Revision> {
    let data = &object["data"];
    Some(Revision {
        number: object["revision"].as_i64()?,
        name: text(&object["metadata"]["name"]),
        hash: text(&object["metadata"]["labels"][CONTROLLER_HASH]),
        images: images(&data["spec"]["template"]["spec"]),
        template: data.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pod_that_a_selector_selects_and_another_made_is_not_ours() {
        let of = |kind: &str, name: &str, uid: &str| {
            let key = ObjectKey {
                group: "apps".into(),
                version: "v1".into(),
                kind: kind.into(),
                namespace: "pay".into(),
                name: name.into(),
            };
            workload(&key, &json!({"metadata": {"uid": uid}})).unwrap()
        };
        let pod = |kind: &str, owner: &str, uid: &str, hash: &str| {
            json!({"metadata": {
                "labels": {DEPLOYMENT_HASH: hash},
                "ownerReferences": [{"kind": kind, "name": owner, "uid": uid}],
            }})
        };
        let pay = of("Deployment", "pay", "1");
        assert!(is_pod_of(&pod("ReplicaSet", "pay-66fc", "2", "66fc"), &pay));
        let worker = pod("ReplicaSet", "pay-worker-66fc", "3", "66fc");
        assert!(!is_pod_of(&worker, &pay));
        assert!(is_pod_of(&worker, &of("Deployment", "pay-worker", "4")));
        let set = of("StatefulSet", "pay", "5");
        assert!(is_pod_of(&pod("StatefulSet", "pay", "5", ""), &set));
        assert!(!is_pod_of(&pod("StatefulSet", "other", "6", ""), &set));
        assert!(!is_pod_of(&json!({"metadata": {}}), &set));
    }

    #[test]
    fn what_a_node_pulled_belongs_to_the_image_that_the_container_asked_for() {
        let pod = pod(&json!({
            "spec": {
                "initContainers": [{"name": "migrate", "image": "acme/migrate:v1"}],
                "containers": [
                    {"name": "app", "image": "acme/pay:v1"},
                    {"name": "proxy", "image": "envoy:1.30"},
                    {"name": "late", "image": "acme/late:v1"},
                ],
            },
            "status": {
                "initContainerStatuses": [{"name": "migrate", "imageID": "sha256:cc"}],
                "containerStatuses": [
                    {"name": "proxy", "image": "sha256:dd", "imageID": "docker-pullable://envoy@sha256:bb"},
                    {"name": "app", "imageID": "docker.io/acme/pay@sha256:aa"},
                    {"name": "late", "imageID": ""},
                ],
            },
        }));
        let pulled: Vec<(&str, &str)> = pod
            .pulled
            .iter()
            .map(|(image, digest)| (image.as_str(), digest.as_str()))
            .collect();
        assert_eq!(
            pulled,
            [
                ("acme/migrate:v1", "sha256:cc"),
                ("envoy:1.30", "sha256:bb"),
                ("acme/pay:v1", "sha256:aa"),
            ]
        );
    }

    #[test]
    fn a_rolling_update_replaces_what_surge_and_outage_allow_together() {
        let of = |kind, strategy: Value, pods| at_once(kind, &json!({"strategy": strategy}), pods);
        assert_eq!(of(Kind::Deployment, json!({}), 4), 2);
        assert_eq!(of(Kind::Deployment, json!({}), 1), 1);
        assert_eq!(
            of(
                Kind::Deployment,
                json!({"rollingUpdate": {"maxSurge": "100%", "maxUnavailable": 0}}),
                4
            ),
            4
        );
        assert_eq!(of(Kind::Deployment, json!({"type": "Recreate"}), 4), 0);
        assert_eq!(
            of(
                Kind::Rollout,
                json!({"canary": {"maxSurge": 1, "maxUnavailable": 0}}),
                4
            ),
            1
        );
        assert_eq!(of(Kind::StatefulSet, json!({}), 4), 1);
        assert_eq!(of(Kind::DaemonSet, json!({}), 4), 1);
    }
}
