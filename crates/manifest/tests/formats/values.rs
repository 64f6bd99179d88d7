//! Helm values and version files.

use crate::{declared, roles};
use ripcord_manifest::{ReadRules, read};

#[test]
fn helm_values() {
    let text = "image:\n  registry: reg\n  repository: acme/app\n  tag: v1\nglobal:\n  image:\n    tag: v2\nsub:\n  web:\n    image: {repository: acme/web, tag: 'v3', digest: sha256:abc}\n  worker:\n    image: reg:5000/acme/worker:v4\n  job:\n    imageTag: v5\n  sidecar:\n    repository: acme/side\n    tag: v6\n  logging:\n    tag: frontend\nextra:\n- name: a\n  image: acme/a:v7\n";
    assert_eq!(
        declared("values-prod.yaml", text),
        [
            "image = v1 (acme/app)",
            "global.image = v2",
            "sub.web.image = v3 (acme/web)",
            "sub.worker.image = v4 (reg:5000/acme/worker)",
            "sub.job.imageTag = v5 (job)",
            "sub.sidecar = v6 (acme/side)",
            "extra[a].image = v7 (acme/a)",
        ]
    );
    assert_eq!(roles("values.yaml", text)[0], "Other image.registry = reg");
}

#[test]
fn flat_values_and_version_files() {
    assert_eq!(
        declared("app/values.yaml", "image: acme/app\nimageTag: v1\n"),
        [". = v1 (acme/app)"]
    );
    assert_eq!(
        declared(
            "versions.yaml",
            "payments:\n  tag: v1\nappVersion: '2'\nversion: 3.0.0\n"
        ),
        [
            "appVersion = 2",
            "version = 3.0.0",
            "payments.tag = v1 (payments)",
        ]
    );
    assert_eq!(
        declared(
            "docker-compose.yml",
            "version: '3'\nservices:\n  a:\n    image: x:1\n"
        ),
        ["services.a.image = 1 (x)"]
    );
    assert_eq!(
        declared(
            "config.json",
            r#"{"name":"x","image":{"tag":"v1"},"version":"1.2"}"#
        ),
        ["version = 1.2", "image = v1",]
    );
    assert!(declared("package.json", r#"{"version":"1.2.3"}"#).is_empty());
    assert!(
        declared(
            ".github/workflows/ci.yaml",
            "jobs:\n  a:\n    image: node:18\n"
        )
        .is_empty()
    );
}

#[test]
fn placeholders_and_empty_values_are_no_versions() {
    for text in [
        "image:\n  tag: ''\n",
        "image:\n  tag:\n",
        "image:\n  tag: ~\n",
        "image:\n  tag: ${TAG}\n",
        "image:\n  tag: '{{ .Values.tag }}'\n",
        "image: acme/app\n",
    ] {
        assert!(declared("values.yaml", text).is_empty(), "{text}");
    }
    assert_eq!(
        declared("values.yaml", "image: a:latest\n"),
        ["image = latest (a)"]
    );
}

#[test]
fn image_tags_files() {
    for text in [
        "image_tag: v1\n",
        "imageTag: v1\n",
        "tag: v1\n",
        "version: v1\n",
        "{\"tag\": \"v1\"}",
    ] {
        let found = declared("deploy/image-tags/prod/payments", text);
        assert_eq!(found.len(), 1, "{text}");
        assert!(found[0].contains("= v1"), "{text}");
    }
}

#[test]
fn configured_version_files() {
    let rules = ReadRules {
        version_fields: vec!["release.current".parse().unwrap()],
        plain_text_version: false,
    };
    let facts = read(
        "x.toml.yaml",
        b"release:\n  current: '7'\nimage: a:1\n",
        &rules,
    );
    assert_eq!(facts.declarations.len(), 1);
    assert_eq!(facts.declarations[0].key.as_str(), "release.current");
    let rules = ReadRules {
        version_fields: vec![],
        plain_text_version: true,
    };
    let facts = read("VERSION", b"\n v1.2.3 \r\n", &rules);
    assert_eq!(facts.declarations[0].version(), "v1.2.3");
    assert_eq!(facts.declarations[0].key.as_str(), ".");
    assert_eq!(facts.declarations[0].fields[0].span, 2..8);
}
