//! The pages: addresses for people with a browser.

mod door;
mod reading;
mod writing;

use std::sync::{Arc, LazyLock};

use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Router, middleware};
use ripcord_pages::asset::{self, Asset};
use ripcord_pages::{Notice, Reader, View};
use ripcord_store::EventNumber;
use tokio::sync::{Semaphore, watch};

use self::door::signed_in;
use crate::access::{Caller, Callers, Role};
use crate::desk::Desk;
use crate::live;
use crate::session::Sessions;

/// The largest form, in bytes: a note of the greatest length fits, each letter of it escaped.
const LARGEST_FORM: usize = 64 * 1024;

/// What pages are made from.
pub(crate) struct Web {
    pub(crate) desk: Desk,
    pub(crate) sessions: Sessions,
    callers: Arc<Callers>,
    /// Says when something was told.
    pub(crate) beats: watch::Receiver<EventNumber>,
    /// Says that the server ends.
    pub(crate) ended: watch::Receiver<bool>,
    /// Places for streams of news.
    pub(crate) streams: Arc<Semaphore>,
}

impl Web {
    pub(crate) fn new(
        desk: Desk,
        callers: Arc<Callers>,
        beats: watch::Receiver<EventNumber>,
        ended: watch::Receiver<bool>,
    ) -> Self {
        Self {
            sessions: Sessions::new(desk.clock),
            desk,
            callers,
            beats,
            ended,
            streams: Arc::new(Semaphore::new(live::STREAMS)),
        }
    }

    /// A view of what was known when event `news` was the newest.
    fn view<'a>(&'a self, caller: &'a Caller, news: EventNumber) -> View<'a> {
        View {
            reader: Reader {
                name: &caller.name,
                role: caller.role.word(),
                may_write: caller.role >= Role::Responder,
                is_admin: caller.role >= Role::Admin,
            },
            now: (self.desk.clock)(),
            zone: &self.desk.zone,
            news: news.0,
        }
    }
}

/// The addresses for people.
pub(crate) fn router(web: Arc<Web>) -> Router {
    let of = |role| middleware::from_fn_with_state((role, Arc::clone(&web)), signed_in);
    let reading = Router::new()
        .route("/", get(reading::board))
        .route("/incidents", get(reading::incidents))
        .route("/incidents/{name}", get(reading::incident))
        .route("/incidents/{name}/review", get(reading::review))
        .route_layer(of(Role::Viewer));
    let saying = Router::new()
        .route("/incidents", post(writing::open))
        .route("/incidents/{name}/say", post(writing::say))
        .route_layer(of(Role::Responder));
    let mending = Router::new()
        .route(
            "/dead-letters",
            get(reading::dead_letters).post(writing::replay),
        )
        .route_layer(of(Role::Admin));
    let door = Router::new()
        .route("/login", get(door::ask).post(door::enter))
        .route("/logout", post(door::leave))
        .route("/events", get(live::events));
    reading
        .merge(saying)
        .merge(mending)
        .merge(door)
        .fallback(nothing)
        .layer(DefaultBodyLimit::max(LARGEST_FORM))
        .layer(middleware::map_response(guarded))
        .with_state(web)
}

/// What pages load. It holds nothing that anybody must not see, and changes its name when it changes.
pub(crate) fn assets() -> Router {
    [&asset::STYLE, &asset::SCRIPT, &asset::ICON]
        .into_iter()
        .fold(Router::new(), |router, asset: &'static LazyLock<Asset>| {
            let answer = move || async move {
                let headers = [
                    (header::CONTENT_TYPE, asset.kind),
                    (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
                    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
                ];
                (headers, asset.body)
            };
            router.route(&asset.path, get(answer))
        })
}

/// Tells the browser to let nothing of others into a page, nor it into theirs. Pages are not kept: they say what is so
/// now, to who is signed in.
async fn guarded(mut response: Response) -> Response {
    const HEADERS: [(HeaderName, &str); 6] = [
        (header::CONTENT_SECURITY_POLICY, asset::POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // A policy that says less would have browsers hide where a form comes from.
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ];
    for (name, value) in HEADERS {
        let headers = response.headers_mut().entry(name);
        headers.or_insert(HeaderValue::from_static(value));
    }
    response
}

fn page(status: StatusCode, html: String) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
    (status, kind, html).into_response()
}

async fn nothing() -> Response {
    let notice = Notice {
        title: "Nothing is here",
        text: "There is no page at this address.",
        onward: ("/", "To the board"),
        written: None,
    };
    page(StatusCode::NOT_FOUND, ripcord_pages::notice(None, &notice))
}
