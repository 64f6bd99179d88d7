//! One test per format and rule: what is declared, under which key.

use Reference::{
    GeneratorFile, HelmValuesFile, KustomizeBase, KustomizeComponent, KustomizeResource, Patch,
};
use ripcord_manifest::{FileFacts, ReadRules, Reference, read};
use std::fmt::Write;

fn facts(path: &str, text: &str) -> FileFacts {
    let facts = read(path, text.as_bytes(), &ReadRules::default());
    for declaration in &facts.declarations {
        for field in &declaration.fields {
            let bytes = &text[field.span.clone()];
            assert!(bytes.contains(&field.value), "span {bytes:?} of {field:?}");
        }
    }
    facts
}

/// `key = version (subject)` of each declaration.
fn declared(path: &str, text: &str) -> Vec<String> {
    facts(path, text)
        .declarations
        .iter()
        .map(|d| match d.subject.as_str() {
            "" => format!("{} = {}", d.key, d.version()),
            subject => format!("{} = {} ({subject})", d.key, d.version()),
        })
        .collect()
}

fn roles(path: &str, text: &str) -> Vec<String> {
    facts(path, text)
        .declarations
        .iter()
        .flat_map(|d| {
            d.fields
                .iter()
                .map(|f| format!("{:?} {} = {}", f.role, f.path, f.value))
        })
        .collect()
}

#[test]
fn kustomization_images() {
    let text = "resources:\n- ../base\nimages:\n- name: acme/payments\n  newTag: v1 # {\"$imagepolicy\": \"x\"}\n- name: acme/web\n  newName: reg:5000/web\n  digest: sha256:abc\n- name: acme/only-renamed\n  newName: other\n";
    assert_eq!(
        declared("overlays/prod/kustomization.yaml", text),
        [
            "images[acme/payments] = v1 (acme/payments)",
            "images[acme/web] = sha256:abc (acme/web)",
        ]
    );
    assert_eq!(
        roles("kustomization.yml", text)[1..],
        [
            "Name images[acme/web].newName = reg:5000/web",
            "Digest images[acme/web].digest = sha256:abc"
        ]
    );
}

#[test]
fn tag_wins_over_digest() {
    let text = "images: [{name: a, digest: 'sha256:1', newTag: \"2\"}]\n";
    assert_eq!(declared("Kustomization", text), ["images[a] = 2 (a)"]);
}

#[test]
fn component_and_kustomization_outside_their_file_names() {
    let text = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nimages:\n- name: a\n  newTag: '1'\n";
    assert_eq!(
        declared("components/x/kustomization.yaml", text),
        ["images[a] = 1 (a)"]
    );
    assert_eq!(declared("other.yaml", text), ["images[a] = 1 (a)"]);
}

#[test]
fn kustomization_references() {
    let text = "resources: [../base, deploy.yaml, 'https://github.com/a/b?ref=v1', github.com/a/b//c?ref=1]\nbases: [old]\ncomponents: [../c]\npatches:\n- path: p.yaml\n- patch: |-\n    inline: true\npatchesStrategicMerge:\n- q.yaml\n- |-\n  kind: X\nconfigMapGenerator:\n- name: c\n  files: [a.properties, key=b.properties]\n  envs: [e.env]\nhelmCharts:\n- name: redis\n  version: 1.2.3\n  valuesFile: values.yaml\n";
    let facts = facts("kustomization.yaml", text);
    let mut found = facts.references.clone();
    found.sort();
    let s = str::to_owned;
    assert_eq!(
        found,
        [
            KustomizeResource(s("../base")),
            KustomizeResource(s("deploy.yaml")),
            KustomizeComponent(s("../c")),
            KustomizeBase(s("old")),
            HelmValuesFile(s("values.yaml")),
            Patch(s("p.yaml")),
            Patch(s("q.yaml")),
            GeneratorFile(s("a.properties")),
            GeneratorFile(s("b.properties")),
            GeneratorFile(s("e.env")),
        ]
    );
    assert_eq!(
        declared("kustomization.yaml", text),
        ["helmCharts[redis] = 1.2.3 (redis)"]
    );
}

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

