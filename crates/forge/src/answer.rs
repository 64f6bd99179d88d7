//! What a forge answered, and what it says about asking again.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::HeaderMap;
use serde_json::Value;

/// GitHub wants this much patience where it names none
/// (<https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit>).
const UNNAMED: Duration = Duration::from_mins(1);

/// What came with an answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Body {
    /// JSON, as an API answers.
    Json(Value),
    /// Nothing.
    Empty,
    /// A page, or anything else that is no JSON.
    Other,
    /// Less than was promised.
    Cut,
}

/// A whole answer, or its head and what came of the rest.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
}

impl Answer {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The JSON, or null.
    pub(crate) fn json(&self) -> &Value {
        match &self.body {
            Body::Json(said) => said,
            _ => &Value::Null,
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok().map(str::trim)
    }

    /// When it was given, by the clock of whoever gave it.
    pub(crate) fn at(&self) -> Option<Timestamp> {
        self.header("date").and_then(http_date)
    }

    /// Whether another page follows (RFC 8288, the same on all three).
    pub(crate) fn has_next(&self) -> bool {
        self.header("link")
            .is_some_and(|link| link.contains(r#"rel="next""#))
    }

    /// Whether it says no more than "too often": nothing was done.
    ///
    /// GitHub says so by 403 too, for both of its limits.
    pub(crate) fn is_too_often(&self) -> bool {
        match self.status {
            429 => true,
            403 => {
                self.header("x-ratelimit-remaining") == Some("0")
                    || self.header("retry-after").is_some()
                    || words(self.json()).is_some_and(|words| words.contains("rate limit"))
            }
            _ => false,
        }
    }

    /// How long it wants to be left alone, where it wants that.
    pub(crate) fn patience(&self) -> Option<Duration> {
        if let Some(named) = self.header("retry-after") {
            return match named.parse() {
                Ok(seconds) => Some(Duration::from_secs(seconds)),
                Err(_) => self.until(http_date(named)?),
            };
        }
        if !self.is_too_often() {
            return None;
        }
        // Both count in seconds since 1970 of the forge's own clock.
        let reset = ["x-ratelimit-reset", "ratelimit-reset"]
            .into_iter()
            .find_map(|name| self.header(name)?.parse().ok())
            .and_then(|seconds| Timestamp::from_second(seconds).ok());
        let is_spent = ["x-ratelimit-remaining", "ratelimit-remaining"]
            .into_iter()
            .any(|name| self.header(name) == Some("0"));
        match reset.filter(|_| is_spent) {
            Some(reset) => self.until(reset),
            None => Some(UNNAMED),
        }
    }

    /// From the answer to a time, both by the forge's clock; ours may be wrong.
    fn until(&self, time: Timestamp) -> Option<Duration> {
        let wait = time.duration_since(self.at()?);
        Some(Duration::try_from(wait).unwrap_or(Duration::ZERO))
    }
}

/// A date as HTTP writes it (RFC 9110, 5.6.7).
fn http_date(text: &str) -> Option<Timestamp> {
    let parsed = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text);
    parsed.ok()
}

/// How much of what a forge says is passed on, in characters.
const LONGEST: usize = 300;

/// What a forge says about a refusal, on one line: GitHub's `message` with its `errors`, GitLab's `message`
/// (text, list or fields) or `error`, Gitea's `message` with its `errors`.
pub(crate) fn words(said: &Value) -> Option<String> {
    let mut parts = Vec::new();
    collect(&said["message"], &mut parts);
    for field in ["error_description", "error"] {
        if parts.is_empty() {
            collect(&said[field], &mut parts);
        }
    }
    collect(&said["errors"], &mut parts);
    let line = parts
        .join(": ")
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    (!line.is_empty()).then(|| line.chars().take(LONGEST).collect())
}

fn collect(said: &Value, parts: &mut Vec<String>) {
    match said {
        Value::String(text) if !text.is_empty() => parts.push(text.clone()),
        Value::Array(list) => list.iter().for_each(|one| collect(one, parts)),
        Value::Object(fields) => {
            // An error of GitHub's: <https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#validation-failed>
            if let Some(text) = said["message"].as_str() {
                parts.push(text.to_owned());
            } else if let (Some(field), Some(code)) =
                (said["field"].as_str(), said["code"].as_str())
            {
                parts.push(format!("{field} is {code}"));
            } else {
                for (name, one) in fields {
                    let mut of_field = Vec::new();
                    collect(one, &mut of_field);
                    if !of_field.is_empty() {
                        parts.push(format!("{name} {}", of_field.join(", ")));
                    }
                }
            }
        }
        _ => {}
    }
}

/// A text of an answer that is not empty.
pub(crate) fn text(said: &Value) -> Option<String> {
    said.as_str()
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};
    use serde_json::json;

    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &'static str)], said: Value) -> Answer {
        let headers = headers.iter().map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        });
        Answer {
            status,
            headers: headers.collect(),
            body: Body::Json(said),
        }
    }

    #[test]
    fn the_words_of_each_forge_are_one_line() {
        let said = [
            (
                json!({"message": "Validation Failed", "errors": [
                    {"resource": "PullRequest", "code": "custom", "message": "No commits between main and x"},
                    {"resource": "PullRequest", "field": "head", "code": "invalid"}]}),
                "Validation Failed: No commits between main and x: head is invalid",
            ),
            (
                json!({"message": "Invalid request.\n\nNo more than 10 properties are allowed; 13 were supplied."}),
                "Invalid request. No more than 10 properties are allowed; 13 were supplied.",
            ),
            (
                json!({"message": {"base": ["Reference not found"]}}),
                "base Reference not found",
            ),
            (
                json!({"message": ["Another open merge request already exists: !5"]}),
                "Another open merge request already exists: !5",
            ),
            (
                json!({"error": "insufficient_scope", "error_description": "The request requires higher privileges"}),
                "The request requires higher privileges",
            ),
            (
                json!({"errors": ["run with id 999: resource does not exist"], "message": "not found",
                       "url": "http://127.0.0.1:3000/api/swagger"}),
                "not found: run with id 999: resource does not exist",
            ),
        ];
        for (said, line) in said {
            assert_eq!(words(&said).as_deref(), Some(line));
        }
        assert_eq!(words(&json!({"errors": null})), None);
        let long = words(&json!({"message": "ä\u{1b}[31m".repeat(900)})).unwrap();
        assert!(long.chars().count() <= LONGEST && !long.contains('\u{1b}'));
    }

    #[test]
    fn a_wait_is_counted_by_the_clock_of_the_forge() {
        let date = ("date", "Sat, 28 Nov 2026 20:29:15 GMT");
        let named = answer(429, &[date, ("retry-after", "7")], Value::Null);
        assert_eq!(named.patience(), Some(Duration::from_secs(7)));
        let until = ("retry-after", "Sat, 28 Nov 2026 20:29:45 GMT");
        let dated = answer(503, &[date, until], Value::Null);
        assert_eq!(dated.patience(), Some(Duration::from_secs(30)));
        // 1795897875 is 120 s after that date.
        let spent = [
            date,
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "1795897875"),
        ];
        let spent = answer(403, &spent, Value::Null);
        assert!(spent.is_too_often());
        assert_eq!(spent.patience(), Some(Duration::from_mins(2)));
    }

    #[test]
    fn the_second_limit_of_github_is_not_taken_for_a_missing_permission() {
        let said = json!({"message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."});
        let second = answer(403, &[("x-ratelimit-remaining", "4873")], said);
        assert!(second.is_too_often());
        assert_eq!(second.patience(), Some(UNNAMED));
        let missing = json!({"message": "Resource not accessible by personal access token"});
        assert!(!answer(403, &[], missing).is_too_often());
    }
}
