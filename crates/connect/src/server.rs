//! The API server of Argo CD: for whoever has a token for it and no way to its cluster
//! (<https://argo-cd.readthedocs.io/en/stable/developer-guide/api-docs/>).

use std::time::Duration;

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use ripcord_domain::live::application::{AppName, ObjectKey};
use serde_json::{Value, json};

use crate::error::{ConnectError, root};
use crate::login::Login;
use crate::read::{items, text};

/// How long one request may take.
const LIMIT: Duration = Duration::from_secs(5);
/// How long a GET that asks for a comparison is waited for. It blocks until one has begun; that it was
/// asked for is what matters.
const ASKED: Duration = Duration::from_millis(800);

/// An API server of Argo CD, as somebody who is logged in.
pub(crate) struct Server {
    http: reqwest::Client,
    login: Login,
}

impl Server {
    /// Makes a client; nothing is sent yet.
    pub(crate) fn new(login: Login) -> Result<Self, ConnectError> {
        // Whoever was first has chosen; there is one provider only.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .timeout(LIMIT)
            .connect_timeout(LIMIT)
            .user_agent("ripcord")
            .danger_accept_invalid_certs(login.insecure)
            .build()
            .map_err(|error| ConnectError::Configuration(root(&error)))?;
        Ok(Self { http, login })
    }

    pub(crate) fn address(&self) -> &str {
        &self.login.url
    }

