//! What the parts of Argo CD share: how they are started outside a cluster, and what must lie in it.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::objects::Objects;
use crate::process::Launch;
use crate::site::{Site, secret};

/// The namespace of Argo CD.
pub const NAMESPACE: &str = "argocd";

/// The namespaces in which Applications may lie beside Argo CD's own.
const ANYWHERE: &str = "*";

/// The password of Argo CD's `admin`. It opens nothing but testbeds on loopback.
pub const PASSWORD: &str = "testbed";

/// bcrypt of [`PASSWORD`].
const PASSWORD_HASH: &str = "$2b$04$ripcordtestbedripcordexoG/rXkJ5.8QsJmzTDixRCOK1e9nZry";

/// One of the programs that the one binary holds.
pub(crate) fn part(site: &Site, name: &str) -> Result<Launch> {
    let mut launch = Launch::new(site.program("argocd")?);
    // In a pod this comes from `timeout.reconciliation` of argocd-cm.
    if let Some(polling) = site.polling() {
        let seconds = format!("{}s", polling.as_secs());
        launch = launch.env("ARGOCD_RECONCILIATION_TIMEOUT", seconds);
    }
    Ok(launch
        .env("ARGOCD_BINARY_NAME", name)
        .env("ARGOCD_FAKE_IN_CLUSTER", "true")
        .env("ARGOCD_GPG_ENABLED", "false")
        .env("ARGOCD_TLS_DATA_PATH", site.file("argocd/tls"))
        .env("ARGOCD_SSH_DATA_PATH", site.file("argocd/ssh"))
        .env("KUBECONFIG", site.kubeconfig(name)?))
}

/// How a part finds the cluster and the repo server.
pub(crate) fn clients(site: &Site, name: &str) -> Result<Vec<String>> {
    let repo_server = site.link(name, "argocd-repo-server")?.to_string();
    let kubeconfig = site.kubeconfig(name)?;
    Ok([
        "--kubeconfig",
        &kubeconfig,
        "--namespace",
        NAMESPACE,
        "--repo-server",
        &repo_server,
        // Teams may have Applications in namespaces of their own.
        "--application-namespaces",
        ANYWHERE,
    ]
    .map(str::to_owned)
    .to_vec())
}

/// Makes the folders in which the parts look for keys.
pub(crate) fn lay_out(site: &Site) -> Result<()> {
    for name in ["argocd/tls", "argocd/ssh"] {
        let path = site.file(name);
        fs::create_dir_all(&path).with_context(|| format!("cannot make {path}"))?;
    }
    site.write("argocd/ssh/ssh_known_hosts", "")
}

/// Puts the kinds and the configuration of Argo CD as it is delivered into the cluster, and beside
/// them what an installation must have: a key, a password, the default project.
pub(crate) async fn install(site: &Site, objects: &Objects) -> Result<()> {
    let namespace = json!({
        "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE},
    });
    objects.apply_object(&namespace).await?;
    let manifests = site.tools().manifests("argocd")?;
    let (kinds, config) = (manifests.join("crds"), manifests.join("config"));
    let (kinds, config) = tokio::join!(
        apply_folder(objects, &kinds, None),
        apply_folder(objects, &config, Some(NAMESPACE)),
    );
    kinds.and(config)?;
    for kind in ["Application", "ApplicationSet", "AppProject"] {
        objects.wait_for_kind("argoproj.io/v1alpha1", kind).await?;
    }
    objects
        .merge_object(&in_argocd(
            "v1",
            "Secret",
            "argocd-secret",
            json!({
                "stringData": {
                    "server.secretkey": secret(),
                    "admin.password": PASSWORD_HASH,
                    "admin.passwordMtime": "2026-01-01T00:00:00Z",
                },
            }),
        ))
        .await?;
    objects
        .apply_object(&in_argocd(
            "argoproj.io/v1alpha1",
            "AppProject",
            "default",
            json!({
                "spec": {
                    "sourceRepos": ["*"],
                    "destinations": [{"namespace": "*", "server": "*"}],
                    "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
                },
            }),
        ))
        .await
}

