//! The pages that people read.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use ripcord_casebook::{Case, CaseError};
use ripcord_domain::Problem;
use ripcord_pages::{Filter, Letter, Notice};
use ripcord_review::{Knowledge, Review};
use ripcord_store::EventNumber;
use serde::Deserialize;

use super::{Web, page};
use crate::access::Caller;
use crate::api;

/// How many incidents and dead letters a page lists at the most.
const LISTED: u32 = 200;
const LETTERS: u32 = 50;

/// A page that says why something was not done.
pub(super) fn failed(
    web: &Web,
    caller: &Caller,
    error: CaseError,
    onward: (&str, &str),
    written: Option<&str>,
) -> Response {
    let status = api::status(&error);
    let title = match &error {
        CaseError::Unknown(_) | CaseError::NothingKnown => "No such incident",
        CaseError::NotOver { .. } => "It is not over",
        CaseError::Store(_) => "The records cannot be used now",
        CaseError::Empty(_) | CaseError::TooLong { .. } | CaseError::NotOurs(_) => {
            "That cannot be written down"
        }
    };
    let mut text = sentence(&Problem::from(error).message);
    if status == StatusCode::CONFLICT {
        text.push_str(
            "\nTick “although something is missing” to close it all the same; that is recorded.",
        );
    }
    let notice = Notice {
        title,
        text: &text,
        onward,
        written,
    };
    let html = ripcord_pages::notice(Some(&web.view(caller, EventNumber::default())), &notice);
    page(status, html)
}

/// What a command says in a line, as a page says it.
fn sentence(words: &str) -> String {
    let mut signs = words.chars();
    let first = signs.next().into_iter().flat_map(char::to_uppercase);
    first.chain(signs).chain(['.']).collect()
}

const HOME: (&str, &str) = ("/", "To the board");

pub(super) async fn board(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
) -> Response {
    let now = (web.desk.clock)();
    let read = web.desk.with(move |records| {
        // First: what is told while the rest is read is news to the page.
        let news = records.news(EventNumber(i64::MAX))?.latest;
        Ok((news, ripcord_casebook::board(records, now)?))
    });
    match read.await {
        Ok((news, board)) => {
            let html = ripcord_pages::board(&web.view(&caller, news), &board);
            page(StatusCode::OK, html)
        }
        Err(error) => failed(&web, &caller, error, HOME, None),
    }
}

pub(super) async fn incidents(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
) -> Response {
    let read = web.desk.with(|records| {
        let news = records.news(EventNumber(i64::MAX))?.latest;
        Ok((news, ripcord_casebook::briefs(records, LISTED)?))
    });
    match read.await {
        Ok((news, briefs)) => {
            let html = ripcord_pages::incidents(&web.view(&caller, news), &briefs);
            page(StatusCode::OK, html)
        }
        Err(error) => failed(&web, &caller, error, HOME, None),
    }
}

/// What of an incident is shown.
#[derive(Deserialize)]
pub(super) struct Shown {
    show: Option<String>,
    noise: Option<String>,
    all: Option<String>,
    said: Option<String>,
}

async fn case(web: &Web, name: String) -> Result<(EventNumber, Case), CaseError> {
    let zone = web.desk.zone.clone();
    let read = web.desk.with(move |records| {
        let news = records.news(EventNumber(i64::MAX))?.latest;
        let incident = ripcord_casebook::find(records, &name)?;
        Ok((news, ripcord_casebook::case(records, incident, &zone)?))
    });
    read.await
}

fn review_of(case: &Case) -> Review {
    // What gates and policies there were is not recorded yet: it is unknown, and the review says so.
    let knowledge = Knowledge::default();
    Review::of(&case.incident, &case.events, &case.deploys, &knowledge)
}

pub(super) async fn incident(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Query(shown): Query<Shown>,
) -> Response {
    match case(&web, name).await {
        Ok((news, case)) => {
            let filter = Filter::new(
                shown.show.as_deref(),
                shown.noise.is_some(),
                shown.all.is_some(),
            );
            let view = web.view(&caller, news);
            let said = shown.said.is_some();
            let html = ripcord_pages::incident(&view, &case, &review_of(&case), filter, said);
            page(StatusCode::OK, html)
        }
        Err(error) => failed(&web, &caller, error, ("/incidents", "All incidents"), None),
    }
}

/// A document of its own, with its one style: what is printed, saved and sent on.
pub(super) async fn review(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Response {
    match case(&web, name).await {
        Ok((_, case)) => {
            let policy = format!("{}; frame-ancestors 'none'", ripcord_review::policy());
            let html = ripcord_review::html(&review_of(&case), None);
            let headers = [(header::CONTENT_SECURITY_POLICY, policy)];
            (headers, page(StatusCode::OK, html)).into_response()
        }
        Err(error) => failed(&web, &caller, error, ("/incidents", "All incidents"), None),
    }
}

pub(super) async fn dead_letters(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
) -> Response {
    let read = web.desk.with(|records| Ok(records.dead_letters(LETTERS)?));
    match read.await {
        Ok(kept) => {
            let bodies: Vec<_> = kept
                .iter()
                .map(|letter| String::from_utf8_lossy(&letter.delivery.body))
                .collect();
            let letters: Vec<Letter<'_>> = kept
                .iter()
                .zip(&bodies)
                .map(|(letter, body)| Letter {
                    number: letter.number.0,
                    source: &letter.delivery.source,
                    received: letter.delivery.received,
                    why: &letter.why,
                    body,
                })
                .collect();
            let html =
                ripcord_pages::dead_letters(&web.view(&caller, EventNumber::default()), &letters);
            page(StatusCode::OK, html)
        }
        Err(error) => failed(&web, &caller, error, HOME, None),
    }
}
