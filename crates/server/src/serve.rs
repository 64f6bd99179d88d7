//! The server as a whole: everything begun, put together, and ended in an order that loses nothing.

use std::future::Future;
use std::io::Write;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Router, middleware};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use ripcord_store::Records;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::access::{Callers, Token};
use crate::announcer::{self, Announcing, Named};
use crate::audit::{Audit, record};
use crate::clerk::Clerk;
use crate::desk::Desk;
use crate::figures::Figures;
use crate::filer::Filer;
use crate::live::Pulse;
use crate::looks::{self, Look};
use crate::minder::{Minder, Rules};
use crate::source::Sources;
use crate::web::{self, Web};
use crate::{intake, openapi};

/// How many deliveries may wait to be kept. At 10 000 a minute that is more than a minute.
const ROOM: usize = 16 * 1024;

/// The largest body of a call, in bytes: what a command line wrote for days without a server fits.
const LARGEST_CALL: usize = 4 * 1024 * 1024;

/// What a server is made of.
pub struct Parts {
    /// What this server is called in what it writes.
    pub name: String,
    /// Who is listened to.
    pub sources: Sources,
    /// Who may call.
    pub tokens: Vec<Token>,
    /// How often each of them may in a minute.
    pub calls_per_minute: NonZeroU32,
    /// The time zone of the team.
    pub zone: TimeZone,
    /// For how long nothing may have happened before an incident that is over is closed; none: by people only.
    pub close_after: Option<SignedDuration>,
    /// Where the lines of the audit go.
    pub audit: Box<dyn Write + Send>,
    /// Who is told of what is filed.
    pub announce: Vec<Named>,
    /// Who is asked again and again.
    pub looks: Vec<Look>,
    /// Tells people, in a line, what no answer to anybody tells.
    pub say: fn(&str),
    /// Opens the records. It is called for each that uses them: to keep, to file, to remind, for calls, for each
    /// look, and for each who is told.
    pub records: Box<dyn Fn() -> Result<Box<dyn Records>, ripcord_store::StoreError>>,
    /// Tells the time.
    pub clock: fn() -> Timestamp,
}

/// Why a server did not begin, or ended otherwise than it was told to.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The records cannot be used.
    #[error(transparent)]
    Store(#[from] ripcord_store::StoreError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {why}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        why: std::io::Error,
    },
    /// The system gives no thread or no runtime.
    #[error("the server cannot go on: {0}")]
    System(String),
}

/// Serves until `end` is there; then takes nothing new, answers what was begun, keeps and files what is under
/// way, and returns. `listening` is told the address when it listens. It must be called outside of any async
/// runtime: the records wait on threads of their own.
///
/// # Errors
/// It could not begin, or what it stands on broke.
pub fn serve(
    parts: Parts,
    address: SocketAddr,
    listening: impl FnOnce(SocketAddr),
    end: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let system = |error: &dyn std::fmt::Display| ServeError::System(error.to_string());
    let figures = Figures::default();
    let sources = Arc::new(parts.sources);
    let (clerk, keeping) =
        Clerk::begin((parts.records)()?, ROOM).map_err(|error| system(&error))?;
    let (filer, filing) = Filer::begin((parts.records)()?, Arc::clone(&sources), figures.clone())
        .map_err(|error| system(&error))?;
    let told_with = announcer::Desk {
        changed: filer.changes(),
        figures: figures.clone(),
        clock: parts.clock,
        say: parts.say,
    };
    let announcing = parts.announce.into_iter().map(|named| {
        let begun = Announcing::begin((parts.records)()?, named, &told_with);
        begun.map_err(|error| system(&error))
    });
    let announcing: Vec<Announcing> = announcing.collect::<Result<_, _>>()?;
    let rules = Rules {
        name: parts.name.clone(),
        zone: parts.zone.clone(),
        close_after: parts.close_after,
        clock: parts.clock,
    };
    let minder = Minder::begin((parts.records)()?, rules, filer.changes())
        .map_err(|error| system(&error))?;
    let looking = parts.looks.into_iter().map(|look| {
        let with = looks::Desk {
            clock: parts.clock,
            say: parts.say,
            figures: figures.clone(),
            changed: filer.changes(),
        };
        looks::begin(look, (parts.records)()?, with).map_err(|error| system(&error))
    });
    let looking = looking.collect::<Result<Vec<_>, ServeError>>()?;
    let desk = Desk::new(
        (parts.records)()?,
        filer.clone(),
        parts.name,
        parts.zone,
        parts.clock,
    );
    let intake = intake::Intake {
        clerk,
        sources,
        kept: Arc::new(move || filer.wake()),
        figures: figures.clone(),
        clock: parts.clock,
    };
    // Whoever lets go of records last closes them, and a database is not closed within a runtime.
    let open = desk.clone();
    let audit = Audit::new(parts.audit, parts.clock);
    // Streams of news would go on for ever: they are told when the server ends.
    let (ending, ended) = watch::channel(false);
    let end = async move {
        end.await;
        ending.send_replace(true);
    };
    let (pulse, beats) = Pulse::new();
    let beating = pulse.beat(desk.clone(), ended.clone());
    let callers = Arc::new(Callers::new(parts.tokens, parts.calls_per_minute));
    let web = Arc::new(Web::new(desk.clone(), Arc::clone(&callers), beats, ended));
    let router = router(intake, desk, &callers, web, audit, figures);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| system(&error))?;
    let served = runtime.block_on(async {
        let listener = TcpListener::bind(address)
            .await
            .map_err(|why| ServeError::Listen { address, why })?;
        tokio::spawn(beating);
        listening(listener.local_addr().map_err(|error| system(&error))?);
        axum::serve(listener, router)
            .with_graceful_shutdown(end)
            .await
            .map_err(|error| system(&error))
    });
    // The router is gone, and with it every clerk: what was handed in is kept, then filed.
    drop(runtime);
    drop(open);
    let kept = keeping.end().map_err(|error| system(&error));
    drop(looking);
    minder.end();
    filing.end();
    Announcing::end_all(announcing);
    served.and(kept.map(drop))
}

fn router(
    intake: intake::Intake,
    desk: Desk,
    callers: &Arc<Callers>,
    web: Arc<Web>,
    audit: Audit,
    figures: Figures,
) -> Router {
    let (api, document) = openapi::described(callers);
    let document = Bytes::from(serde_json::to_vec(&document).unwrap_or_default());
    let kind = [(header::CONTENT_TYPE, "application/json")];
    let calls = api
        .with_state(desk)
        .layer(DefaultBodyLimit::max(LARGEST_CALL))
        .merge(web::router(web))
        .layer(middleware::from_fn_with_state(audit, record));
    let health = Router::new()
        .route("/api/v1/openapi.json", get(async move || (kind, document)))
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(figures);
    intake::router(intake)
        .merge(calls)
        .merge(health)
        .merge(web::assets())
}

async fn ready(State(figures): State<Figures>) -> impl IntoResponse {
    if figures.is_ready() {
        (StatusCode::OK, "ready\n")
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "the records cannot be used\n",
        )
    }
}

async fn metrics(State(figures): State<Figures>) -> impl IntoResponse {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], figures.text())
}
