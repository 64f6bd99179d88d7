//! The cluster that an Application deploys to: often not the one that Argo CD's objects are in.

use kube::config::{KubeConfigOptions, Kubeconfig};
use ripcord_domain::live::application::{Application, ObjectKey};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::error::ConnectError;
use crate::read::{items, text};

/// How Argo CD calls the cluster that it is in.
const OWN_SERVER: &str = "https://kubernetes.default.svc";
const OWN_NAME: &str = "in-cluster";

/// The way to what an Application deploys: a context of the kubeconfig with the same address, else what
/// Argo CD itself uses, where that may be read.
///
/// # Errors
/// Neither leads there.
pub async fn of(argo: &Cluster, app: &Application) -> Result<Cluster, ConnectError> {
    let to = &app.destination;
    let is_own = to.server == OWN_SERVER || (to.server.is_empty() && to.name == OWN_NAME);
    if argo.is_by_server() || is_own {
        return Ok(argo.of_application(&app.name));
    }
    if let Some(config) = by_kubeconfig(&to.server).await {
        return Cluster::of_config(config, argo.namespace());
    }
    by_secret(argo, app).await
}

/// The context whose cluster has this address.
async fn by_kubeconfig(server: &str) -> Option<kube::Config> {
    if server.is_empty() {
        return None;
    }
    let kept = Kubeconfig::read().ok()?;
    let plain = |address: &str| address.trim_end_matches('/').to_owned();
    let cluster = kept.clusters.iter().find(|named| {
        named
            .cluster
            .as_ref()
            .and_then(|cluster| cluster.server.as_deref())
            .is_some_and(|address| plain(address) == plain(server))
    })?;
    let context = kept.contexts.iter().find(|named| {
        named
            .context
            .as_ref()
            .is_some_and(|context| context.cluster == cluster.name)
    })?;
    let options = KubeConfigOptions {
        context: Some(context.name.clone()),
        ..KubeConfigOptions::default()
    };
    kube::Config::from_kubeconfig(&options).await.ok()
}

/// What Argo CD keeps of the cluster
/// (<https://argo-cd.readthedocs.io/en/stable/operator-manual/declarative-setup/#clusters>).
async fn by_secret(argo: &Cluster, app: &Application) -> Result<Cluster, ConnectError> {
    let to = &app.destination;
    let called = if to.name.is_empty() {
        &to.server
    } else {
        &to.name
    };
    let what = format!("the cluster {called}");
    let kind = ObjectKey {
        group: String::new(),
        version: "v1".into(),
        kind: "Secret".into(),
        // An Application may lie elsewhere; what Argo CD keeps lies where it is.
        namespace: argo.namespace().to_owned(),
        name: String::new(),
    };
    let unknown = |why: &str| {
        ConnectError::Configuration(format!(
            "{what}, which {} deploys to, is not known here ({why}): a context of the kubeconfig with its address makes it so",
            app.name
        ))
    };
    let secrets = match argo
        .objects(&what, &kind, "argocd.argoproj.io/secret-type=cluster")
        .await
    {
        Err(ConnectError::Forbidden { .. }) => {
            return Err(unknown("what Argo CD keeps of it may not be read"));
        }
        secrets => secrets?,
    };
    let found = secrets.iter().find_map(|secret| {
        let is_it = (!to.name.is_empty() && decoded(secret, "name") == to.name)
            || (!to.server.is_empty() && decoded(secret, "server") == to.server);
        is_it.then(|| (decoded(secret, "server"), decoded(secret, "config")))
    });
    let (server, kept) = found.ok_or_else(|| unknown("Argo CD keeps nothing of it"))?;
    let kept: Value = serde_json::from_str(&kept).unwrap_or_default();
    let config = kubeconfig(&server, &kept);
    let config: Kubeconfig = serde_json::from_value(config)
        .map_err(|_| unknown("what Argo CD keeps of it is not understood"))?;
    let config = kube::Config::from_custom_kubeconfig(config, &KubeConfigOptions::default())
        .await
        .map_err(|error| unknown(&error.to_string()))?;
    Cluster::of_config(config, argo.namespace())
}

/// A value of a Secret as text.
fn decoded(secret: &Value, name: &str) -> String {
    use base64::Engine as _;
    let text = text(&secret["data"][name]);
    let bytes = base64::engine::general_purpose::STANDARD.decode(text);
    bytes
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .unwrap_or_default()
}

/// What Argo CD keeps, as a kubeconfig.
fn kubeconfig(server: &str, kept: &Value) -> Value {
    let tls = &kept["tlsClientConfig"];
    let mut cluster = json!({"server": server});
    if tls["insecure"] == true {
        cluster["insecure-skip-tls-verify"] = json!(true);
    }
    for (to, from) in [
        ("certificate-authority-data", "caData"),
        ("tls-server-name", "serverName"),
    ] {
        if !tls[from].is_null() {
            cluster[to] = tls[from].clone();
        }
    }
    let mut user = json!({});
    for (to, from) in [
        ("token", &kept["bearerToken"]),
        ("username", &kept["username"]),
        ("password", &kept["password"]),
        ("client-certificate-data", &tls["certData"]),
        ("client-key-data", &tls["keyData"]),
    ] {
        if !from.is_null() {
            user[to] = from.clone();
        }
    }
    let program = &kept["execProviderConfig"];
    if program.is_object() {
        let variables: Vec<Value> = program["env"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| json!({"name": name, "value": value}))
            .collect();
        user["exec"] = json!({
            "apiVersion": program["apiVersion"], "command": program["command"],
            "args": items(&program["args"]).collect::<Vec<_>>(), "env": variables,
            "interactiveMode": "Never",
        });
    }
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "clusters": [{"name": "it", "cluster": cluster}],
        "users": [{"name": "it", "user": user}],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_argo_cd_keeps_becomes_a_kubeconfig() {
        let kept = json!({
            "bearerToken": "t", "tlsClientConfig": {"caData": "Y2E=", "serverName": "edge"},
        });
        let config: Kubeconfig =
            serde_json::from_value(kubeconfig("https://edge:6443", &kept)).unwrap();
        let cluster = config.clusters[0].cluster.as_ref().unwrap();
        assert_eq!(cluster.server.as_deref(), Some("https://edge:6443"));
        assert_eq!(cluster.certificate_authority_data.as_deref(), Some("Y2E="));
        assert!(
            config.auth_infos[0]
                .auth_info
                .as_ref()
                .unwrap()
                .token
                .is_some()
        );
    }
}
