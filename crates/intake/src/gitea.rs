//! Gitea's webhooks, and Forgejo's, which are the same: what is pushed to the branch that is deployed.

use ripcord_domain::incident::event::SourceKind;
use serde_json::Value;

use crate::push::{self, Push};
use crate::shape::needed;
use crate::understand::{Arrival, Headers, NotUnderstood, Understood};
use crate::wording::{self, instant, text};

/// The header that names the kind of an event.
const KIND: &str = "X-Gitea-Event";

/// Reads an event of the kind that the header names.
pub(crate) fn read(
    arrival: &Arrival<'_>,
    headers: Headers<'_>,
    body: &Value,
) -> Result<Understood, NotUnderstood> {
    match headers.get(KIND) {
        None => return Err(arrival.not_understood(format!("it has no header `{KIND}`"))),
        Some("push") => {}
        Some(other) => {
            let why = format!(
                "events of the kind `{}` say nothing here",
                wording::line(other)
            );
            return Ok(Understood::Nothing(why));
        }
    }
    let need = |pointer| needed(arrival, body, pointer);
    let push = Push {
        kind: SourceKind::Gitea,
        pushed: need("/ref")?,
        deployed: need("/repository/default_branch")?,
        repository: need("/repository/full_name")?,
        commit: need("/after")?,
        by: text(body, "/pusher/login").or_else(|| text(body, "/pusher/username")),
        message: body.pointer("/head_commit/message").and_then(Value::as_str),
        made: instant(body, "/head_commit/timestamp"),
        link: wording::link(body, "/compare_url"),
    };
    Ok(push::read(arrival, push, body))
}

#[cfg(test)]
#[path = "gitea_tests.rs"]
mod tests;
