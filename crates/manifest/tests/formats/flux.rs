//! Flux and charts.

use crate::{declared, facts};

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
fn a_flux_kustomization_in_a_file_of_kustomize() {
    let text = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: k}\nspec: {images: [{name: a, newTag: '1'}]}\n";
    assert_eq!(
        declared("x/kustomization.yaml", text),
        ["Kustomization/k:spec.images[a] = 1 (a)"]
    );
}
