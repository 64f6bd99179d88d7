//! The manifests of one service, as small as Kustomize and Kubernetes take them.

/// A Deployment with one container, whose image has no tag: overlays name it.
pub fn deployment(service: &str) -> String {
    format!(
        "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {service}
spec:
  replicas: 3
  selector:
    matchLabels:
      app: {service}
  template:
    metadata:
      labels:
        app: {service}
    spec:
      containers:
        - name: app
          image: ghcr.io/acme/{service}
          ports:
            - containerPort: 8080
"
    )
}

pub(crate) fn service(service: &str) -> String {
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

/// The kustomization.yaml of a base with a Deployment and a Service.
pub fn kustomization() -> String {
    "\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - deployment.yaml
  - service.yaml
"
    .to_owned()
}

/// The kustomization.yaml of an overlay that deploys `version`.
pub fn overlay(service: &str, environment: &str, version: &str) -> String {
    format!(
        "\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: {environment}
resources:
  - ../../base
images:
  - name: ghcr.io/acme/{service}
    newTag: {}
",
        scalar(version)
    )
}

/// The text with the value of each `newTag` replaced, and every other byte kept.
pub(super) fn with_tag(text: &str, version: &str) -> String {
    let line_with_tag = |line: &str| {
        let is_tag = line
            .trim_start()
            .trim_start_matches("- ")
            .starts_with("newTag:");
        match line.split_once(':') {
            Some((key, _)) if is_tag => {
                let end = if line.ends_with('\n') { "\n" } else { "" };
                format!("{key}: {}{end}", scalar(version))
            }
            _ => line.to_owned(),
        }
    };
    text.split_inclusive('\n').map(line_with_tag).collect()
}

/// Quoted where YAML would read a number, as careful tools do.
fn scalar(version: &str) -> String {
    if version.parse::<f64>().is_ok() {
        format!("\"{version}\"")
    } else {
        version.to_owned()
    }
}
