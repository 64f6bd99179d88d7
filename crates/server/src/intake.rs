//! The addresses that other systems send to: `POST /intake/NAME`.
//!
//! A body is proven before any of it is read, and kept before its sender is answered. What is proven is answered
//! 202 whatever it says: what cannot be understood is no fault of the sender's that sending again would mend.
//! Overload is 503, which every sender tries again; 429 and 400 make some of them give up for good.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use jiff::Timestamp;
use ripcord_intake::Headers;
use ripcord_store::{Accepted, Delivery};

use crate::clerk::{Clerk, NotKept};
use crate::figures::Figures;
use crate::source::Sources;

/// The largest body, in bytes. PagerDuty sends up to 256 KiB; a group of Alertmanager may be larger.
pub const LARGEST_BODY: usize = 4 * 1024 * 1024;

/// After how many seconds a sender is asked to try again.
const RETRY_AFTER: &str = "5";

/// The headers that are kept of a delivery: what is needed to understand it, and never a secret.
const KEPT: [&str; 6] = [
    "content-type",
    "x-github-event",
    "x-gitlab-event",
    "x-gitea-event",
    "ce-type",
    "ce-id",
];

/// What the addresses need.
pub struct Intake {
    /// Keeps what comes in.
    pub clerk: Clerk,
    /// Who is listened to.
    pub sources: Arc<Sources>,
    /// Is called when something was kept.
    pub kept: Arc<dyn Fn() + Send + Sync>,
    /// Counts.
    pub figures: Figures,
    /// Tells when something came in.
    pub clock: fn() -> Timestamp,
}

/// The addresses for a set of sources.
pub fn router(intake: Intake) -> Router {
    Router::new()
        .route("/intake/{source}", post(answer))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(Arc::new(intake))
}

async fn answer(
    State(intake): State<Arc<Intake>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let began = Instant::now();
    let (outcome, response) = take(&intake, name, &headers, &body).await;
    intake.figures.answered(outcome, began.elapsed());
    response
}

async fn take(
    intake: &Intake,
    name: String,
    headers: &HeaderMap,
    body: &Bytes,
) -> (&'static str, Response) {
    // A source that is not there and a secret that is wrong are answered alike: nobody learns the names.
    let unsigned = || {
        let words = "not signed by a source that is known here\n";
        let answer = (StatusCode::UNAUTHORIZED, words);
        ("unsigned", answer.into_response())
    };
    let Some(source) = intake.sources.get(&name) else {
        return unsigned();
    };
    let pairs: Vec<(&str, &str)> = headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
        .collect();
    let now = (intake.clock)();
    if source.prove(Headers(&pairs), body, now).is_err() {
        return unsigned();
    }
    let kept = pairs.iter().filter(|(name, _)| KEPT.contains(name));
    let delivery = Delivery {
        key: source.delivery_key(Headers(&pairs), body),
        source: name,
        received: now,
        headers: kept
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        body: body.to_vec(),
    };
    match intake.clerk.keep(delivery).await {
        Ok(accepted) => {
            (intake.kept)();
            let outcome = match accepted {
                Accepted::New => "kept",
                Accepted::Again => "again",
            };
            let answer = (StatusCode::ACCEPTED, "kept\n");
            (outcome, answer.into_response())
        }
        Err(refused) => {
            let (outcome, words) = match refused {
                NotKept::Overloaded => ("overloaded", "more comes in than can be kept now\n"),
                // What is wrong with the disk or the database is not for everybody.
                NotKept::Trouble(_) => ("trouble", "nothing can be kept now\n"),
            };
            let again = [(header::RETRY_AFTER, RETRY_AFTER)];
            let answer = (StatusCode::SERVICE_UNAVAILABLE, again, words);
            (outcome, answer.into_response())
        }
    }
}
