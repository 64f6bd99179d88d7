//! From a request to its answer: credentials, faults, then git.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::backend::Backend;
use crate::switches::{Fault, Options, Step, Switches};
use crate::traffic::Meter;
use crate::wire::{Exchange, Link};

/// What git sends ahead of a large push to learn whether it must authenticate: one flush packet.
const PROBE_LENGTH: &str = "4";

/// What of an answer precedes a cut: the status line.
///
/// Not nothing, because curl silently repeats a request, a push too, on a kept connection that dies
/// without a header line. Then the fault would show or not show depending on the connection's age.
const LAST_WORDS: &str = "HTTP/1.1 200 OK\r\n";

/// What every request needs.
#[derive(Clone)]
pub(crate) struct Host {
    pub(crate) backend: Backend,
    pub(crate) switches: Arc<Switches>,
    pub(crate) meter: Arc<Meter>,
}

/// Answers until `stopped` is dropped.
pub(crate) async fn serve(listener: TcpListener, host: Host, stopped: oneshot::Receiver<()>) {
    let exchange = Exchange {
        listener,
        switches: Arc::clone(&host.switches),
        meter: Arc::clone(&host.meter),
    };
    let service = Router::new().fallback(answer).with_state(host);
    let server = axum::serve(
        exchange,
        service.into_make_service_with_connect_info::<Link>(),
    );
    tokio::select! {
        _ = server => {}
        _ = stopped => {}
    }
}

async fn answer(
    State(host): State<Host>,
    ConnectInfo(link): ConnectInfo<Link>,
    request: Request,
) -> Response {
    let step = step_of(&request);
    host.meter.request(step);
    let options = host.switches.options();
    if !options.latency.is_zero() {
        tokio::time::sleep(options.latency).await;
    }
    if let Some(refusal) = refusal(&options, &request) {
        return refusal;
    }
    let user = options
        .auth
        .map_or_else(|| "git".to_owned(), |(user, _)| user);
    match host.switches.take_fault(step) {
        Some(Fault::Status(status)) => refuse(status, "the host answers so on request"),
        Some(Fault::CutBefore) => cut(&link),
        Some(Fault::CutAfter) => {
            before_push(&host, step).await;
            host.backend.run_to_end(request, &user).await;
            cut(&link)
        }
        Some(Fault::CutAnswerAfter(bytes)) => {
            before_push(&host, step).await;
            link.cut_after(bytes);
            host.backend.run(request, &user).await
        }
        None => {
            before_push(&host, step).await;
            host.backend.run(request, &user).await
        }
    }
}

fn cut(link: &Link) -> Response {
    link.cut_after(LAST_WORDS.len() as u64);
    StatusCode::OK.into_response()
}

async fn before_push(host: &Host, step: Step) {
    if step == Step::Push {
        let switches = Arc::clone(&host.switches);
        // The action may run git against this server: it must not hold up the other requests.
        let _ = tokio::task::spawn_blocking(move || switches.run_before_push()).await;
    }
}

fn step_of(request: &Request) -> Step {
    let path = request.uri().path();
    let is_post = request.method() == Method::POST;
    let length = request.headers().get(header::CONTENT_LENGTH);
    let is_probe = length.is_some_and(|length| length == PROBE_LENGTH);
    if path.ends_with("/info/refs") {
        Step::Refs
    } else if is_post && path.ends_with("/git-upload-pack") {
        Step::Fetch
    } else if is_post && path.ends_with("/git-receive-pack") && !is_probe {
        Step::Push
    } else {
        Step::Any
    }
}

/// The answer to a request that git must not see because of who asks.
fn refusal(options: &Options, request: &Request) -> Option<Response> {
    if let Some((user, password)) = &options.auth {
        let expected = format!("Basic {}", base64(format!("{user}:{password}").as_bytes()));
        let given = request.headers().get(header::AUTHORIZATION);
        if given.is_none_or(|given| given.as_bytes() != expected.as_bytes()) {
            return Some(refuse(401, "credentials are needed"));
        }
    }
    let uri = request.uri();
    let wants_push = uri.path().ends_with("/git-receive-pack")
        || uri
            .query()
            .is_some_and(|query| query.contains("service=git-receive-pack"));
    (options.read_only && wants_push).then(|| refuse(403, "write access is not granted"))
}

fn refuse(status: u16, words: &'static str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = Response::new(Body::from(words));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("text/plain"),
    );
    if status == StatusCode::UNAUTHORIZED {
        let challenge = header::HeaderValue::from_static("Basic realm=\"git\"");
        headers.insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = [
            chunk[0],
            *chunk.get(1).unwrap_or(&0),
            *chunk.get(2).unwrap_or(&0),
        ];
        let number = u32::from_be_bytes([0, word[0], word[1], word[2]]);
        for digit in 0..4 {
            let index = (number >> (18 - 6 * digit)) & 63;
            text.push(if digit <= chunk.len() {
                DIGITS[index as usize].into()
            } else {
                '='
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_pads_to_four_digits() {
        assert_eq!(
            base64(b"Aladdin:open sesame"),
            "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
        );
        assert_eq!(base64(b"ab"), "YWI=");
        assert_eq!(base64(b"abc"), "YWJj");
    }
}
