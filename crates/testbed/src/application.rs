//! An Application of Argo CD: as its object, and by Argo CD's API.

use anyhow::{Context as _, Result};
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};

use crate::argocd::NAMESPACE;
use crate::bed::Testbed;

/// A handle to one Application.
pub struct Application<'a> {
    bed: &'a Testbed,
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
    pub(crate) fn new(bed: &'a Testbed, name: &str) -> Self {
        Self {
            bed,
            name: name.to_owned(),
        }
    }

    async fn api(&self) -> Result<Api<DynamicObject>> {
        let objects = self.bed.objects();
        objects
            .api("argoproj.io/v1alpha1", "Application", Some(NAMESPACE))
            .await
    }

    /// The object as it is now.
    ///
    /// # Errors
    /// It is not there, or the API server does not answer.
    pub fn get(&self) -> Result<Value> {
        self.bed.block_on(async {
            let found = self.api().await?.get(&self.name).await?;
            Ok(serde_json::to_value(found)?)
        })
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
        self.patch(&json!([
            {"op": "test", "path": "/operation", "value": null},
            {"op": "add", "path": "/operation", "value": operation(revision)},
            {"op": "add", "path": "/status/operationState", "value": null},
            {"op": "add", "path": "/metadata/annotations",
                "value": {"argocd.argoproj.io/refresh": "normal"}},
        ]))
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
