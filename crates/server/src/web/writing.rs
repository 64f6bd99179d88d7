//! What people say on pages: plain forms, each answered by the page that then shows it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Extension, Form};
use ripcord_casebook::{CaseError, Saying, Teller};
use ripcord_domain::incident::Incident;
use ripcord_domain::incident::event::Concern;
use ripcord_domain::{Environment, Service};
use ripcord_pages::{Notice, address};
use ripcord_store::{DeliveryNumber, EventNumber};
use serde::Deserialize;

use super::reading::failed;
use super::{Web, page};
use crate::access::Caller;

/// What is said of an incident.
#[derive(Deserialize)]
pub(super) struct Said {
    say: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    deploy: String,
    although: Option<String>,
}

impl Said {
    fn saying(&self) -> Option<Saying> {
        let text = self.text.clone();
        Some(match self.say.as_str() {
            "note" => Saying::Note { text },
            "decide" => Saying::Decide { what: text },
            "charge" => Saying::Charge {
                deploy: Some(self.deploy.clone()).filter(|deploy| !deploy.is_empty()),
                why: text,
            },
            "close" => Saying::Close {
                why: text,
                although_not_over: self.although.is_some(),
            },
            "reopen" => Saying::Reopen { why: text },
            _ => return None,
        })
    }
}

pub(super) async fn say(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Form(said): Form<Said>,
) -> Response {
    let back = address(&name);
    let Some(saying) = said.saying() else {
        let notice = Notice {
            title: "That cannot be written down",
            text: "The page is of another version of this server. Reload it.",
            onward: (&back, "To the incident"),
            written: Some(&said.text),
        };
        let html = ripcord_pages::notice(Some(&web.view(&caller, EventNumber::default())), &notice);
        return page(StatusCode::UNPROCESSABLE_ENTITY, html);
    };
    match write(&web, Some(name), saying, &caller).await {
        Ok(incident) => shown(&incident),
        Err(error) => {
            let onward = (back.as_str(), "To the incident");
            failed(&web, &caller, error, onward, Some(&said.text))
        }
    }
}

/// A new incident.
#[derive(Deserialize)]
pub(super) struct Opened {
    title: String,
    #[serde(default)]
    service: String,
    #[serde(default)]
    environment: String,
}

pub(super) async fn open(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Form(opened): Form<Opened>,
) -> Response {
    let (service, environment) = (opened.service.trim(), opened.environment.trim());
    let concern = (!service.is_empty()).then(|| Concern {
        service: Service::new(service),
        environment: Environment::new(if environment.is_empty() {
            "production"
        } else {
            environment
        }),
    });
    let saying = Saying::Open {
        title: opened.title.clone(),
        severity: None,
        concern,
        name: None,
    };
    match write(&web, None, saying, &caller).await {
        Ok(incident) => shown(&incident),
        Err(error) => {
            let onward = ("/incidents", "All incidents");
            failed(&web, &caller, error, onward, Some(&opened.title))
        }
    }
}

/// The page of the incident: loaded again it says nothing again.
fn shown(incident: &Incident) -> Response {
    let address = address(incident.id.as_str());
    Redirect::to(&format!("{address}?said=1#said")).into_response()
}

async fn write(
    web: &Web,
    of: Option<String>,
    saying: Saying,
    caller: &Caller,
) -> Result<Incident, CaseError> {
    let (now, place, author) = (
        (web.desk.clock)(),
        web.desk.name.clone(),
        caller.name.clone(),
    );
    let said = web.desk.with(move |records| {
        let teller = Teller {
            author: &author,
            place: &place,
            now,
            chance: fastrand::u128(..),
        };
        ripcord_casebook::say(records, of.as_deref(), &saying, &teller)
    });
    let said = said.await?;
    web.desk.changed();
    Ok(said)
}

/// Which dead letter is to be read again.
#[derive(Deserialize)]
pub(super) struct Again {
    number: i64,
}

pub(super) async fn replay(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Form(again): Form<Again>,
) -> Response {
    let number = DeliveryNumber(again.number);
    let replayed = web.desk.with(move |records| Ok(records.replay(&[number])?));
    match replayed.await {
        Ok(_) => {
            web.desk.read_again();
            Redirect::to("/dead-letters").into_response()
        }
        Err(error) => failed(
            &web,
            &caller,
            error,
            ("/dead-letters", "Dead letters"),
            None,
        ),
    }
}
