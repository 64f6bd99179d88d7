//! Kustomizations and components.

use crate::{declared, facts, roles};
use Reference::{
    GeneratorFile, HelmValuesFile, KustomizeBase, KustomizeComponent, KustomizeResource, Patch,
};
use ripcord_manifest::Reference;

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
