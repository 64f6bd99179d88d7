//! What programs ask for: incidents and dead letters as JSON, under `/api/v1`.

use std::sync::Arc;

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json, middleware};
use jiff::Timestamp;
use ripcord_casebook::{Brief, Case, CaseError, SCHEMA, Saying, Teller};
use ripcord_domain::Problem;
use ripcord_domain::incident::event::{Event, SourceKind};
use ripcord_store::{DeadLetter, DeliveryNumber, filing};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::{Caller, Callers, Role, at_least};
use crate::desk::Desk;
use crate::openapi::call;

/// How many are listed if nothing else is asked for, and at the most.
const LISTED: u32 = 100;
const MOST: u32 = 1000;

/// A refusal as programs see it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Refusal {
    /// The number of the JSON form.
    pub schema: u32,
    /// What went wrong, and what to do.
    pub error: Problem,
}

/// Incidents, the newest first.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Listing {
    /// The number of the JSON form.
    pub schema: u32,
    /// Each in a line.
    pub incidents: Vec<Brief>,
}

/// What was not understood, the newest first.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DeadLetters {
    /// The number of the JSON form.
    pub schema: u32,
    /// Each with its reason.
    pub dead_letters: Vec<Letter>,
}

/// A delivery that was not understood.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Letter {
    /// Its number.
    pub number: i64,
    /// The source that sent it.
    pub source: String,
    /// When it came in.
    pub received: Timestamp,
    /// Why it was not understood.
    pub why: String,
    /// The headers that are kept.
    pub headers: Vec<(String, String)>,
    /// The body, where it is text.
    pub body: String,
}

impl From<DeadLetter> for Letter {
    fn from(letter: DeadLetter) -> Self {
        Self {
            number: letter.number.0,
            source: letter.delivery.source,
            received: letter.delivery.received,
            why: letter.why,
            headers: letter.delivery.headers,
            body: String::from_utf8_lossy(&letter.delivery.body).into_owned(),
        }
    }
}

/// Which dead letters are to be read again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// Their numbers.
    pub numbers: Vec<i64>,
}

/// How many there were.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Replayed {
    /// The number of the JSON form.
    pub schema: u32,
    /// How many wait to be read again.
    pub waiting: u64,
}