/// Puts the kinds of Argo Rollouts into the cluster.
pub(crate) async fn install_rollouts(site: &Site, objects: &Objects) -> Result<()> {
    let manifests = site.tools().manifests("rollouts")?;
    apply_folder(objects, &manifests.join("crds"), None).await?;
    for kind in ["Rollout", "AnalysisTemplate", "AnalysisRun"] {
        objects.wait_for_kind("argoproj.io/v1alpha1", kind).await?;
    }
    Ok(())
}

/// A token of Argo CD's `admin`, for its API.
pub(crate) async fn log_in(http: &reqwest::Client, address: SocketAddr) -> Result<String> {
    let answer: Value = http
        .post(format!("http://{address}/api/v1/session"))
        .json(&json!({"username": "admin", "password": PASSWORD}))
        .send()
        .await
        .context("Argo CD's API cannot be reached")?
        .error_for_status()
        .context("Argo CD does not let its admin in")?
        .json()
        .await?;
    let token = answer["token"].as_str();
    token.map(str::to_owned).context("Argo CD gave no token")
}

/// What the `argocd` command reads: one context, with a token.
pub(crate) fn command_settings(address: SocketAddr, token: &str) -> String {
    // JSON is YAML.
    json!({
        "current-context": "testbed",
        "contexts": [{"name": "testbed", "server": address, "user": "testbed"}],
        "servers": [{"server": address, "plain-text": true}],
        "users": [{"name": "testbed", "auth-token": token}],
    })
    .to_string()
}

/// Makes Argo CD know a cluster; its address, by which Applications name it.
pub(crate) async fn register(cluster: &Cluster, objects: &Objects) -> Result<String> {
    let site = cluster.site();
    let server = format!("https://{}", site.link("argocd", "kube-apiserver")?);
    let config = json!({
        "bearerToken": site.token(),
        "tlsClientConfig": {"caData": site.authority()?},
    });
    let mut secret = in_argocd(
        "v1",
        "Secret",
        &format!("cluster-{}", cluster.name()),
        json!({
            "stringData": {
                "name": cluster.name(),
                "server": server,
                "config": config.to_string(),
            },
        }),
    );
    secret["metadata"]["labels"]["argocd.argoproj.io/secret-type"] = "cluster".into();
    objects.apply_object(&secret).await?;
    Ok(server)
}

/// An object of Argo CD's namespace, with the label without which Argo CD does not read it.
fn in_argocd(api_version: &str, kind: &str, name: &str, mut rest: Value) -> Value {
    rest["apiVersion"] = api_version.into();
    rest["kind"] = kind.into();
    rest["metadata"] = json!({
        "name": name,
        "namespace": NAMESPACE,
        "labels": {"app.kubernetes.io/part-of": "argocd"},
    });
    rest
}

/// Applies the manifests of a folder, all at the same time.
pub(crate) async fn apply_folder(
    objects: &Objects,
    folder: &Path,
    namespace: Option<&str>,
) -> Result<()> {
    let mut all = tokio::task::JoinSet::new();
    for file in fs::read_dir(folder).with_context(|| format!("no {}", folder.display()))? {
        let path = file?.path();
        // Says only which of the others belong together.
        if path
            .file_name()
            .is_some_and(|name| name == "kustomization.yaml")
        {
            continue;
        }
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut found: Vec<Value> = serde_saphyr::from_multiple(&text)
            .with_context(|| format!("{} is no YAML", path.display()))?;
        for mut object in found.drain(..) {
            if let Some(namespace) = namespace {
                object["metadata"]["namespace"] = namespace.into();
            }
            let objects = objects.clone();
            all.spawn(async move { objects.apply_object(&object).await });
        }
    }
    while let Some(applied) = all.join_next().await {
        applied??;
    }
    Ok(())
}
