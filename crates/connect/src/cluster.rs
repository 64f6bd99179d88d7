//! Where Argo CD's objects and workloads are reached: a Kubernetes API, or Argo CD's own API server.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request};
use kube::config::{KubeConfigOptions, Kubeconfig};
use ripcord_domain::live::application::{AppName, ObjectKey};
use serde_json::Value;

use crate::argocd;
use crate::connection;
use crate::error::ConnectError;
use crate::login::{self, Login};
use crate::read::items;
use crate::server::Server;

/// How long one request may take; a recovery asks again rather than waits.
const LIMIT: Duration = Duration::from_secs(5);

/// The name under which fields are written. A sync by server-side apply takes over what
/// `kubectl apply` wrote, and of nobody else: what an undo wrote under another name would stay.
pub(crate) const FIELD_MANAGER: &str = "kubectl-client-side-apply";

/// How Argo CD is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Which {
    /// The context of the kubeconfig; none is the current one, or the cluster that this runs in.
    pub context: Option<String>,
    /// The API server of Argo CD, by whose API everything is done instead.
    pub server: Option<String>,
    /// Where Argo CD itself is; none is `argocd`.
    pub namespace: Option<String>,
}

impl Which {
    /// The same with the current context of the kubeconfig by its name: whoever goes on with it means that
    /// one, whichever is the current one by then.
    #[must_use]
    pub fn named(mut self) -> Self {
        if self.context.is_none() && self.server.is_none() {
            self.context = Kubeconfig::read()
                .ok()
                .and_then(|config| config.current_context)
                .filter(|context| !context.is_empty());
        }
        self
    }
}

/// A way to a cluster. Clones share its connections.
#[derive(Clone)]
pub struct Cluster {
    way: Way,
    address: String,
    namespace: Arc<str>,
}

#[derive(Clone)]
enum Way {
    Kubernetes(kube::Client),
    /// Workloads are reached through the Application that they belong to.
    ArgoCd {
        server: Arc<Server>,
        through: Option<AppName>,
    },
}

/// Whether there is a cluster that commands without a flag mean.
pub fn is_configured() -> bool {
    has_kubernetes() || login::file().is_some_and(|file| file.exists())
}

