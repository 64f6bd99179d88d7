//! A Kubernetes API.

use std::time::Duration;

use http::{Method, Request};
use kube::config::{KubeConfigOptions, Kubeconfig};
use ripcord_domain::live::application::ObjectKey;
use serde_json::Value;

use crate::error::ConnectError;

/// How long one request may take; a recovery asks again rather than waits.
const LIMIT: Duration = Duration::from_secs(5);

/// The name under which fields are written. A sync by server-side apply takes over what
/// `kubectl apply` wrote, and of nobody else: what an undo wrote under another name would stay.
pub(crate) const FIELD_MANAGER: &str = "kubectl-client-side-apply";

/// Which cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Which {
    /// The context of the kubeconfig; none is the current one, or the cluster that this runs in.
    pub context: Option<String>,
}

/// A Kubernetes API. Clones share its connections.
#[derive(Clone)]
pub struct Cluster {
    client: kube::Client,
    server: String,
}

/// Whether there is a cluster that commands without a flag mean.
pub fn is_configured() -> bool {
    let in_cluster = std::env::var_os("KUBERNETES_SERVICE_HOST").is_some();
    in_cluster || Kubeconfig::read().is_ok_and(|config| config.current_context.is_some())
}

/// How a body changes an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patch {
    /// RFC 6902, with tests.
    Json,
    /// RFC 7396.
    Merge,
    /// Kubernetes' own; not for custom resources.
    Strategic,
}

impl Patch {
    fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json-patch+json",
            Self::Merge => "application/merge-patch+json",
            Self::Strategic => "application/strategic-merge-patch+json",
        }
    }
}

impl Cluster {
    /// Makes a client; nothing is sent yet.
    ///
    /// # Errors
    /// There is no such context, or its files cannot be used.
    pub async fn open(which: &Which) -> Result<Self, ConnectError> {
        let wrong = |error: &dyn std::fmt::Display| ConnectError::Configuration(error.to_string());
        let mut config = match &which.context {
            Some(context) => {
                let options = KubeConfigOptions {
                    context: Some(context.clone()),
                    ..KubeConfigOptions::default()
                };
                kube::Config::from_kubeconfig(&options)
                    .await
                    .map_err(|error| wrong(&error))?
            }
            None => kube::Config::infer().await.map_err(|error| wrong(&error))?,
        };
        config.connect_timeout = Some(LIMIT);
        config.read_timeout = Some(LIMIT);
        config.write_timeout = Some(LIMIT);
        // Retries are decided by whoever asks: they know what may be sent twice.
        config.default_retry = false;
        let server = config.cluster_url.to_string();
        let client = kube::Client::try_from(config).map_err(|error| wrong(&error))?;
        Ok(Self { client, server })
    }

    /// Its address.
    pub fn server(&self) -> &str {
        self.server.trim_end_matches('/')
    }

    async fn send(
        &self,
        what: &str,
        method: Method,
        path: &str,
        content_type: &str,
        body: Option<&Value>,
    ) -> Result<Value, ConnectError> {
        let bytes = body.map(Value::to_string).unwrap_or_default().into_bytes();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(http::header::CONTENT_TYPE, content_type)
            .body(bytes)
            .map_err(|error| ConnectError::Nonsense {
                what: what.to_owned(),
                why: error.to_string(),
            })?;
        match tokio::time::timeout(LIMIT, self.client.request::<Value>(request)).await {
            Ok(answer) => answer.map_err(|error| ConnectError::of(what, error)),
            Err(_) => Err(ConnectError::Unreachable {
                what: what.to_owned(),
                why: format!("no answer within {} s", LIMIT.as_secs()),
            }),
        }
    }

    /// Reads what is at a path of the API.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub(crate) async fn get(&self, what: &str, path: &str) -> Result<Value, ConnectError> {
        self.send(what, Method::GET, path, JSON, None).await
    }

    /// Changes what is at a path.
    pub(crate) async fn patch(
        &self,
        what: &str,
        path: &str,
        patch: Patch,
        body: &Value,
    ) -> Result<Value, ConnectError> {
        let separator = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{separator}fieldManager={FIELD_MANAGER}");
        self.send(what, Method::PATCH, &path, patch.content_type(), Some(body))
            .await
    }

    /// Makes an object.
    pub(crate) async fn post(
        &self,
        what: &str,
        path: &str,
        body: &Value,
    ) -> Result<Value, ConnectError> {
        self.send(what, Method::POST, path, JSON, Some(body)).await
    }

    /// Deletes an object, if it is still the same.
    pub(crate) async fn delete(
        &self,
        what: &str,
        path: &str,
        uid: &str,
    ) -> Result<(), ConnectError> {
        let options = serde_json::json!({
            "apiVersion": "v1", "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "preconditions": {"uid": uid},
        });
        self.send(what, Method::DELETE, path, JSON, Some(&options))
            .await
            .map(drop)
    }

    /// Reads any object.
    ///
    /// # Errors
    /// There is none; the cluster does not answer or allow it.
    pub async fn object(&self, key: &ObjectKey) -> Result<Value, ConnectError> {
        self.get(&key.to_string(), &path_of(key)).await
    }

    /// The version of Kubernetes.
    ///
    /// # Errors
    /// The cluster does not answer.
    pub async fn version(&self) -> Result<String, ConnectError> {
        let said = self.get("the cluster's version", "/version").await?;
        Ok(said["gitVersion"].as_str().unwrap_or_default().to_owned())
    }
}

const JSON: &str = "application/json";

/// The path of an object in the API.
pub(crate) fn path_of(key: &ObjectKey) -> String {
    format!("{}/{}", folder_of(key), key.name)
}

/// The path of the objects of a kind in a namespace.
pub(crate) fn folder_of(key: &ObjectKey) -> String {
    let start = if key.group.is_empty() {
        format!("/api/{}", key.version)
    } else {
        format!("/apis/{}/{}", key.group, key.version)
    };
    let plural = plural(&key.kind);
    if key.namespace.is_empty() {
        format!("{start}/{plural}")
    } else {
        format!("{start}/namespaces/{}/{plural}", key.namespace)
    }
}

/// The resource of a kind, as the API spells it: right for every kind that is asked for here.
fn plural(kind: &str) -> String {
    let lower = kind.to_ascii_lowercase();
    if let Some(stem) = lower.strip_suffix('y')
        && !stem.ends_with(['a', 'e', 'o', 'u'])
    {
        return format!("{stem}ies");
    }
    if lower.ends_with('s') || lower.ends_with("ss") {
        return format!("{lower}es");
    }
    format!("{lower}s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_api() {
        let key = |group: &str, version: &str, kind: &str, namespace: &str| ObjectKey {
            group: group.into(),
            version: version.into(),
            kind: kind.into(),
            namespace: namespace.into(),
            name: "x".into(),
        };
        assert_eq!(
            path_of(&key("apps", "v1", "ReplicaSet", "pay")),
            "/apis/apps/v1/namespaces/pay/replicasets/x"
        );
        assert_eq!(
            path_of(&key("", "v1", "Pod", "pay")),
            "/api/v1/namespaces/pay/pods/x"
        );
        assert_eq!(
            path_of(&key("networking.k8s.io", "v1", "NetworkPolicy", "pay")),
            "/apis/networking.k8s.io/v1/namespaces/pay/networkpolicies/x"
        );
    }
}
