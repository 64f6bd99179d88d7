//! Outgoing webhooks of Opsgenie and of Jira Service Management, which kept their form.
//!
//! They are not signed: a secret header proves the sender. Details come with the creation only, so only then is
//! it known what an alert is about.

use jiff::Timestamp;
use ripcord_domain::incident::event::{Confidence, Event, Fact, SourceKind};
use ripcord_domain::incident::report::{AlertReport, AlertState};
use serde_json::Value;

use crate::understand::{Arrival, NotUnderstood, Understood};
use crate::wording::{self, text};

/// Reads one action of one alert.
pub(crate) fn read(arrival: &Arrival<'_>, body: &Value) -> Result<Understood, NotUnderstood> {
    let missing = |what: &str| arrival.not_understood(format!("it has no `{what}`"));
    let action = text(body, "/action").ok_or_else(|| missing("action"))?;
    let action = action.to_ascii_lowercase();
    let what = match action.as_str() {
        "create" | "unacknowledge" => What::State(AlertState::Firing),
        "acknowledge" => What::State(AlertState::Acknowledged),
        "close" => What::State(AlertState::Resolved),
        "addnote" => What::Note,
        other => {
            let why = format!("the action `{other}` says nothing here");
            return Ok(Understood::Nothing(why));
        }
    };
    let alert = text(body, "/alert/alertId").ok_or_else(|| missing("alert.alertId"))?;
    let updated = at(body, "/alert/updatedAt").ok_or_else(|| missing("alert.updatedAt"))?;
    let labels = wording::labels(body, "/alert/details");
    let title = text(body, "/alert/message").unwrap_or_else(|| format!("alert {alert}"));
    // Later actions come without details. A concern out of half of what is known could be another than that of
    // the creation; without one the alert itself leads to its incident.
    let concern = (action == "create")
        .then(|| {
            let names = ["/alert/alias", "/alert/entity"].map(|pointer| text(body, pointer));
            let names: Vec<&str> = names.iter().flatten().map(String::as_str).collect();
            let by_name = || arrival.mapping.concern_by_mapped_name(&names, &labels);
            arrival.mapping.concern(&labels).or_else(by_name)
        })
        .flatten();
    let id = wording::id(&[
        "opsgenie",
        arrival.source,
        &alert,
        &action,
        &updated.to_string(),
    ]);
    let fact = match what {
        What::Note => {
            let Some(note) = text(body, "/alert/note") else {
                return Ok(Understood::Nothing("a note without text".to_owned()));
            };
            let details = [("alert", alert), ("title", title)];
            let details = details.map(|(name, value)| (name.to_owned(), value));
            Fact::Other {
                summary: note,
                details: details.into(),
            }
        }
        What::State(state) => Fact::Alert(AlertReport {
            state,
            started: at(body, "/alert/createdAt").ok_or_else(|| missing("alert.createdAt"))?,
            ended: (state == AlertState::Resolved).then_some(updated),
            condition: None,
            title,
            severity: text(body, "/alert/priority"),
            group: text(body, "/alert/alias"),
            labels,
            alert,
        }),
    };
    let event = Event {
        id,
        observed: updated,
        received: arrival.received,
        source: arrival.source(SourceKind::Opsgenie),
        confidence: Confidence::Reported,
        incident: None,
        concern,
        link: None,
        author: author(body),
        fact,
    };
    Ok(Understood::one(event))
}

/// What an action says.
enum What {
    /// The alert stands so.
    State(AlertState),
    /// Somebody wrote something.
    Note,
}

/// An instant as a number since 1970. `createdAt` is in milliseconds and `updatedAt` in nanoseconds; how long
/// the number is tells them apart, whichever field it is in: milliseconds reach 10^17 in the year 5138.
fn at(body: &Value, pointer: &str) -> Option<Timestamp> {
    let value = body.pointer(pointer)?;
    let number = match value {
        Value::String(text) => text.parse().ok()?,
        value => value.as_i64()?,
    };
    let at = if number >= 100_000_000_000_000_000 {
        Timestamp::from_nanosecond(i128::from(number)).ok()?
    } else {
        Timestamp::from_millisecond(number).ok()?
    };
    (at > Timestamp::UNIX_EPOCH).then_some(at)
}

/// The person who acted. What an integration does carries its own name, which is no address.
fn author(body: &Value) -> Option<String> {
    text(body, "/alert/username").filter(|name| name.contains('@'))
}

#[cfg(test)]
#[path = "opsgenie_tests.rs"]
mod tests;
