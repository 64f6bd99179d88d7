//! An image registry in memory, as the distribution specification has it, with the troubles of real ones.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::runtime::Runtime;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// What is answered, by path below `/v2/`.
#[derive(Default)]
struct Shelf {
    /// Manifests by `name/manifests/reference`.
    manifests: BTreeMap<String, String>,
    /// Blobs by digest.
    blobs: BTreeMap<String, String>,
    /// What every question is answered with instead.
    trouble: Option<u16>,
    /// How many questions came.
    questions: usize,
}

/// A registry on loopback that ends with its handle.
pub struct ImageRegistry {
    address: SocketAddr,
    shelf: Arc<Mutex<Shelf>>,
    runtime: Option<Runtime>,
}

impl ImageRegistry {
    /// Starts an empty one.
    ///
    /// # Errors
    /// There is no port.
    pub fn start() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .context("no port for a registry")?;
        let address = listener.local_addr()?;
        let shelf = Arc::new(Mutex::new(Shelf::default()));
        let router = Router::new()
            .route("/v2/{*path}", get(answer))
            .with_state(shelf.clone());
        runtime.spawn(async move { axum::serve(listener, router).await });
        Ok(Self {
            address,
            shelf,
            runtime: Some(runtime),
        })
    }

    /// Host and port.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Puts an image there that says what it was built of; its digest. A tag that is there moves.
    pub fn push(&self, name: &str, tag: &str, revision: Option<&str>) -> String {
        let labels = revision.map(|commit| ("revision", commit));
        self.push_labelled(name, tag, labels.as_slice())
    }

    /// The same with labels of `org.opencontainers.image`.
    pub fn push_labelled(&self, name: &str, tag: &str, labels: &[(&str, &str)]) -> String {
        let label = |(name, value): &(&str, &str)| {
            let name = format!("org.opencontainers.image.{name}");
            (name, json!(value))
        };
        let labels: serde_json::Map<String, _> = labels.iter().map(label).collect();
        let configuration = json!({
            "architecture": "amd64", "os": "linux", "config": {"Labels": labels},
            "rootfs": {"type": "layers", "diff_ids": []}, "history": [{"comment": tag}],
        });
        let configuration = configuration.to_string();
        let of_it = digest_of(&configuration);
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "layers": [],
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": of_it, "size": configuration.len()},
        });
        let manifest = manifest.to_string();
        let digest = digest_of(&manifest);
        let mut shelf = self.shelf();
        shelf.blobs.insert(of_it, configuration);
        for reference in [tag, &digest] {
            let path = format!("{name}/manifests/{reference}");
            shelf.manifests.insert(path, manifest.clone());
        }
        digest
    }

    /// Every question is answered with this status from now on; none is as it should be.
    pub fn set_trouble(&self, status: Option<u16>) {
        self.shelf().trouble = status;
    }

    /// How many questions came so far.
    pub fn requests(&self) -> usize {
        self.shelf().questions
    }

    fn shelf(&self) -> std::sync::MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ImageRegistry {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn answer(State(shelf): State<Arc<Mutex<Shelf>>>, Path(path): Path<String>) -> Response {
    let mut shelf = shelf.lock().unwrap_or_else(PoisonError::into_inner);
    shelf.questions += 1;
    if let Some(status) = shelf.trouble {
        // <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes>
        let code = match status {
            401 => "UNAUTHORIZED",
            403 => "DENIED",
            429 => "TOOMANYREQUESTS",
            _ => "UNKNOWN",
        };
        let said = json!({"errors": [{"code": code, "message": "no"}]});
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        return (status, said.to_string()).into_response();
    }
    let blob = path
        .rsplit_once("/blobs/")
        .and_then(|(_, digest)| shelf.blobs.get(digest));
    if let Some(blob) = blob {
        return blob.clone().into_response();
    }
    let Some(manifest) = shelf.manifests.get(&path) else {
        let unknown = r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#;
        return (StatusCode::NOT_FOUND, unknown).into_response();
    };
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MANIFEST));
    if let Ok(digest) = HeaderValue::from_str(&digest_of(manifest)) {
        headers.insert(HeaderName::from_static("docker-content-digest"), digest);
    }
    (headers, manifest.clone()).into_response()
}

fn digest_of(text: &str) -> String {
    use std::fmt::Write as _;
    let mut digest = "sha256:".to_owned();
    for byte in Sha256::digest(text.as_bytes()) {
        let _ = write!(digest, "{byte:02x}");
    }
    digest
}
