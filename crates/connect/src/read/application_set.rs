//! ApplicationSets of Argo CD
//! (<https://argo-cd.readthedocs.io/en/stable/operator-manual/applicationset/>).

use ripcord_domain::live::application::AppName;
use ripcord_domain::live::generated::{ApplicationSet, Identity, WatchedFiles, generators};
use serde_json::Value;

use crate::read::{items, text};

/// What is read of an ApplicationSet.
pub fn application_set(object: &Value) -> ApplicationSet {
    let (meta, template) = (&object["metadata"], &object["spec"]["template"]);
    let spec = &template["spec"];
    let paths = match spec["sources"].as_array() {
        Some(sources) => sources.iter().map(|one| text(&one["path"])).collect(),
        None => vec![text(&spec["source"]["path"])],
    };
    let to = &spec["destination"];
    ApplicationSet {
        name: AppName {
            namespace: text(&meta["namespace"]),
            name: text(&meta["name"]),
        },
        template: Identity {
            name: text(&template["metadata"]["name"]),
            project: text(&spec["project"]),
            destination: [&to["server"], &to["name"], &to["namespace"]].map(text),
            paths,
        },
        files: generators(&object["spec"]["generators"])
            .into_iter()
            .flat_map(watched)
            .collect(),
    }
}

/// The files that a generator watches, where it is one of Git.
fn watched(generator: &Value) -> Vec<WatchedFiles> {
    let git = &generator["git"];
    items(&git["files"])
        .map(|file| WatchedFiles {
            repository: text(&git["repoURL"]),
            target: text(&git["revision"]),
            path: text(&file["path"]),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn files_of_generators_that_are_combined_count() {
        let git = |path: &str| json!({"git": {"repoURL": "r", "files": [{"path": path}]}});
        let set = application_set(&json!({
            "metadata": {"name": "all", "namespace": "argocd"},
            "spec": {
                "generators": [git("a"), {"matrix": {"generators": [{"clusters": {}}, git("b")]}}],
                "template": {"spec": {"sources": [{"path": "{{x}}"}, {"chart": "c"}]}},
            },
        }));
        let paths: Vec<&str> = set.files.iter().map(|one| one.path.as_str()).collect();
        assert_eq!(paths, ["a", "b"]);
        assert_eq!(set.template.paths, ["{{x}}", ""]);
    }
}
