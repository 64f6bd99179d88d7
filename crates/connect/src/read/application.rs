//! Applications of Argo CD
//! (<https://argo-cd.readthedocs.io/en/stable/operator-manual/application.yaml>).

use ripcord_domain::live::application::{
    AppName, Application, AutoSync, Destination, ObjectKey, Operation, OperationState, Resource,
    Source, Synced,
};
use ripcord_domain::live::drift::IgnoredFields;
use serde_json::Value;

use crate::argocd::{RECOVERY, REFRESH};
use crate::read::{changed_by, instant, items, managed_by, text, texts};

/// What is read of an Application.
pub fn application(object: &Value) -> Application {
    let (meta, spec, status) = (&object["metadata"], &object["spec"], &object["status"]);
    let has_several_sources = spec["sources"].is_array();
    let (written, sources) = if has_several_sources {
        let written = &spec["sources"];
        (written, items(written).map(source).collect())
    } else {
        let written = &spec["source"];
        (written, vec![source(written)])
    };
    let annotation = |name: &str| &meta["annotations"][name];
    let automated = &spec["syncPolicy"]["automated"];
    let destination = &spec["destination"];
    Application {
        name: AppName {
            namespace: text(&meta["namespace"]),
            name: text(&meta["name"]),
        },
        project: text(&spec["project"]),
        sources,
        has_several_sources,
        destination: Destination {
            server: text(&destination["server"]),
            name: text(&destination["name"]),
            namespace: text(&destination["namespace"]),
        },
        // `automated: {}` is on; `enabled: false` exists since v3.1.
        auto_sync: (automated.is_object() && automated["enabled"] != false).then(|| AutoSync {
            prunes: automated["prune"] == true,
            self_heals: automated["selfHeal"] == true,
            refreshes_retries: spec["syncPolicy"]["retry"]["refresh"] == true,
        }),
        sync_options: texts(&spec["syncPolicy"]["syncOptions"]),
        ignored: items(&spec["ignoreDifferences"]).map(ignored).collect(),
        is_skipped: annotation("argocd.argoproj.io/skip-reconcile") == "true",
        settings: written.to_string(),
        application_set: items(&meta["ownerReferences"])
            .find(|owner| owner["kind"] == "ApplicationSet")
            .map(|owner| text(&owner["name"])),
        generate_paths: text(annotation("argocd.argoproj.io/manifest-generate-paths"))
            .split(';')
            .map(str::trim)
            .filter(|path| !path.is_empty())
            .map(str::to_owned)
            .collect(),
        labels: meta["labels"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.clone(), text(value)))
            .collect(),
        managed_by: managed_by(meta),
        changed_by: changed_by(meta),
        image_updater: text(annotation("argocd-image-updater.argoproj.io/image-list"))
            .split(',')
            .map(str::trim)
            .filter(|image| !image.is_empty())
            .map(str::to_owned)
            .collect(),
        sync: text(&status["sync"]["status"]),
        revisions: revisions(&status["sync"]),
        health: text(&status["health"]["status"]),
        operation: object["operation"]
            .is_object()
            .then(|| operation(&object["operation"])),
        operation_state: status["operationState"]
            .is_object()
            .then(|| operation_state(&status["operationState"])),
        history: items(&status["history"])
            .map(|entry| Synced {
                revisions: revisions(entry),
                started: instant(&entry["deployStartedAt"]),
                at: instant(&entry["deployedAt"]),
            })
            .collect(),
        resources: items(&status["resources"]).map(resource).collect(),
        refresh_is_asked: !annotation(REFRESH).is_null(),
        conditions: items(&status["conditions"])
            .filter(|condition| text(&condition["type"]).ends_with("Error"))
            .map(|condition| text(&condition["message"]))
            .collect(),
        is_outdated: is_outdated(spec, &status["sync"]["comparedTo"]),
        is_going: !meta["deletionTimestamp"].is_null(),
        is_hydrated: spec["sourceHydrator"].is_object(),
    }
}

/// Whether what was compared last came from other settings than there are now.
fn is_outdated(spec: &Value, compared: &Value) -> bool {
    let now: Vec<&Value> = match spec["sources"].as_array() {
        Some(sources) => sources.iter().collect(),
        None => vec![&spec["source"]],
    };
    let then: Vec<&Value> = match compared["sources"].as_array() {
        Some(sources) => sources.iter().collect(),
        None => vec![&compared["source"]],
    };
    // Before the first comparison there is nothing to tell by.
    let is_known = then.iter().any(|source| !source["repoURL"].is_null());
    let parts = [
        "repoURL",
        "path",
        "chart",
        "targetRevision",
        "helm",
        "kustomize",
    ];
    is_known
        && (now.len() != then.len()
            || now
                .iter()
                .zip(&then)
                .any(|(now, then)| parts.iter().any(|part| now[*part] != then[*part])))
}

fn source(source: &Value) -> Source {
    let filled = |value: &Value| Some(text(value)).filter(|text| !text.is_empty());
    Source {
        repository: text(&source["repoURL"]),
        path: filled(&source["path"]),
        target: text(&source["targetRevision"]),
        lent_as: filled(&source["ref"]),
        value_files: texts(&source["helm"]["valueFiles"]),
    }
}

