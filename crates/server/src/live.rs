//! News for pages that are open: `GET /events`, a stream of server-sent events.
//!
//! An event of the stream says which incidents something was told of, and has the number of the newest event that it
//! covers. A browser that was away names the last number it had and is told what came since: the numbers are those of
//! the records, so that nothing is missed whichever server or command wrote it.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use ripcord_domain::incident::event::IncidentId;
use ripcord_store::EventNumber;
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, watch};

use crate::desk::Desk;
use crate::web::Web;

/// How many streams are open at the most. Each page that is looked at has one.
pub(crate) const STREAMS: usize = 256;

/// After how long a silent stream says that it lives: proxies end what is silent.
const LIVES: Duration = Duration::from_secs(15);

/// How often the records are looked at: a command line may have written to them.
const LOOKS: Duration = Duration::from_secs(1);

/// How long a stream rests after it told something: a flood of alerts is told in parts.
const RESTS: Duration = Duration::from_millis(500);

/// Tells streams when something was told, by the number of the newest event.
pub(crate) struct Pulse(watch::Sender<EventNumber>);

impl Pulse {
    pub(crate) fn new() -> (Self, watch::Receiver<EventNumber>) {
        let (sender, receiver) = watch::channel(EventNumber::default());
        (Self(sender), receiver)
    }

    /// Beats until the server ends. It looks at the records only while a page is open.
    pub(crate) async fn beat(self, desk: Desk, mut ended: watch::Receiver<bool>) {
        let mut changes = desk.changes();
        while !*ended.borrow() {
            // One receiver is the server's own.
            if self.0.receiver_count() > 1
                && let Ok(news) = desk
                    .with(|records| Ok(records.news(EventNumber(i64::MAX))?))
                    .await
            {
                self.0.send_if_modified(|known| {
                    let is_new = *known != news.latest;
                    *known = news.latest;
                    is_new
                });
            }
            tokio::select! {
                _ = ended.changed() => return,
                _ = changes.changed() => tokio::time::sleep(RESTS).await,
                () = tokio::time::sleep(LOOKS) => {}
            }
        }
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct From {
    /// The number of the last event that a page knows.
    after: Option<i64>,
    /// Only say whether a stream would be given.
    probe: Option<u8>,
}

/// What a stream says.
#[derive(Serialize)]
struct Changed {
    incidents: BTreeSet<IncidentId>,
    production: bool,
}

struct Streaming {
    web: Arc<Web>,
    headers: HeaderMap,
    known: Option<EventNumber>,
    beats: watch::Receiver<EventNumber>,
    ended: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
}

pub(crate) async fn events(
    State(web): State<Arc<Web>>,
    Query(from): Query<From>,
    headers: HeaderMap,
) -> Response {
    let Some(caller) = web.sessions.find(&headers) else {
        return (StatusCode::UNAUTHORIZED, "sign in first\n").into_response();
    };
    if from.probe.is_some() {
        return StatusCode::NO_CONTENT.into_response();
    }
    let Ok(place) = Arc::clone(&web.streams).try_acquire_owned() else {
        let again = [(header::RETRY_AFTER, "15")];
        let words = "too many pages are open\n";
        return (StatusCode::SERVICE_UNAVAILABLE, again, words).into_response();
    };
    // A browser that connects again names what it had last, which is newer than its page.
    let last = headers.get("last-event-id");
    let last = last.and_then(|last| last.to_str().ok()?.parse().ok());
    let streaming = Streaming {
        beats: web.beats.clone(),
        ended: web.ended.clone(),
        known: last.or(from.after).map(EventNumber),
        headers,
        web,
        _place: place,
    };
    let alive = KeepAlive::new().interval(LIVES).text("alive");
    let mut response = Sse::new(stream::unfold(streaming, next))
        .keep_alive(alive)
        .into_response();
    response.extensions_mut().insert(caller);
    response
}

/// What is told next. A stream ends with its session, with the server, and where the records cannot be read: the
/// browser comes again.
async fn next(mut streaming: Streaming) -> Option<(Result<Event, Infallible>, Streaming)> {
    loop {
        if *streaming.ended.borrow() || streaming.web.sessions.find(&streaming.headers).is_none() {
            return None;
        }
        streaming.beats.mark_unchanged();
        let asked = streaming.known.unwrap_or(EventNumber(i64::MAX));
        let news = streaming
            .web
            .desk
            .with(move |records| Ok(records.news(asked)?));
        let news = news.await.ok()?;
        let known = streaming.known.replace(news.latest);
        // A number that is not reached is of other records: all may have changed.
        let is_other = known.is_some_and(|known| known > news.latest);
        if known.is_some_and(|known| known < news.latest) || is_other {
            let changed = Changed {
                incidents: news.incidents,
                production: news.production || is_other,
            };
            let event = Event::default()
                .event("changed")
                .id(news.latest.0.to_string())
                .json_data(changed)
                .ok()?;
            return Some((Ok(event), streaming));
        }
        tokio::select! {
            _ = streaming.ended.changed() => return None,
            beaten = streaming.beats.changed() => beaten.ok()?,
            // The session may have ended meanwhile.
            () = tokio::time::sleep(LIVES) => continue,
        }
        tokio::time::sleep(RESTS).await;
    }
}
