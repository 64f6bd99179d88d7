//! An Application of Argo CD: as its object, and by Argo CD's API.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};

use crate::argocd::NAMESPACE;
use crate::bed::Testbed;

/// The annotation by which a comparison is asked for; it is gone when one has begun.
pub const REFRESH: &str = "argocd.argoproj.io/refresh";

/// How long it may take until it is held, and how often it is looked.
const HELD_WITHIN: Duration = Duration::from_secs(20);
const GLANCE: Duration = Duration::from_millis(20);

/// A handle to one Application.
pub struct Application<'a> {
    bed: &'a Testbed,
    namespace: String,
    name: String,
}

/// What the API server did not do, or Argo CD, or the forge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The HTTP status.
    pub status: u16,
    /// What was said.
    pub message: String,
}

impl<'a> Application<'a> {
    /// One outside Argo CD's own namespace is named `NAMESPACE/NAME`, as Argo CD itself writes it.
    pub(crate) fn new(bed: &'a Testbed, name: &str) -> Self {
        let (namespace, name) = name.split_once('/').unwrap_or((NAMESPACE, name));
        Self {
            bed,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    async fn api(&self) -> Result<Api<DynamicObject>> {
        let objects = self.bed.objects();
        objects
            .api("argoproj.io/v1alpha1", "Application", Some(&self.namespace))
            .await
    }

    pub(crate) async fn read(&self) -> Result<Value> {
        let found = self.api().await?.get(&self.name).await?;
        Ok(serde_json::to_value(found)?)
    }

    pub(crate) async fn delete(&self) -> Result<()> {
        let params = DeleteParams::default();
        self.api().await?.delete(&self.name, &params).await?;
        Ok(())
    }

    /// The object as it is now.
    ///
    /// # Errors
    /// It is not there, or the API server does not answer.
    pub fn get(&self) -> Result<Value> {
        self.bed.block_on(self.read())
    }

    /// Changes some fields, as `kubectl patch --type merge`.
    ///
    /// # Errors
    /// The API server refuses it.
    pub fn merge(&self, patch: &Value) -> Result<()> {
        self.bed.block_on(async {
            let params = PatchParams::default();
            let api = self.api().await?;
            api.patch(&self.name, &params, &Patch::Merge(patch)).await?;
            Ok(())
        })
    }

    /// Changes fields on conditions, as `kubectl patch --type json`; the inner error is a refusal.
    ///
    /// # Errors
    /// The operations are none; the API server does not answer.
    pub fn patch(&self, operations: &Value) -> Result<Result<(), Refused>> {
        let patch: json_patch::Patch =
            serde_json::from_value(operations.clone()).context("no JSON patch")?;
        self.bed.block_on(async {
            let api = self.api().await?;
            let params = PatchParams::default();
            let patch = Patch::<()>::Json(patch);
            match api.patch(&self.name, &params, &patch).await {
                Ok(_) => Ok(Ok(())),
                Err(kube::Error::Api(said)) => Ok(Err(Refused {
                    status: said.code,
                    message: said.message.clone(),
                })),
                Err(other) => Err(other.into()),
            }
        })
    }

    /// Asks for a sync to a commit and for a comparison, in one write, unless another sync is asked
    /// for already: the inner error.
    ///
    /// # Errors
    /// The API server does not answer.
    pub fn sync_to(&self, revision: &str) -> Result<Result<(), Refused>> {
        self.ask(&operation(revision))
    }

    /// The same with an operation of one's own.
    ///
    /// # Errors
    /// The API server does not answer.
    pub fn ask(&self, operation: &Value) -> Result<Result<(), Refused>> {
        let none = json!({"op": "test", "path": "/operation", "value": null});
        let asked = std::iter::once(none).chain(asking(operation));
        self.patch(&asked.collect())
    }

    /// The same in the place of one that is there already.
    ///
    /// # Errors
    /// The API server does not answer.
    pub fn replace(&self, operation: &Value) -> Result<Result<(), Refused>> {
        self.patch(&asking(operation).into_iter().collect())
    }

    /// Asks for a comparison, as a refresh button does.
    ///
    /// # Errors
    /// The API server refuses it.
    pub fn refresh(&self) -> Result<()> {
        self.merge(&json!({"metadata": {"annotations": {REFRESH: "normal"}}}))
    }

    /// Makes the last operation look failed and without a result, and asks for a comparison, in one
    /// write, unless an operation is there: the inner error.
    ///
    /// # Errors
    /// The API server does not answer.
    pub fn mark_failed(&self) -> Result<Result<(), Refused>> {
        self.patch(&json!([
            {"op": "test", "path": "/operation", "value": null},
            {"op": "replace", "path": "/status/operationState/phase", "value": "Failed"},
            {"op": "add", "path": "/status/operationState/syncResult", "value": null},
            {"op": "add", "path": "/metadata/annotations", "value": {REFRESH: "normal"}},
        ]))
    }

    /// Holds it by that mark. A comparison that was under way knows nothing of the mark, and the sync
    /// that it begins writes over it: so it is marked until a comparison has begun afterwards and the
    /// mark is still there.
    ///
    /// # Errors
    /// It could not be held; no operation was done yet; the API server does not answer.
    pub fn hold(&self) -> Result<()> {
        let until = Instant::now() + HELD_WITHIN;
        while Instant::now() < until {
            if self.mark_failed()?.is_ok() {
                let app = loop {
                    let app = self.get()?;
                    let is_compared = app["metadata"]["annotations"][REFRESH].is_null();
                    if is_compared || Instant::now() > until {
                        break app;
                    }
                    std::thread::sleep(GLANCE);
                };
                let state = &app["status"]["operationState"];
                let is_marked = state["phase"] == "Failed" && state["syncResult"].is_null();
                if is_marked && app["operation"].is_null() {
                    return Ok(());
                }
            }
            std::thread::sleep(GLANCE);
        }
        bail!("{} could not be held: {}", self.name, self.get()?["status"]);
    }

    /// Calls Argo CD's API below the Application, such as `POST` `/rollback`; the inner error is a
    /// refusal.
    ///
    /// # Errors
    /// Argo CD does not answer.
    pub fn call(&self, method: &str, path: &str, body: &Value) -> Result<Result<Value, Refused>> {
        let address = self.bed.argocd_address()?;
        let url = format!("http://{address}/api/v1/applications/{}{path}", self.name);
        let token = self.bed.argocd_token()?;
        let method = reqwest::Method::from_bytes(method.as_bytes())?;
        let request = self.bed.http().request(method, url);
        self.bed
            .block_on(answer_of(request.bearer_auth(token).json(body)))
    }
}

/// The writes that ask for an operation and for a comparison, and forget the last operation.
fn asking(operation: &Value) -> [Value; 3] {
    [
        json!({"op": "add", "path": "/operation", "value": operation}),
        json!({"op": "add", "path": "/status/operationState", "value": null}),
        json!({"op": "add", "path": "/metadata/annotations", "value": {REFRESH: "normal"}}),
    ]
}

/// What a JSON API says; the inner error is a refusal.
pub(crate) async fn answer_of(request: reqwest::RequestBuilder) -> Result<Result<Value, Refused>> {
    let answer = request.send().await?;
    let status = answer.status();
    let said: Value = answer.json().await.unwrap_or_default();
    if status.is_success() {
        return Ok(Ok(said));
    }
    let message = said["message"].as_str().unwrap_or_default().to_owned();
    let status = status.as_u16();
    Ok(Err(Refused { status, message }))
}

/// A sync to a commit that prunes and runs no hooks.
pub fn operation(revision: &str) -> Value {
    json!({
        "initiatedBy": {"username": "testbed"},
        "sync": {"revision": revision, "prune": true, "syncStrategy": {"apply": {}}},
    })
}
