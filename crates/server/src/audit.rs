//! Who called what, and how it was answered: one line of JSON for each call of people and programs.
//!
//! Deliveries of other systems are no part of it: each that is proven is kept whole, and those that are not are
//! counted ([`crate::figures`]).

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use jiff::Timestamp;
use serde::Serialize;

use crate::access::Caller;

/// Where lines go. Clones write to the same.
#[derive(Clone)]
pub struct Audit {
    to: Arc<Mutex<Box<dyn Write + Send>>>,
    clock: fn() -> Timestamp,
}

#[derive(Serialize)]
struct Line<'a> {
    at: Timestamp,
    who: Option<&'a str>,
    role: Option<&'a str>,
    method: &'a str,
    path: &'a str,
    status: u16,
}

impl Audit {
    /// Writes lines to this.
    pub fn new(to: Box<dyn Write + Send>, clock: fn() -> Timestamp) -> Self {
        Self {
            to: Arc::new(Mutex::new(to)),
            clock,
        }
    }

    fn write(&self, line: &Line<'_>) {
        let Ok(mut text) = serde_json::to_vec(line) else {
            return;
        };
        text.push(b'\n');
        let mut to = self.to.lock().unwrap_or_else(PoisonError::into_inner);
        // One write for each line: lines of several processes do not mix.
        let _full_disk = to.write_all(&text).and_then(|()| to.flush());
    }
}

/// Writes a line for a call. The query is left out: it may hold what people search for.
pub(crate) async fn record(State(audit): State<Audit>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    let caller = response.extensions().get::<Caller>();
    audit.write(&Line {
        at: (audit.clock)(),
        who: caller.map(|caller| caller.name.as_str()),
        role: caller.map(|caller| caller.role.word()),
        method: method.as_str(),
        path: &path,
        status: response.status().as_u16(),
    });
    response
}
