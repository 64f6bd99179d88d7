//! Objects of a cluster, of any kind, as JSON.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::discovery::{Scope, oneshot};
use serde_json::Value;

/// The owner of the fields that a testbed sets.
const OWNER: &str = "testbed";

/// How long it may take until a kind that was defined is served, and how often it is looked.
const SERVED_WITHIN: Duration = Duration::from_secs(20);
const GLANCE: Duration = Duration::from_millis(25);

/// Whether a node or a pod says that it is ready.
pub(crate) fn says_ready(object: &Value) -> bool {
    let conditions = object["status"]["conditions"].as_array();
    let mut conditions = conditions.into_iter().flatten();
    conditions.any(|one| one["type"] == "Ready" && one["status"] == "True")
}

/// Applies and reads objects of any kind.
#[derive(Clone)]
pub struct Objects {
    client: kube::Client,
    /// What the API server said of kinds; it says the same each time.
    kinds: Arc<Mutex<HashMap<String, (ApiResource, Scope)>>>,
}

impl Objects {
    pub(crate) fn new(client: kube::Client) -> Self {
        Self {
            client,
            kinds: Arc::default(),
        }
    }

    /// The client beneath, for what this does not have.
    pub fn client(&self) -> kube::Client {
        self.client.clone()
    }

    /// Whether the API server says that it is ready.
    pub(crate) async fn is_ready(&self) -> bool {
        match http::Request::get("/readyz").body(Vec::new()) {
            Ok(request) => self.client.request_text(request).await.is_ok(),
            Err(_) => false,
        }
    }

    /// Applies one object, server-side.
    ///
    /// # Errors
    /// It has no kind or name; it is refused.
    pub async fn apply_object(&self, object: &Value) -> Result<()> {
        let (api, name) = self.place(object).await?;
        let params = PatchParams::apply(OWNER).force();
        api.patch(&name, &params, &Patch::Apply(object))
            .await
            .map(drop)
            .with_context(|| format!("{} {name} was refused", object["kind"]))
    }

    /// Where an object belongs, and its name.
    async fn place(&self, object: &Value) -> Result<(Api<DynamicObject>, String)> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
        let (api_version, kind) = (text("/apiVersion"), text("/kind"));
        let (api_version, kind) = api_version.zip(kind).context("an object without a kind")?;
        let name = text("/metadata/name").context("an object without a name")?;
        let api = self
            .api(api_version, kind, text("/metadata/namespace"))
            .await?;
        Ok((api, name.to_owned()))
    }

    /// Changes what an object says of some fields and leaves the rest.
    ///
    /// # Errors
    /// It has no kind or name; there is none such; it is refused.
    pub async fn merge_object(&self, object: &Value) -> Result<()> {
        let (api, name) = self.place(object).await?;
        let params = PatchParams::default();
        api.patch(&name, &params, &Patch::Merge(object))
            .await
            .map(drop)
            .with_context(|| format!("{name} was refused"))
    }

    /// Objects of one kind, in one namespace if the kind has such.
    ///
    /// # Errors
    /// The API server does not know the kind.
    pub async fn api(
        &self,
        api_version: &str,
        kind: &str,
        namespace: Option<&str>,
    ) -> Result<Api<DynamicObject>> {
        let (resource, scope) = self.kind(api_version, kind).await?;
        Ok(match (scope, namespace) {
            (Scope::Cluster, _) => Api::all_with(self.client(), &resource),
            (Scope::Namespaced, Some(namespace)) => {
                Api::namespaced_with(self.client(), namespace, &resource)
            }
            (Scope::Namespaced, None) => Api::default_namespaced_with(self.client(), &resource),
        })
    }

    /// Waits until the API server serves a kind, which takes a moment after its definition.
    pub(crate) async fn wait_for_kind(&self, api_version: &str, kind: &str) -> Result<()> {
        let until = Instant::now() + SERVED_WITHIN;
        loop {
            match self.kind(api_version, kind).await {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() > until => return Err(error),
                Err(_) => tokio::time::sleep(GLANCE).await,
            }
        }
    }

    async fn kind(&self, api_version: &str, kind: &str) -> Result<(ApiResource, Scope)> {
        let key = format!("{api_version}/{kind}");
        let known = {
            let kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
            kinds.get(&key).cloned()
        };
        if let Some(known) = known {
            return Ok(known);
        }
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        ensure!(!version.is_empty(), "`{api_version}` is no API version");
        let kind = GroupVersionKind::gvk(group, version, kind);
        let (resource, capabilities) = oneshot::pinned_kind(&self.client, &kind)
            .await
            .with_context(|| format!("the API server does not know {key}"))?;
        let found = (resource, capabilities.scope);
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        kinds.insert(key, found.clone());
        Ok(found)
    }
}
