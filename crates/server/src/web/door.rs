//! Signing in and out, and who is let through to a page.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use axum::Form;
use axum::extract::{FromRequest as _, Query, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use ripcord_pages::Notice;
use ripcord_store::EventNumber;
use serde::Deserialize;

use super::{Web, page};
use crate::access::{Role, Stopped, TooFast};
use crate::session;

#[derive(Deserialize)]
pub(super) struct Wish {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(super) struct Key {
    token: String,
    #[serde(default)]
    next: String,
}

/// Where somebody wanted to go: a path of this server, or the board. Nobody is sent elsewhere.
fn inside(next: &str) -> &str {
    let is_path = next.starts_with('/') && !next.starts_with("//");
    let is_plain = next
        .chars()
        .all(|sign| sign.is_ascii_graphic() && sign != '\\');
    if is_path && is_plain { next } else { "/" }
}

pub(super) async fn ask(Query(wish): Query<Wish>) -> Response {
    let html = ripcord_pages::login(inside(&wish.next), None);
    page(StatusCode::OK, html)
}

pub(super) async fn enter(
    State(web): State<Arc<Web>>,
    headers: HeaderMap,
    Form(key): Form<Key>,
) -> Response {
    let next = inside(&key.next);
    let again = |status, why| page(status, ripcord_pages::login(next, Some(why)));
    if !session::is_of_own_page(&headers) {
        return again(
            StatusCode::FORBIDDEN,
            "That came from another site. Sign in here.",
        );
    }
    if !session::can_keep(&headers) {
        return again(
            StatusCode::FORBIDDEN,
            "Signing in needs HTTPS: over this connection anybody on the way could read along.",
        );
    }
    let authorization = format!("Bearer {}", key.token.trim());
    let caller = match web.callers.known(Some(&authorization)) {
        Ok(caller) => caller,
        Err(Stopped::Unknown) => {
            return again(StatusCode::UNAUTHORIZED, "No such token is known here.");
        }
        Err(Stopped::TooFast(_)) => {
            let why = "That was tried too often. Wait a minute, and try again.";
            return again(StatusCode::TOO_MANY_REQUESTS, why);
        }
    };
    let Ok(cookie) = web.sessions.begin(caller.clone(), &headers) else {
        return again(
            StatusCode::SERVICE_UNAVAILABLE,
            "The server cannot begin a session now. Try again.",
        );
    };
    let mut response = ([(header::SET_COOKIE, cookie)], Redirect::to(next)).into_response();
    response.extensions_mut().insert(caller);
    response
}

pub(super) async fn leave(State(web): State<Arc<Web>>, headers: HeaderMap) -> Response {
    if !session::is_of_own_page(&headers) {
        return refused_site(None);
    }
    let caller = web.sessions.find(&headers);
    let cookie = web.sessions.end(&headers);
    let mut response = ([(header::SET_COOKIE, cookie)], Redirect::to("/login")).into_response();
    if let Some(caller) = caller {
        response.extensions_mut().insert(caller);
    }
    response
}

/// Lets through who is signed in and may do at least this, and says who they are to what comes after.
pub(super) async fn signed_in(
    State((needed, web)): State<(Role, Arc<Web>)>,
    mut request: Request,
    next: Next,
) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if !reads && !session::is_of_own_page(request.headers()) {
        return refused_site(None);
    }
    let Some(caller) = web.sessions.find(request.headers()) else {
        return if reads {
            sign_in_first(&request)
        } else {
            written_in_vain(request).await
        };
    };
    let mut response = if let Err(fast) = web.callers.keeps_pace(&caller.name) {
        too_fast(fast, request).await
    } else if caller.role < needed {
        let text = format!(
            "The role `{}` is needed, and yours is `{}`.",
            needed.word(),
            caller.role.word()
        );
        let notice = Notice {
            title: "You may not do that",
            text: &text,
            onward: ("/", "To the board"),
            written: None,
        };
        let view = web.view(&caller, EventNumber::default());
        page(
            StatusCode::FORBIDDEN,
            ripcord_pages::notice(Some(&view), &notice),
        )
    } else {
        request.extensions_mut().insert(caller.clone());
        next.run(request).await
    };
    // For the audit, which sees the answer last.
    response.extensions_mut().insert(caller);
    response
}

fn sign_in_first(request: &Request) -> Response {
    let path = request.uri().path_and_query();
    let wanted = inside(path.map_or("/", |path| path.as_str()));
    // The cookie is not sent with a link of another site; with one of ours it is, if there is one.
    if session::is_from_elsewhere(request.headers()) {
        return page(StatusCode::OK, ripcord_pages::bounce(wanted));
    }
    let mut address = "/login?next=".to_owned();
    for byte in wanted.bytes() {
        // Writing to a text does not fail.
        let _ = write!(address, "%{byte:02X}");
    }
    Redirect::to(&address).into_response()
}

/// A session that ended while somebody wrote: what they wrote is given back.
async fn written_in_vain(request: Request) -> Response {
    let written = written(request).await;
    let notice = Notice {
        title: "You are signed out",
        text: "Nothing was written down. Sign in, and say it again.",
        onward: ("/login", "Sign in"),
        written: written.as_deref(),
    };
    page(
        StatusCode::UNAUTHORIZED,
        ripcord_pages::notice(None, &notice),
    )
}

/// The text of a form, to be given back; none if nothing was written.
async fn written(request: Request) -> Option<String> {
    let form = Form::<BTreeMap<String, String>>::from_request(request, &()).await;
    let text = form.ok().and_then(|Form(mut form)| form.remove("text"));
    text.filter(|text| !text.is_empty())
}

async fn too_fast(fast: TooFast, request: Request) -> Response {
    let written = written(request).await;
    let notice = Notice {
        title: "That was too fast",
        text: "More was asked for in a minute than is answered. Nothing was done. Wait a minute, and try again.",
        onward: ("/", "To the board"),
        written: written.as_deref(),
    };
    let html = ripcord_pages::notice(None, &notice);
    fast.answer(page(StatusCode::TOO_MANY_REQUESTS, html))
}

fn refused_site(written: Option<&str>) -> Response {
    let notice = Notice {
        title: "That came from another site",
        text: "Forms are taken from pages of this server alone. Nothing was done.",
        onward: ("/", "To the board"),
        written,
    };
    page(StatusCode::FORBIDDEN, ripcord_pages::notice(None, &notice))
}

#[cfg(test)]
mod tests {
    use super::inside;

    #[test]
    fn nobody_is_sent_to_another_site() {
        assert_eq!(
            inside("/incidents/i-1?show=people"),
            "/incidents/i-1?show=people"
        );
        for next in [
            "",
            "//evil",
            "https://evil",
            "/\\evil",
            "evil",
            "/a\r\nb",
            "\\\\evil",
            "/ä",
        ] {
            assert_eq!(inside(next), "/", "{next:?}");
        }
    }
}
