//! Containers of workloads.

use crate::{declared, facts};

#[test]
fn workloads() {
    let pod = |indent: &str| {
        format!(
            "{indent}initContainers:\n{indent}- name: init\n{indent}  image: reg:5000/i:1\n{indent}containers:\n{indent}- name: app\n{indent}  image: acme/app:v1@sha256:abc\n{indent}- image: acme/unpinned\n{indent}  name: unpinned\n"
        )
    };
    for kind in [
        "Deployment",
        "StatefulSet",
        "DaemonSet",
        "ReplicaSet",
        "Job",
    ] {
        let text = format!(
            "apiVersion: apps/v1\nkind: {kind}\nmetadata:\n  name: p\nspec:\n  template:\n    spec:\n{}",
            pod("      ")
        );
        let key = format!("{kind}/p:spec.template.spec");
        assert_eq!(
            declared("a/p.yaml", &text),
            [
                format!("{key}.initContainers[init] = 1 (reg:5000/i)"),
                format!("{key}.containers[app] = v1 (acme/app)"),
            ]
        );
    }
    let text = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n{}",
        pod("  ")
    );
    assert_eq!(declared("p.yaml", &text).len(), 2);
    let text = format!(
        "apiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: p}}\nspec:\n  jobTemplate:\n    spec:\n      template:\n        spec:\n{}",
        pod("          ")
    );
    assert_eq!(
        declared("p.yaml", &text)[1],
        "CronJob/p:spec.jobTemplate.spec.template.spec.containers[app] = v1 (acme/app)"
    );
}

#[test]
fn objects_of_a_list_and_of_several_documents() {
    let item = |name: &str, ns: &str| {
        format!(
            "- apiVersion: apps/v1\n  kind: Deployment\n  metadata: {{name: {name}, namespace: {ns}, labels: {{app: svc}}}}\n  spec: {{template: {{spec: {{containers: [{{name: app, image: 'a:1'}}]}}}}}}\n"
        )
    };
    let text = format!(
        "apiVersion: v1\nkind: List\nitems:\n{}{}",
        item("a", "x"),
        item("a", "y")
    );
    assert_eq!(
        declared("list.yaml", &text),
        [
            "Deployment/a:spec.template.spec.containers[app] = 1 (a)",
            "Deployment/y/a:spec.template.spec.containers[app] = 1 (a)",
        ]
    );
    let facts = facts("list.yaml", &text);
    assert_eq!(facts.objects.len(), 2);
    assert_eq!(facts.objects[0].labels_service.as_deref(), Some("svc"));
    assert_eq!(facts.objects[0].namespace.as_deref(), Some("x"));
    assert_eq!(
        facts.declarations[0].fields[0].path.to_string(),
        "items[0].spec.template.spec.containers[app].image"
    );
}
