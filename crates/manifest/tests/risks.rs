//! What a change of a file warns about.

use RiskKind::{CustomResourceDefinition, DatabaseMigration, Hook, ImmutableField, Job, Secret};
use ripcord_manifest::{RiskKind, risks};

fn found(path: &str, before: &str, after: &str) -> Vec<(RiskKind, String)> {
    let bytes = |text: &'static str| (!text.is_empty()).then_some(text.as_bytes());
    let leak = |text: &str| -> &'static str { Box::leak(text.to_owned().into_boxed_str()) };
    risks(path, bytes(leak(before)), bytes(leak(after)))
        .into_iter()
        .map(|risk| (risk.kind, risk.detail))
        .collect()
}

fn kinds(before: &str, after: &str) -> Vec<RiskKind> {
    found("a.yaml", before, after)
        .into_iter()
        .map(|(kind, _)| kind)
        .collect()
}

fn object(api: &str, kind: &str, spec: &str) -> String {
    format!("apiVersion: {api}\nkind: {kind}\nmetadata: {{name: x}}\nspec: {spec}\n")
}

#[test]
fn a_changed_comment_is_no_risk() {
    let job = object("batch/v1", "Job", "{a: 1, b: 2}");
    assert_eq!(
        kinds(
            &job,
            &format!("# c\n{}", job.replace("a: 1, b: 2", "b: '2', a: 1"))
        ),
        []
    );
}

#[test]
fn jobs_definitions_and_secrets() {
    for (api, kind, risk) in [
        ("batch/v1", "Job", Job),
        (
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            CustomResourceDefinition,
        ),
        ("v1", "Secret", Secret),
    ] {
        let (a, b) = (object(api, kind, "{a: 1}"), object(api, kind, "{a: 2}"));
        assert_eq!(kinds(&a, &b), [risk]);
        assert_eq!(kinds("", &b), [risk]);
        assert_eq!(kinds(&a, ""), [risk]);
    }
    let secret = |v: &str| object("v1", "Secret", &format!("{{password: {v}}}"));
    assert!(
        !format!("{:?}", found("a.yaml", &secret("hunter2"), &secret("x"))).contains("hunter2")
    );
}

#[test]
fn immutable_fields() {
    for (api, kind, field) in [
        ("apps/v1", "StatefulSet", "serviceName"),
        ("apps/v1", "StatefulSet", "volumeClaimTemplates"),
        ("apps/v1", "StatefulSet", "selector"),
        ("apps/v1", "Deployment", "selector"),
        ("v1", "PersistentVolumeClaim", "storageClassName"),
    ] {
        let file = |v: &str| object(api, kind, &format!("{{{field}: {v}, replicas: 1}}"));
        assert_eq!(
            kinds(&file("a"), &file("b")),
            [ImmutableField],
            "{kind} {field}"
        );
        assert_eq!(kinds("", &file("b")), []);
    }
    let replicas = |v: &str| object("apps/v1", "StatefulSet", &format!("{{replicas: {v}}}"));
    assert_eq!(kinds(&replicas("1"), &replicas("2")), []);
}

#[test]
fn hooks() {
    let file = |v: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x, annotations: {{helm.sh/hook: pre-upgrade}}}}\ndata: {{a: {v}}}\n"
        )
    };
    assert_eq!(
        found("a.yaml", &file("1"), &file("2")),
        [(Hook, "helm.sh/hook: pre-upgrade changed".into())]
    );
}

#[test]
fn migrations() {
    let deployment = |image: &str, args: &str| {
        object(
            "apps/v1",
            "Deployment",
            &format!(
                "{{template: {{spec: {{containers: [{{name: app, image: '{image}', args: [{args}]}}]}}}}}}"
            ),
        )
    };
    assert_eq!(
        found(
            "a.yaml",
            &deployment("a:1", "serve"),
            &deployment("a:2", "'--auto-migrate'")
        ),
        [(
            DatabaseMigration,
            "args of container app mentions \"migrate\"".into()
        )]
    );
    assert_eq!(
        kinds(&deployment("a:1", "serve"), &deployment("a:2", "serve")),
        []
    );
    assert_eq!(
        kinds(
            &deployment("mongoose:1", "x"),
            &deployment("mongoose:2", "x")
        ),
        []
    );
    assert_eq!(found("db/migrations/001.sql", "", "create table").len(), 1);
    assert_eq!(found("db/migrations/001.sql", "x", "x"), []);
}
