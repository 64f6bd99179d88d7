//! The files of a service, as functions of what can change in them.

/// Writes the base files: path below the service, and content.
pub(super) fn base(service: &str, setting: u32) -> [(&'static str, String); 4] {
    [
        ("base/deployment.yaml", ripcord_testkit::deployment(service)),
        ("base/service.yaml", network(service)),
        ("base/configmap.yaml", settings(service, setting)),
        ("base/kustomization.yaml", KUSTOMIZATION.to_owned()),
    ]
}

const KUSTOMIZATION: &str = "\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - deployment.yaml
  - service.yaml
  - configmap.yaml
";

fn network(service: &str) -> String {
    format!(
        "\
apiVersion: v1
kind: Service
metadata:
  name: {service}
spec:
  selector:
    app: {service}
  ports:
    - port: 80
      targetPort: 8080
"
    )
}

/// What most configuration commits change.
pub(super) fn settings(service: &str, setting: u32) -> String {
    format!(
        "\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {service}
data:
  LOG_LEVEL: info
  TIMEOUT_MS: \"{}\"
  REVISION: \"{setting}\"
",
        200 + setting % 37 * 50
    )
}

/// An overlay: the version, and a number that configuration commits change beside it.
pub(super) fn overlay(service: &str, environment: &str, version: &str, replicas: u32) -> String {
    format!(
        "\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: {environment}
resources:
  - ../../base
replicas:
  - name: {service}
    count: {replicas}
images:
  - name: ghcr.io/acme/{service}
    newTag: {version}
"
    )
}

/// The files above the services: path and content.
pub(super) fn top() -> [(&'static str, String); 5] {
    [
        (
            "README.md",
            "# Infrastructure\n\nWhat runs where. Argo CD reads this.\n".to_owned(),
        ),
        (".gitignore", "*.swp\n".to_owned()),
        ("CODEOWNERS", "/services/ @acme/platform\n".to_owned()),
        ("docs/runbook.md", runbook(0)),
        (
            "Makefile",
            "check:\n\tkustomize build services\n".to_owned(),
        ),
    ]
}

pub(super) fn runbook(revision: u32) -> String {
    format!("# Runbook\n\nCall the platform team. Revision {revision}.\n")
}