/// An entry of `ignoreDifferences`.
fn ignored(entry: &Value) -> IgnoredFields {
    IgnoredFields {
        group: text(&entry["group"]),
        kind: text(&entry["kind"]),
        namespace: text(&entry["namespace"]),
        name: text(&entry["name"]),
        pointers: texts(&entry["jsonPointers"]),
        expressions: texts(&entry["jqPathExpressions"]),
        managers: texts(&entry["managedFieldsManagers"]),
    }
}

/// One commit, or one for each source.
fn revisions(of: &Value) -> Vec<String> {
    let several = texts(&of["revisions"]);
    if !several.is_empty() {
        return several;
    }
    let one = text(&of["revision"]);
    if one.is_empty() {
        Vec::new()
    } else {
        vec![one]
    }
}

fn operation(operation: &Value) -> Operation {
    let by = &operation["initiatedBy"];
    Operation {
        recovery: items(&operation["info"])
            .find(|info| info["name"] == RECOVERY)
            .map(|info| text(&info["value"])),
        is_automated: by["automated"] == true,
        username: text(&by["username"]),
        revisions: revisions(&operation["sync"]),
        is_partial: items(&operation["sync"]["resources"]).next().is_some(),
        heals: operation["sync"]["autoHealAttemptsCount"]
            .as_u64()
            .and_then(|count| count.try_into().ok())
            .unwrap_or_default(),
    }
}

fn operation_state(state: &Value) -> OperationState {
    let result = &state["syncResult"];
    let key = |entry: &Value| ObjectKey {
        group: text(&entry["group"]),
        version: text(&entry["version"]),
        kind: text(&entry["kind"]),
        namespace: text(&entry["namespace"]),
        name: text(&entry["name"]),
    };
    OperationState {
        phase: text(&state["phase"]),
        message: text(&state["message"]),
        operation: operation(&state["operation"]),
        synced: revisions(result),
        ended: instant(&state["finishedAt"]),
        failed: items(&result["resources"])
            .filter(|entry| entry["status"] == "SyncFailed")
            .map(|entry| (key(entry), text(&entry["message"])))
            .collect(),
        waiting_hooks: items(&result["resources"])
            .filter(|entry| !entry["hookType"].is_null() && entry["hookPhase"] == "Running")
            .map(key)
            .collect(),
    }
}

fn resource(entry: &Value) -> Resource {
    Resource {
        key: ObjectKey {
            group: text(&entry["group"]),
            version: text(&entry["version"]),
            kind: text(&entry["kind"]),
            namespace: text(&entry["namespace"]),
            name: text(&entry["name"]),
        },
        is_synced: entry["status"] != "OutOfSync",
        wants_pruning: entry["requiresPruning"] == true,
        is_hook: entry["hook"] == true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn auto_sync_is_on_when_it_is_written_and_not_switched_off() {
        let policy = |automated: Value| {
            application(&json!({"spec": {"syncPolicy": {"automated": automated}}})).auto_sync
        };
        assert!(policy(json!({})).is_some());
        assert!(
            policy(json!({"enabled": true, "selfHeal": true}))
                .unwrap()
                .self_heals
        );
        assert_eq!(policy(json!({"enabled": false, "selfHeal": true})), None);
        assert_eq!(policy(Value::Null), None);
    }

    #[test]
    fn an_operation_is_known_by_the_recovery_in_its_info() {
        let app = application(&json!({
            "operation": {
                "info": [{"name": "Reason", "value": "x"}, {"name": "Recovery", "value": "r-1"}],
                "sync": {"revisions": ["a", "b"]},
            },
        }));
        let operation = app.operation.unwrap();
        assert_eq!(operation.recovery.as_deref(), Some("r-1"));
        assert_eq!(operation.revisions, ["a", "b"]);
    }

    #[test]
    fn an_application_whose_settings_changed_since_is_outdated() {
        let with = |image: &str| {
            let source = |image: &str| json!({"repoURL": "r", "kustomize": {"images": [image]}});
            application(&json!({
                "spec": {"source": source(image)},
                "status": {"sync": {"comparedTo": {"source": source("a:v2")}}},
            }))
        };
        assert!(with("a:v1").is_outdated);
        assert!(!with("a:v2").is_outdated);
        assert!(!application(&json!({"spec": {"source": {"repoURL": "r"}}})).is_outdated);
    }

    #[test]
    fn what_is_ignored_and_how_often_self_heal_tried_is_read() {
        let app = application(&json!({
            "metadata": {"annotations": {"argocd.argoproj.io/skip-reconcile": "true"}},
            "spec": {"ignoreDifferences": [{
                "group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"],
            }]},
            "status": {"operationState": {"operation": {"sync": {"autoHealAttemptsCount": 3}}}},
        }));
        assert!(app.is_skipped);
        assert_eq!(app.ignored[0].pointers, ["/spec/replicas"]);
        assert_eq!(app.operation_state.unwrap().operation.heals, 3);
    }

    #[test]
    fn an_object_that_says_nothing_is_read_as_nothing() {
        let app = application(&json!({}));
        assert!(app.operation.is_none() && app.revisions.is_empty() && app.auto_sync.is_none());
    }
}