#[test]
fn flux() {
    let text = "apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: p}
spec:
  chart: {spec: {chart: podinfo, version: '6.5.*', valuesFiles: [a.yaml]}}
  values:
    image:
      repository: ghcr.io/podinfo
      tag: 6.5.0 # {\"$imagepolicy\": \"flux-system:podinfo:tag\"}
---
apiVersion: source.toolkit.fluxcd.io/v1beta2
kind: OCIRepository
metadata: {name: o}
spec:
  url: oci://ghcr.io/x/y
  ref: {tag: 1.0.0, digest: 'sha256:abc'}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: g}
spec:
  url: https://git/x
  ref: {branch: main}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: h}
spec:
  url: https://git/x
  ref: {semver: '>=1.0'}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: k}
spec:
  path: ./apps
  images:
  - name: podinfo
    newTag: 5.0.0
";
    assert_eq!(
        declared("flux.yaml", text),
        [
            "HelmRelease/p:spec.chart.spec = 6.5.* (podinfo)",
            "HelmRelease/p:spec.values.image = 6.5.0 (ghcr.io/podinfo)",
            "OCIRepository/o:spec.ref = 1.0.0 (ghcr.io/x/y)",
            "GitRepository/h:spec.ref = >=1.0 (https://git/x)",
            "Kustomization/k:spec.images[podinfo] = 5.0.0 (podinfo)",
        ]
    );
    assert_eq!(facts("flux.yaml", text).objects[4].source_paths, ["./apps"]);
}

#[test]
fn chart_dependencies() {
    let text = "name: x\nversion: 0.1.0\nappVersion: \"1.16\"\ndependencies:\n- name: redis\n  version: ~17\n- name: redis\n  alias: cache\n  version: 18.0.0\n";
    assert_eq!(
        declared("charts/x/Chart.yaml", text),
        [
            "appVersion = 1.16 (x)",
            "dependencies[0] = ~17 (redis)",
            "dependencies[alias=cache] = 18.0.0 (redis)",
        ]
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

#[test]
fn templates_are_text() {
    for (path, text) in [
        ("chart/templates/deploy.yaml", "kind: X\n"),
        ("a.yaml", "kind: X\n{{- if .x }}\nimage: a:1\n{{- end }}\n"),
        ("values.yaml.gotmpl", "image: a:1\n"),
    ] {
        let facts = facts(path, text);
        assert!(facts.is_template, "{path}");
        assert!(
            facts.declarations.is_empty() && facts.problems.is_empty(),
            "{path}"
        );
    }
}

#[test]
fn a_broken_document_does_not_hide_the_others() {
    let text = "image: a:1\n---\nx: [\n---\nimage: b:2\n";
    let facts = facts("values.yaml", text);
    assert_eq!(facts.declarations.len(), 2);
    assert_eq!(facts.declarations[1].document, 2);
    assert_eq!(facts.declarations[1].key.as_str(), "image~2");
    assert_eq!((facts.problems[0].document, facts.problems[0].line), (1, 3));
}

#[test]
fn what_cannot_be_read_is_a_problem() {
    let read = |bytes: &[u8]| read("values.yaml", bytes, &ReadRules::default());
    assert_eq!(read(b"tag: a\n\xff\n").problems[0].line, 2);
    let deep = format!("tag: {}{}", "[".repeat(5000), "]".repeat(5000));
    assert_eq!(read(deep.as_bytes()).problems.len(), 1);
    let mut deep = String::from("tag:\n");
    for depth in 0..2000 {
        deep.push_str(&" ".repeat(depth));
        deep.push_str("a:\n");
    }
    assert_eq!(read(deep.as_bytes()).problems.len(), 1);
    let big = vec![b'#'; 17 * 1024 * 1024];
    assert!(read(&big).problems.is_empty(), "nothing to find in it");
    let mut big = big;
    big.extend_from_slice(b"\nimage: a:1\n");
    assert_eq!(
        read(&big).problems[0].message,
        "file too large to read: 17 MB"
    );
}

#[test]
fn aliases_are_never_expanded() {
    let mut bomb = String::from("a0: &a0 {image: 'x:1'}\n");
    for n in 1..60 {
        writeln!(bomb, "a{n}: &a{n} [*a{p},*a{p},*a{p},*a{p}]", p = n - 1).unwrap();
    }
    assert_eq!(declared("values.yaml", &bomb), ["a0.image = 1 (x)"]);
}
