//! What stands before the registry: passes everything on, or has the troubles of a busy one.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;
use tokio::runtime::Handle;

/// No layer of a test is larger, in bytes.
const LARGEST: usize = 64 * 1024 * 1024;

/// How a registry can fail those who ask it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// 401: it wants to know who asks.
    Unauthorized,
    /// 429: too many requests; it says after how many seconds one may ask again.
    TooMany {
        /// What `Retry-After` says.
        retry_after: u32,
    },
    /// 500: it is broken.
    Broken,
    /// It answers, after this time.
    Slow(Duration),
}

/// A trouble, and for how many more requests.
type Spell = (Trouble, Option<usize>);

#[derive(Default)]
struct Seen {
    spell: Option<Spell>,
    requests: Vec<String>,
}

/// A running gateway; it ends with the runtime.
pub(crate) struct Gateway {
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Clone)]
struct Way {
    behind: SocketAddr,
    http: reqwest::Client,
    seen: Arc<Mutex<Seen>>,
}

fn locked(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Gateway {
    /// Starts to listen.
    pub(crate) fn start(runtime: &Handle, behind: SocketAddr) -> Result<Self> {
        let _context = runtime.enter();
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .context("cannot listen on 127.0.0.1")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let seen = Arc::new(Mutex::new(Seen::default()));
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        let way = Way {
            behind,
            http,
            seen: Arc::clone(&seen),
        };
        let routes = axum::Router::new().fallback(pass).with_state(way);
        runtime.spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { address, seen })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn set(&self, spell: Option<Spell>) {
        locked(&self.seen).spell = spell;
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        locked(&self.seen).requests.clone()
    }
}

impl Seen {
    /// The trouble of the request that has come.
    fn next(&mut self) -> Option<Trouble> {
        let (trouble, left) = self.spell.as_mut()?;
        let trouble = *trouble;
        match left {
            None => Some(trouble),
            Some(0) => {
                self.spell = None;
                None
            }
            Some(left) => {
                *left -= 1;
                Some(trouble)
            }
        }
    }
}

async fn pass(State(way): State<Way>, request: Request) -> Response {
    let trouble = {
        let mut seen = locked(&way.seen);
        let asked = format!("{} {}", request.method(), request.uri());
        seen.requests.push(asked);
        seen.next()
    };
    match trouble {
        None => {}
        Some(Trouble::Slow(time)) => tokio::time::sleep(time).await,
        Some(other) => return refusal(other),
    }
    match passed(&way, request).await {
        Ok(answer) => answer,
        Err(error) => (StatusCode::BAD_GATEWAY, format!("{error:#}")).into_response(),
    }
}

/// <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes>
fn refusal(trouble: Trouble) -> Response {
    let (status, code) = match trouble {
        Trouble::Unauthorized => (StatusCode::UNAUTHORIZED, "UNAUTHORIZED"),
        Trouble::TooMany { .. } => (StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS"),
        Trouble::Broken | Trouble::Slow(_) => (StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN"),
    };
    let mut headers = HeaderMap::new();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    match trouble {
        Trouble::Unauthorized => {
            let how = HeaderValue::from_static("Basic realm=\"testbed\"");
            headers.insert(header::WWW_AUTHENTICATE, how);
        }
        Trouble::TooMany { retry_after } => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(retry_after));
        }
        Trouble::Broken | Trouble::Slow(_) => {}
    }
    let said = json!({"errors": [{"code": code, "message": "no"}]});
    (status, headers, said.to_string()).into_response()
}

/// Headers that speak of one connection.
const HOP_BY_HOP: [HeaderName; 2] = [header::CONNECTION, header::TRANSFER_ENCODING];

async fn passed(way: &Way, request: Request) -> Result<Response> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut headers = parts.headers;
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
    let answer = way
        .http
        .request(parts.method, format!("http://{}{path}", way.behind))
        .headers(headers)
        .body(to_bytes(body, LARGEST).await?)
        .send()
        .await?;
    let mut passed = Response::new(Body::empty());
    *passed.status_mut() = answer.status();
    for (name, value) in answer.headers() {
        if !HOP_BY_HOP.contains(name) {
            passed.headers_mut().append(name.clone(), value.clone());
        }
    }
    *passed.body_mut() = Body::from(answer.bytes().await?);
    Ok(passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spell_of_trouble_ends_after_as_many_requests_as_were_said() {
        let mut seen = Seen {
            spell: Some((Trouble::Broken, Some(2))),
            ..Seen::default()
        };
        let met: Vec<bool> = (0..4).map(|_| seen.next().is_some()).collect();
        assert_eq!(met, [true, true, false, false]);
    }
}