    /// Calls the API; what it says.
    async fn call(
        &self,
        what: &str,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Value, ConnectError> {
        let url = format!("{}/api/v1{path}", self.login.url);
        let mut request = self.http.request(method, url).query(query);
        if let Some(token) = &self.login.token {
            request = request.bearer_auth(token.reveal());
        }
        match body {
            Some(body) => request = request.json(body),
            // Against forged requests Argo CD takes no change of any other type, even without a body.
            None => request = request.header(CONTENT_TYPE, "application/json"),
        }
        let unreachable = |error: reqwest::Error| ConnectError::Unreachable {
            what: what.to_owned(),
            why: root(&error.without_url()),
        };
        let answer = request.send().await.map_err(unreachable)?;
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await.map_err(unreachable)?;
        let said: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        if (200..300).contains(&status) {
            return Ok(said);
        }
        Err(refused(what, status, &text(&said["message"])))
    }

    /// What Argo CD says of itself.
    pub(crate) async fn version(&self) -> Option<String> {
        let url = format!("{}/api/version", self.login.url);
        let answer = self.http.get(url).send().await.ok()?;
        let said: Value = answer.json().await.ok()?;
        said["Version"].as_str().map(str::to_owned)
    }

    /// Every Application that one may see.
    pub(crate) async fn applications(&self) -> Result<Vec<Value>, ConnectError> {
        let what = "the Applications of Argo CD";
        let said = self
            .call(what, Method::GET, "/applications", &[], None)
            .await?;
        Ok(items(&said["items"]).cloned().collect())
    }

    /// Every ApplicationSet that one may see, as a list.
    pub(crate) async fn application_sets(&self) -> Result<Value, ConnectError> {
        let what = "the ApplicationSets of Argo CD";
        self.call(what, Method::GET, "/applicationsets", &[], None)
            .await
    }

    pub(crate) async fn application(&self, name: &AppName) -> Result<Value, ConnectError> {
        let what = format!("Application {name}");
        let query = [("appNamespace", name.namespace.as_str())];
        self.call(&what, Method::GET, &of(name), &query, None).await
    }

    /// Changes an Application by a JSON patch.
    pub(crate) async fn patch_application(
        &self,
        what: &str,
        name: &AppName,
        patch: &Value,
    ) -> Result<(), ConnectError> {
        let body = json!({
            "name": name.name, "appNamespace": name.namespace,
            "patch": patch.to_string(), "patchType": "json",
        });
        self.call(what, Method::PATCH, &of(name), &[], Some(&body))
            .await
            .map(drop)
    }

    /// Asks for a comparison, and does not wait for it.
    pub(crate) async fn refresh(&self, name: &AppName) -> Result<(), ConnectError> {
        let what = format!("a refresh of Application {name}");
        let query = [
            ("appNamespace", name.namespace.as_str()),
            ("refresh", "normal"),
        ];
        let path = of(name);
        let call = self.call(&what, Method::GET, &path, &query, None);
        match tokio::time::timeout(ASKED, call).await {
            // It was asked for: the answer comes when the controller is there.
            Err(_) | Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(error),
        }
    }

    /// Asks for a sync to where the branch is now: to a commit it is refused under auto-sync.
    pub(crate) async fn sync(
        &self,
        name: &AppName,
        sync: &crate::argocd::Sync,
    ) -> Result<(), ConnectError> {
        let what = format!("a sync of Application {name}");
        let strategy = if sync.runs_hooks { "hook" } else { "apply" };
        let body = json!({
            "name": name.name, "appNamespace": name.namespace,
            "prune": sync.prunes,
            "strategy": {strategy: {}},
            "syncOptions": {"items": sync.options},
            "infos": sync.infos(),
            "retryStrategy": crate::argocd::Sync::retry(),
        });
        let path = format!("{}/sync", of(name));
        match self
            .call(&what, Method::POST, &path, &[], Some(&body))
            .await
        {
            Err(ConnectError::Refused { why, .. })
                if why.contains("another operation is already in progress") =>
            {
                Err(ConnectError::Conflict { what })
            }
            done => done.map(drop),
        }
    }

    /// Ends the sync that runs.
    pub(crate) async fn terminate(&self, name: &AppName) -> Result<(), ConnectError> {
        let what = format!("the end of the sync of Application {name}");
        let query = [("appNamespace", name.namespace.as_str())];
        let path = format!("{}/operation", of(name));
        match self.call(&what, Method::DELETE, &path, &query, None).await {
            Err(ConnectError::Refused { why, .. })
                if why.contains("No operation is in progress") =>
            {
                Err(ConnectError::Conflict { what })
            }
            done => done.map(drop),
        }
    }

    pub(crate) async fn project(&self, name: &str) -> Result<Value, ConnectError> {
        let what = format!("AppProject {name}");
        let path = format!("/projects/{name}");
        self.call(&what, Method::GET, &path, &[], None).await
    }

    /// Writes a project as it was read and changed: its version is a condition.
    pub(crate) async fn write_project(&self, project: &Value) -> Result<(), ConnectError> {
        let name = text(&project["metadata"]["name"]);
        let what = format!("the windows of AppProject {name}");
        let path = format!("/projects/{name}");
        let body = json!({"project": project});
        match self.call(&what, Method::PUT, &path, &[], Some(&body)).await {
            Err(ConnectError::Refused { why, .. }) if why.contains("has been modified") => {
                Err(ConnectError::Conflict { what })
            }
            done => done.map(drop),
        }
    }

    /// Whether Argo CD's own rules allow something.
    pub(crate) async fn may(
        &self,
        resource: &str,
        action: &str,
        object: &str,
    ) -> Result<bool, ConnectError> {
        let path = format!("/account/can-i/{resource}/{action}/{object}");
        let said = self
            .call("a review of permissions", Method::GET, &path, &[], None)
            .await?;
        Ok(said["value"] == "yes")
    }

    /// An object of an Application.
    pub(crate) async fn object(
        &self,
        app: &AppName,
        key: &ObjectKey,
    ) -> Result<Value, ConnectError> {
        let what = key.to_string();
        let path = format!("{}/resource", of(app));
        let said = self
            .call(&what, Method::GET, &path, &query(app, key), None)
            .await?;
        manifest(&what, &said)
    }

    /// Every object of a kind below an Application, with those that it owns indirectly.
    pub(crate) async fn objects(
        &self,
        app: &AppName,
        kind: &ObjectKey,
    ) -> Result<Vec<Value>, ConnectError> {
        let what = format!("each {} of Application {app}", kind.kind);
        let path = format!("{}/resource-tree", of(app));
        let about = [("appNamespace", app.namespace.as_str())];
        let tree = self.call(&what, Method::GET, &path, &about, None).await?;
        let nodes = items(&tree["nodes"]).filter(|node| {
            node["kind"] == *kind.kind
                && text(&node["group"]) == kind.group
                && text(&node["namespace"]) == kind.namespace
        });
        let keys: Vec<ObjectKey> = nodes
            .map(|node| ObjectKey {
                version: text(&node["version"]),
                name: text(&node["name"]),
                ..kind.clone()
            })
            .collect();
        let mut found = Vec::new();
        for object in
            futures_util::future::join_all(keys.iter().map(|key| self.object(app, key))).await
        {
            match object {
                Ok(object) => found.push(object),
                // Gone since the tree was made.
                Err(ConnectError::Missing { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// Changes an object of an Application.
    pub(crate) async fn patch(
        &self,
        what: &str,
        app: &AppName,
        key: &ObjectKey,
        content_type: &str,
        patch: &Value,
    ) -> Result<Value, ConnectError> {
        let path = format!("{}/resource", of(app));
        let mut about = query(app, key).to_vec();
        about.push(("patchType", content_type));
        // The body is the patch as a text.
        let body = Value::String(patch.to_string());
        match self
            .call(what, Method::POST, &path, &about, Some(&body))
            .await
        {
            Err(ConnectError::Refused { why, .. })
                if why.contains("the server rejected our request")
                    || why.contains("has been modified") =>
            {
                Err(ConnectError::Conflict {
                    what: what.to_owned(),
                })
            }
            done => manifest(what, &done?),
        }
    }

    /// Deletes an object of an Application.
    pub(crate) async fn delete(
        &self,
        what: &str,
        app: &AppName,
        key: &ObjectKey,
    ) -> Result<(), ConnectError> {
        let path = format!("{}/resource", of(app));
        self.call(what, Method::DELETE, &path, &query(app, key), None)
            .await
            .map(drop)
    }

    /// Runs an action that Argo CD knows for the kind, such as `abort`.
    pub(crate) async fn act(
        &self,
        what: &str,
        app: &AppName,
        key: &ObjectKey,
        action: &str,
    ) -> Result<(), ConnectError> {
        let path = format!("{}/resource/actions/v2", of(app));
        let body = json!({
            "name": app.name, "appNamespace": app.namespace,
            "namespace": key.namespace, "resourceName": key.name,
            "group": key.group, "version": key.version, "kind": key.kind,
            "action": action,
        });
        self.call(what, Method::POST, &path, &[], Some(&body))
            .await
            .map(drop)
    }
}

/// The path of an Application.
fn of(name: &AppName) -> String {
    format!("/applications/{}", name.name)
}

fn query<'a>(app: &'a AppName, key: &'a ObjectKey) -> [(&'static str, &'a str); 6] {
    [
        ("appNamespace", app.namespace.as_str()),
        ("namespace", key.namespace.as_str()),
        ("resourceName", key.name.as_str()),
        ("version", key.version.as_str()),
        ("group", key.group.as_str()),
        ("kind", key.kind.as_str()),
    ]
}

/// The object in an answer, which has it as a text.
fn manifest(what: &str, said: &Value) -> Result<Value, ConnectError> {
    serde_json::from_str(&text(&said["manifest"])).map_err(|error| ConnectError::Nonsense {
        what: what.to_owned(),
        why: error.to_string(),
    })
}

/// What a refusal means.
fn refused(what: &str, status: u16, why: &str) -> ConnectError {
    let what = what.to_owned();
    let why = if why.is_empty() {
        format!("HTTP {status}")
    } else {
        why.to_owned()
    };
    match status {
        401 => ConnectError::Unauthorized { what },
        403 => ConnectError::Forbidden { what, why },
        404 => ConnectError::Missing { what },
        // An object that went between the tree and the question.
        _ if why.contains("not found as part of application") => ConnectError::Missing { what },
        409 => ConnectError::Conflict { what },
        429 | 500..=599 if !why.contains("the server rejected our request") => {
            ConnectError::Unreachable { what, why }
        }
        _ => ConnectError::Refused { what, why },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_that_went_between_two_questions_is_missing_and_no_trouble() {
        let said = "Pod payments-1 not found as part of application payments";
        let error = refused("Pod payments-1", 400, said);
        assert!(matches!(error, ConnectError::Missing { .. }), "{error:?}");
        let other = refused("Pod payments-1", 400, "resource is required");
        assert!(matches!(other, ConnectError::Refused { .. }), "{other:?}");
    }
}
