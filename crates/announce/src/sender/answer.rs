//! What an answer means for sending it again.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::Response;
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::outgoing::Outgoing;
use crate::words;

/// Bytes of an answer that are read: more is no answer to such a request.
const LONGEST: usize = 64 << 10;

/// What an answer means.
pub(super) enum Answer {
    /// It was taken.
    Taken,
    /// It never will be, and why.
    Refused(String),
    /// It was not taken now; why, and how long is to be waited, where that is said.
    NotNow(String, Option<Duration>),
    /// It may have been taken, and why that is not known.
    Unknown(String),
}

/// What an answer means.
pub(super) async fn of(outgoing: &Outgoing, mut response: Response) -> Answer {
    let status = response.status().as_u16();
    let patience = patience(response.headers());
    let body = body(&mut response).await;
    let said = body.as_ref().and_then(words_of);
    let said = said.map_or(String::new(), |said| format!(": {said}"));
    let why = outgoing.hide(&format!("{} answers {status}{said}", outgoing.host()));
    match status {
        200..=299 if outgoing.says_ok => slack(outgoing, body.as_ref(), patience),
        200..=299 => Answer::Taken,
        408 | 425 | 429 | 503 => Answer::NotNow(why, patience),
        // It broke over it, or something between lost the answer.
        500..=599 => Answer::Unknown(why),
        _ => Answer::Refused(why),
    }
}

/// What no answer means.
pub(super) fn silence(outgoing: &Outgoing, error: reqwest::Error) -> Answer {
    let host = outgoing.host();
    if error.is_builder() {
        return Answer::Refused(format!("no request to {host} can be made of the settings"));
    }
    if error.is_connect() {
        let why = format!("{host} is not reached: {}", innermost(error));
        return Answer::NotNow(outgoing.hide(&why), None);
    }
    if error.is_timeout() {
        return Answer::Unknown(format!("{host} does not answer in time"));
    }
    let why = format!("{host} broke off: {}", innermost(error));
    Answer::Unknown(outgoing.hide(&why))
}

/// Slack answers 200 to all that it understood, and says in it whether it did it.
fn slack(outgoing: &Outgoing, body: Option<&Value>, patience: Option<Duration>) -> Answer {
    let host = outgoing.host();
    let Some(body) = body else {
        return Answer::Unknown(format!("{host} answers nothing that is known"));
    };
    if body.get("ok") == Some(&Value::Bool(true)) {
        return Answer::Taken;
    }
    let error = words_of(body).unwrap_or_else(|| "no reason".to_owned());
    let why = outgoing.hide(&format!("{host} says: {error}"));
    match error.as_str() {
        "ratelimited" | "rate_limited" | "service_unavailable" => Answer::NotNow(why, patience),
        "internal_error" | "fatal_error" | "request_timeout" => Answer::Unknown(why),
        _ => Answer::Refused(why),
    }
}

async fn body(response: &mut Response) -> Option<Value> {
    let mut bytes = Vec::new();
    while let Ok(Some(more)) = response.chunk().await {
        bytes.extend_from_slice(&more);
        if bytes.len() > LONGEST {
            return None;
        }
    }
    serde_json::from_slice(&bytes).ok()
}

/// What it says of itself, in a line.
fn words_of(body: &Value) -> Option<String> {
    let named = ["error", "message"]
        .iter()
        .find_map(|name| body[name].as_str());
    let listed = body["errors"]
        .as_array()
        .and_then(|list| list.first()?.as_str());
    let said = [named, listed].into_iter().flatten().map(words::line);
    let said: Vec<String> = said.filter(|said| !said.is_empty()).collect();
    (!said.is_empty()).then(|| said.join(": "))
}

/// How long it wants to be left alone (RFC 9110, 10.2.3), by its own clock.
fn patience(headers: &HeaderMap) -> Option<Duration> {
    let header = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let asked = header("retry-after").or_else(|| header("ratelimit-reset"))?;
    if let Ok(seconds) = asked.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let wait = date(asked)?.duration_since(date(header("date")?)?);
    Some(Duration::try_from(wait).unwrap_or(Duration::ZERO))
}

/// A date as HTTP writes it.
fn date(text: &str) -> Option<Timestamp> {
    let parser = jiff::fmt::rfc2822::DateTimeParser::new();
    parser.parse_timestamp(text).ok()
}

/// The innermost reason, without the address, which may be a secret.
fn innermost(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut innermost: &dyn std::error::Error = &error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