/// Events that a command line wrote without a server.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Synced {
    /// In any order; those that are known already change nothing.
    pub events: Vec<Event>,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Limit {
    /// How many, at the most 1000. Default: 100.
    limit: Option<u32>,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Which {
    /// The incident: its id, or so much of the id's beginning that it can be no other.
    name: String,
}

impl Limit {
    fn get(&self) -> u32 {
        self.limit.unwrap_or(LISTED).min(MOST)
    }
}

/// Why a call was refused.
pub(crate) struct Refused(CaseError);

impl From<CaseError> for Refused {
    fn from(error: CaseError) -> Self {
        Self(error)
    }
}

/// How a refusal is answered.
pub(crate) fn status(error: &CaseError) -> StatusCode {
    match error {
        CaseError::Unknown(_) | CaseError::NothingKnown => StatusCode::NOT_FOUND,
        CaseError::NotOver { .. } => StatusCode::CONFLICT,
        CaseError::Empty(_) | CaseError::TooLong { .. } | CaseError::NotOurs(_) => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        CaseError::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = status(&self.0);
        let error = Problem::from(self.0);
        (
            status,
            Json(Refusal {
                schema: SCHEMA,
                error,
            }),
        )
            .into_response()
    }
}

/// The addresses for programs.
pub(crate) fn router(callers: &Arc<Callers>) -> ApiRouter<Desk> {
    let of = |role| middleware::from_fn_with_state((role, Arc::clone(callers)), at_least);
    let viewer = |id, what| call(Role::Viewer, id, what);
    let responder = |id, what| call(Role::Responder, id, what);
    let admin = |id, what| call(Role::Admin, id, what);

    let list = get_with(
        list,
        viewer("listIncidents", "The incidents, the newest first"),
    );
    let what = "An incident: its timeline, what is suspected and what is to be done";
    let show = get_with(show, viewer("showIncident", what));
    let reading = ApiRouter::new()
        .api_route("/incidents", list)
        .api_route("/incidents/{name}", show)
        .route_layer(of(Role::Viewer));

    let open = post_with(open, |operation| {
        responder("openIncident", "Opens an incident")(operation).response::<201, Json<Brief>>()
    });
    let what = "Says something of an incident: a note, an instant, its end";
    let say = post_with(say, responder("sayOfIncident", what));
    let what =
        "Tells events that a command line wrote without a server; what is known changes nothing";
    let sync = post_with(sync, |operation| {
        responder("tellEvents", what)(operation)
            .response_with::<202, (), _>(|answer| answer.description("Everything is kept."))
    });
    let saying = ApiRouter::new()
        .api_route("/incidents", open)
        .api_route("/incidents/{name}/sayings", say)
        .api_route("/events", sync)
        .route_layer(of(Role::Responder));

    let what = "What was proven and not understood, the newest first";
    let dead_letters = get_with(dead_letters, admin("listDeadLetters", what));
    let what = "Has dead letters read again";
    let replay = post_with(replay, admin("replayDeadLetters", what));
    let mending = ApiRouter::new()
        .api_route("/dead-letters", dead_letters)
        .api_route("/dead-letters/replay", replay)
        .route_layer(of(Role::Admin));
    reading.merge(saying).merge(mending)
}

async fn list(
    State(desk): State<Desk>,
    Query(limit): Query<Limit>,
) -> Result<Json<Listing>, Refused> {
    let incidents = desk
        .with(move |records| Ok(ripcord_casebook::briefs(records, limit.get())?))
        .await?;
    Ok(Json(Listing {
        schema: SCHEMA,
        incidents,
    }))
}

async fn show(
    State(desk): State<Desk>,
    Path(Which { name }): Path<Which>,
) -> Result<Json<Case>, Refused> {
    let zone = desk.zone.clone();
    let case = desk
        .with(move |records| {
            let incident = ripcord_casebook::find(records, &name)?;
            Ok(ripcord_casebook::case(records, incident, &zone)?)
        })
        .await?;
    Ok(Json(case))
}

async fn open(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Json(saying): Json<Saying>,
) -> Result<(StatusCode, Json<Brief>), Refused> {
    if !matches!(saying, Saying::Open { .. }) {
        return Err(CaseError::Empty("the incident").into());
    }
    let brief = write(desk, None, saying, caller).await?;
    Ok((StatusCode::CREATED, Json(brief)))
}

async fn say(
    State(desk): State<Desk>,
    Path(Which { name }): Path<Which>,
    Extension(caller): Extension<Caller>,
    Json(saying): Json<Saying>,
) -> Result<Json<Brief>, Refused> {
    Ok(Json(write(desk, Some(name), saying, caller).await?))
}

async fn write(
    desk: Desk,
    of: Option<String>,
    saying: Saying,
    caller: Caller,
) -> Result<Brief, Refused> {
    let (now, place) = ((desk.clock)(), desk.name.clone());
    let said = desk
        .with(move |records| {
            let teller = Teller {
                author: &caller.name,
                place: &place,
                now,
                chance: fastrand::u128(..),
            };
            ripcord_casebook::say(records, of.as_deref(), &saying, &teller)
        })
        .await?;
    desk.changed();
    Ok(Brief::from(&said))
}

async fn sync(
    State(desk): State<Desk>,
    Extension(caller): Extension<Caller>,
    Json(mut synced): Json<Synced>,
) -> Result<StatusCode, Refused> {
    for event in &mut synced.events {
        // What other systems tell is taken only from them: a token does not sign for a pager.
        if !matches!(event.source.kind, SourceKind::Ripcord | SourceKind::Git) {
            return Err(CaseError::NotOurs(event.id.to_string()).into());
        }
        // Whoever sends it answers for it: nobody writes in another's name.
        event.author = event.author.take().map(|said| signed(said, &caller.name));
    }
    desk.with(move |records| {
        let fresh = || ripcord_casebook::fresh(fastrand::u128(..));
        Ok(filing::file(records, &synced.events, fresh)?)
    })
    .await?;
    desk.changed();
    Ok(StatusCode::ACCEPTED)
}

fn signed(said: String, caller: &str) -> String {
    if said == caller {
        said
    } else {
        format!("{said} (sent by {caller})")
    }
}

async fn dead_letters(
    State(desk): State<Desk>,
    Query(limit): Query<Limit>,
) -> Result<Json<DeadLetters>, Refused> {
    let letters = desk
        .with(move |records| Ok(records.dead_letters(limit.get())?))
        .await?;
    Ok(Json(DeadLetters {
        schema: SCHEMA,
        dead_letters: letters.into_iter().map(Letter::from).collect(),
    }))
}

async fn replay(
    State(desk): State<Desk>,
    Json(which): Json<Replay>,
) -> Result<Json<Replayed>, Refused> {
    let numbers: Vec<DeliveryNumber> = which.numbers.into_iter().map(DeliveryNumber).collect();
    let waiting = desk
        .with(move |records| Ok(records.replay(&numbers)?))
        .await?;
    desk.read_again();
    Ok(Json(Replayed {
        schema: SCHEMA,
        waiting,
    }))
}