fn has_kubernetes() -> bool {
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
    /// There is no such context or login, or its files cannot be used.
    pub async fn open(which: &Which) -> Result<Self, ConnectError> {
        let namespace = which.namespace.as_deref().unwrap_or(argocd::NAMESPACE);
        let by_server = which.server.is_some() || (which.context.is_none() && !has_kubernetes());
        if by_server {
            let server = Server::new(Login::find(which.server.as_deref())?)?;
            return Ok(Self {
                address: server.address().to_owned(),
                namespace: namespace.into(),
                way: Way::ArgoCd {
                    server: Arc::new(server),
                    through: None,
                },
            });
        }
        let wrong = |error: &dyn std::fmt::Display| ConnectError::Configuration(error.to_string());
        let config = match &which.context {
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
        Self::of_config(config, namespace)
    }

    /// A Kubernetes API by a configuration of the client.
    pub(crate) fn of_config(
        mut config: kube::Config,
        namespace: &str,
    ) -> Result<Self, ConnectError> {
        config.connect_timeout = Some(LIMIT);
        // Retries are decided by whoever asks: they know what may be sent twice.
        config.default_retry = false;
        let address = config.cluster_url.to_string();
        let client = connection::client(config)
            .map_err(|error| ConnectError::Configuration(error.to_string()))?;
        Ok(Self {
            way: Way::Kubernetes(client),
            address,
            namespace: namespace.into(),
        })
    }

    /// Its address.
    pub fn address(&self) -> &str {
        self.address.trim_end_matches('/')
    }

    /// Where Argo CD itself is, with its projects and what it knows of clusters.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Argo CD's API server, where everything goes by it.
    pub(crate) fn server(&self) -> Option<&Server> {
        match &self.way {
            Way::Kubernetes(_) => None,
            Way::ArgoCd { server, .. } => Some(server),
        }
    }

    /// Whether everything goes by Argo CD's API server.
    pub fn is_by_server(&self) -> bool {
        self.server().is_some()
    }

    /// The way to the workloads of an Application.
    #[must_use]
    pub fn of_application(&self, app: &AppName) -> Self {
        let mut other = self.clone();
        if let Way::ArgoCd { through, .. } = &mut other.way {
            *through = Some(app.clone());
        }
        other
    }

    /// What Argo CD's API cannot do.
    fn not_by_server(what: &str) -> ConnectError {
        ConnectError::Refused {
            what: what.to_owned(),
            why: "Argo CD's API does not offer it".to_owned(),
        }
    }

    async fn send(
        &self,
        what: &str,
        method: Method,
        path: &str,
        content_type: &str,
        body: Option<&Value>,
    ) -> Result<Value, ConnectError> {
        let Way::Kubernetes(client) = &self.way else {
            return Err(Self::not_by_server(what));
        };
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
        match tokio::time::timeout(LIMIT, client.request::<Value>(request)).await {
            Ok(answer) => answer.map_err(|error| ConnectError::of(what, error)),
            Err(_) => Err(ConnectError::Unreachable {
                what: what.to_owned(),
                why: format!("no answer within {} s", LIMIT.as_secs()),
            }),
        }
    }

    /// Reads what is at a path of the Kubernetes API.
    pub(crate) async fn get(&self, what: &str, path: &str) -> Result<Value, ConnectError> {
        self.send(what, Method::GET, path, JSON, None).await
    }

    /// The objects of a kind in a namespace that labels select.
    pub(crate) async fn objects(
        &self,
        what: &str,
        kind: &ObjectKey,
        selector: &str,
    ) -> Result<Vec<Value>, ConnectError> {
        if let Way::ArgoCd { server, through } = &self.way {
            let Some(app) = through else {
                return Err(Self::not_by_server(what));
            };
            return Ok(server
                .objects(app, kind)
                .await?
                .into_iter()
                .filter(|object| is_selected(object, selector))
                .collect());
        }
        let folder = folder_of(kind);
        let path = if selector.is_empty() {
            folder
        } else {
            format!("{folder}?labelSelector={}", escaped(selector))
        };
        let listed = self.get(what, &path).await?;
        Ok(items(&listed["items"]).cloned().collect())
    }

    /// Changes an object.
    pub(crate) async fn change(
        &self,
        what: &str,
        key: &ObjectKey,
        patch: Patch,
        body: &Value,
    ) -> Result<Value, ConnectError> {
        if let Way::ArgoCd { server, through } = &self.way {
            let Some(app) = through else {
                return Err(Self::not_by_server(what));
            };
            return server
                .patch(what, app, key, patch.content_type(), body)
                .await;
        }
        self.patch(what, &path_of(key), patch, body).await
    }

    /// Changes what is at a path of the Kubernetes API.
    pub(crate) async fn patch(
        &self,
        what: &str,
        path: &str,
        patch: Patch,
        body: &Value,
    ) -> Result<Value, ConnectError> {
        let path = format!("{path}?fieldManager={FIELD_MANAGER}");
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
        key: &ObjectKey,
        uid: &str,
    ) -> Result<(), ConnectError> {
        if let Way::ArgoCd { server, through } = &self.way {
            let Some(app) = through else {
                return Err(Self::not_by_server(what));
            };
            let now = server.object(app, key).await?;
            if now["metadata"]["uid"] != *uid {
                return Err(ConnectError::Conflict {
                    what: what.to_owned(),
                });
            }
            return server.delete(what, app, key).await;
        }
        let options = serde_json::json!({
            "apiVersion": "v1", "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "preconditions": {"uid": uid},
        });
        self.send(what, Method::DELETE, &path_of(key), JSON, Some(&options))
            .await
            .map(drop)
    }

    /// Runs what Argo CD calls an action of a kind; none where that is a patch of one's own.
    pub(crate) async fn act(
        &self,
        what: &str,
        key: &ObjectKey,
        action: &str,
    ) -> Option<Result<(), ConnectError>> {
        let Way::ArgoCd {
            server,
            through: Some(app),
        } = &self.way
        else {
            return None;
        };
        Some(server.act(what, app, key, action).await)
    }

    /// Reads any object.
    ///
    /// # Errors
    /// There is none; the cluster does not answer or allow it.
    pub async fn object(&self, key: &ObjectKey) -> Result<Value, ConnectError> {
        match &self.way {
            Way::ArgoCd {
                server,
                through: Some(app),
            } => server.object(app, key).await,
            _ => self.get(&key.to_string(), &path_of(key)).await,
        }
    }
}

/// Whether an object has all labels of a selector.
fn is_selected(object: &Value, selector: &str) -> bool {
    let labels = &object["metadata"]["labels"];
    selector
        .split(',')
        .filter_map(|pair| pair.split_once('='))
        .all(|(name, value)| labels[name] == *value)
}

/// A selector as a query has it.
fn escaped(selector: &str) -> String {
    selector
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

const JSON: &str = "application/json";

/// The path of an object in the API.
pub(crate) fn path_of(key: &ObjectKey) -> String {
    format!("{}/{}", folder_of(key), key.name)
}

/// The path of the objects of a kind in a namespace.
pub(crate) fn folder_of(key: &ObjectKey) -> String {
    folder_named(key, &plural(&key.kind))
}

/// The path of the version of a group, where the API says what kinds it has.
pub(crate) fn version_of(key: &ObjectKey) -> String {
    if key.group.is_empty() {
        format!("/api/{}", key.version)
    } else {
        format!("/apis/{}/{}", key.group, key.version)
    }
}

/// The same of a resource by its name.
pub(crate) fn folder_named(key: &ObjectKey, plural: &str) -> String {
    let start = version_of(key);
    if key.namespace.is_empty() {
        format!("{start}/{plural}")
    } else {
        format!("{start}/namespaces/{}/{plural}", key.namespace)
    }
}

/// The resource of a kind, as the API most likely spells it: right for every kind that is named here, and
/// a guess for those of others, which [`Kinds`](crate::kinds::Kinds) checks.
pub(crate) fn plural(kind: &str) -> String {
    let lower = kind.to_ascii_lowercase();
    if lower == "endpoints" {
        return lower;
    }
    if let Some(stem) = lower.strip_suffix('y')
        && !stem.ends_with(['a', 'e', 'o', 'u'])
    {
        return format!("{stem}ies");
    }
    if lower.ends_with(['s', 'x', 'z']) || lower.ends_with("ch") || lower.ends_with("sh") {
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
        assert_eq!(
            path_of(&key("", "v1", "Endpoints", "pay")),
            "/api/v1/namespaces/pay/endpoints/x"
        );
        assert_eq!(plural("Elasticsearch"), "elasticsearches");
    }
}
