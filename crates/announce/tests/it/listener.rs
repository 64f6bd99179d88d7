//! A server that keeps what it is told and answers as it was told to.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};

/// An answer.
#[derive(Clone, Copy)]
pub(crate) enum Says {
    /// A status, with a body.
    Status(u16, &'static str),
    /// A status with `Retry-After`.
    Wait(u16, &'static str),
    /// Nothing, for ever.
    Nothing,
}

/// A request as it came in.
pub(crate) struct Heard {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) at: Instant,
}

#[derive(Clone, Default)]
pub(crate) struct Listener {
    pub(crate) address: String,
    answers: Arc<Mutex<VecDeque<Says>>>,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl Listener {
    /// Begins to listen; after the answers it says 202.
    pub(crate) async fn begin(answers: &[Says]) -> Self {
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listener = Self {
            address: format!("http://{}", socket.local_addr().unwrap()),
            answers: Arc::new(Mutex::new(answers.iter().copied().collect())),
            heard: Arc::default(),
        };
        let router = Router::new().fallback(answer).with_state(listener.clone());
        tokio::spawn(async move { axum::serve(socket, router).await });
        listener
    }

    pub(crate) fn heard(&self) -> Vec<Heard> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }
}

async fn answer(
    State(listener): State<Listener>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    listener.heard.lock().unwrap().push(Heard {
        path: uri.to_string(),
        headers,
        body: body.to_vec(),
        at: Instant::now(),
    });
    let next = listener.answers.lock().unwrap().pop_front();
    let status = |code| StatusCode::from_u16(code).unwrap();
    match next {
        None => StatusCode::ACCEPTED.into_response(),
        Some(Says::Status(code, body)) => (status(code), body).into_response(),
        Some(Says::Wait(code, after)) => (status(code), [("retry-after", after)]).into_response(),
        Some(Says::Nothing) => pending().await,
    }
}

/// How long a wait is at the least that is asked for in seconds.
pub(crate) const SECOND: Duration = Duration::from_secs(1);
