//! Argo CD.

use crate::{declared, facts};
use ripcord_manifest::Reference;

#[test]
fn argo_application() {
    let text = "apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: payments, namespace: argocd}
spec:
  destination: {namespace: prod, server: https://k8s}
  source:
    repoURL: https://charts
    chart: payments
    targetRevision: 1.2.3
    path: charts/payments
    helm:
      valueFiles: [values-prod.yaml]
      parameters:
      - name: image.tag
        value: v2
      - {name: replicas, value: '3'}
      values: |
        image:
          tag: v3 # here
      valuesObject:
        web: {image: {tag: v4}}
    kustomize:
      images:
      - acme/payments=reg/payments:v5
      - acme/web:v6
";
    assert_eq!(
        declared("apps/payments.yaml", text),
        [
            "Application/payments:spec.source = 1.2.3 (payments)",
            "Application/payments:spec.source.helm.parameters[image.tag] = v2 (image.tag)",
            "Application/payments:spec.source.helm.valuesObject.web.image = v4 (web)",
            "Application/payments:spec.source.helm.values.image = v3 (payments)",
            "Application/payments:spec.source.kustomize.images[acme/payments] = v5 (acme/payments)",
            "Application/payments:spec.source.kustomize.images[acme/web] = v6 (acme/web)",
        ]
    );
    let facts = facts("apps/payments.yaml", text);
    let object = &facts.objects[0];
    assert_eq!(object.source_paths, ["charts/payments"]);
    let destination = object.destination.clone().unwrap();
    assert_eq!(destination.namespace.as_deref(), Some("prod"));
    assert_eq!(destination.cluster.as_deref(), Some("https://k8s"));
    assert_eq!(
        facts.references,
        [Reference::HelmValuesFile("values-prod.yaml".into())]
    );
}

#[test]
fn argo_sources_and_git_revisions() {
    let app = |revision: &str| {
        format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: p}}\nspec:\n  sources:\n  - repoURL: https://git/infra.git\n    ref: values\n    targetRevision: {revision}\n  - chart: redis\n    repoURL: oci://x\n    targetRevision: 18.x\n"
        )
    };
    assert_eq!(
        declared("a.yaml", &app("main")),
        ["Application/p:spec.sources[chart=redis] = 18.x (redis)"]
    );
    assert_eq!(
        declared("a.yaml", &app("v1.2.3"))[0],
        "Application/p:spec.sources[ref=values] = v1.2.3 (infra)"
    );
}

#[test]
fn argo_application_set() {
    let text = "apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: x}
spec:
  generators:
  - list:
      elements:
      - {env: prod, tag: v1, revision: main}
      - env: staging
        tag: v2
        image: {tag: v9}
  - matrix:
      generators:
      - git:
          files: [{path: 'envs/*/config.json'}]
      - list:
          elements:
          - cluster: c1
            chartVersion: 1.2.3
  template:
    spec:
      source:
        chart: c
        targetRevision: '{{chartVersion}}'
        path: 'x/{{env}}'
";
    assert_eq!(
        declared("appset.yaml", text),
        [
            "ApplicationSet/x:spec.generators[0].list.elements[env=prod] = v1 (x)",
            "ApplicationSet/x:spec.generators[0].list.elements[env=staging] = v2 (x)",
            "ApplicationSet/x:spec.generators[0].list.elements[env=staging].image = v9 (staging)",
            "ApplicationSet/x:spec.generators[1].matrix.generators[1].list.elements[cluster=c1] = 1.2.3 (x)",
        ]
    );
    assert_eq!(
        facts("appset.yaml", text).references,
        [Reference::GeneratorFile("envs/*/config.json".into())]
    );
}
