//! Traffic: an HTTP server that answers for a Service as the pods behind it would.
//!
//! `GET /NAMESPACE/SERVICE` goes to one of the Service's ready endpoints in turn, as a kube-proxy
//! would choose it: 200 with what answered, 503 when none is ready, 500 when the pod's image says
//! that it `errors` although it is ready.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use futures_util::StreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Api;
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::{WatchStreamExt as _, watcher};
use serde::Serialize;
use tokio::runtime::Handle;

/// The tag's end that makes a ready pod answer with errors.
const ERRORS: &str = "errors";

/// A running responder; it ends with the runtime.
#[derive(Debug)]
pub(crate) struct Responder {
    address: SocketAddr,
}

/// What is known of the cluster, kept up to date by watches.
struct Seen {
    endpoints: Store<EndpointSlice>,
    pods: Store<Pod>,
    turn: AtomicUsize,
}

/// The answer to a request.
#[derive(Serialize)]
struct Answer {
    ok: bool,
    /// The image of the pod that answered.
    image: Option<String>,
    pod: Option<String>,
}

impl Responder {
    /// Starts to listen, and to watch the cluster.
    pub(crate) fn start(runtime: &Handle, client: &kube::Client) -> Result<Self> {
        let _context = runtime.enter();
        let seen = Arc::new(Seen {
            endpoints: watched(runtime, client),
            pods: watched(runtime, client),
            turn: AtomicUsize::default(),
        });
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .context("cannot listen on 127.0.0.1")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let routes = axum::Router::new()
            .route("/{namespace}/{service}", get(answer))
            .with_state(seen);
        runtime.spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { address })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// All objects of a kind, kept up to date.
fn watched<K>(runtime: &Handle, client: &kube::Client) -> Store<K>
where
    K: kube::Resource<DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned
        + Send
        + Sync
        + 'static,
{
    let (store, writer) = reflector::store();
    let events = watcher(Api::<K>::all(client.clone()), watcher::Config::default());
    let events = events.default_backoff().reflect(writer);
    runtime.spawn(events.for_each(|_| std::future::ready(())));
    store
}

async fn answer(
    State(seen): State<Arc<Seen>>,
    Path((namespace, service)): Path<(String, String)>,
) -> (StatusCode, Json<Answer>) {
    let ready = seen.ready_pods(&namespace, &service);
    let turn = seen.turn.fetch_add(1, Ordering::Relaxed);
    let Some((name, image)) = ready.iter().nth(turn.checked_rem(ready.len()).unwrap_or(0)) else {
        let nobody = Answer {
            ok: false,
            image: None,
            pod: None,
        };
        return (StatusCode::SERVICE_UNAVAILABLE, Json(nobody));
    };
    let ok = !image.ends_with(ERRORS);
    let status = if ok {
        StatusCode::OK
    } else {
        StatusCode::INTERNAL_SERVER_ERROR
    };
    let answer = Answer {
        ok,
        image: Some(image.clone()),
        pod: Some(name.clone()),
    };
    (status, Json(answer))
}

impl Seen {
    /// The pods behind a Service that are ready, with the image of their first container.
    fn ready_pods(&self, namespace: &str, service: &str) -> BTreeMap<String, String> {
        let of_service = |slice: &&Arc<EndpointSlice>| {
            let labels = slice.metadata.labels.as_ref();
            slice.metadata.namespace.as_deref() == Some(namespace)
                && labels
                    .and_then(|all| all.get("kubernetes.io/service-name"))
                    .is_some_and(|name| name == service)
        };
        let slices = self.endpoints.state();
        let endpoints = slices
            .iter()
            .filter(of_service)
            .flat_map(|slice| &slice.endpoints);
        let ready = endpoints.filter(|endpoint| {
            let conditions = endpoint.conditions.as_ref();
            conditions.and_then(|all| all.ready).unwrap_or(true)
        });
        ready
            .filter_map(|endpoint| endpoint.target_ref.as_ref()?.name.clone())
            .filter_map(|name| {
                let pod = self.pods.get(&ObjectRef::new(&name).within(namespace))?;
                let image = pod.spec.as_ref()?.containers.first()?.image.clone()?;
                Some((name, image))
            })
            .collect()
    }
}
