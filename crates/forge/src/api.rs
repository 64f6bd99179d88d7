//! One request to an API, as somebody.

use std::fmt;
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response};
use ripcord_domain::config::Forge;
use ripcord_domain::{Kind, Problem};
use serde_json::Value;

use crate::answer::{Answer, Body};

/// No answer that is read here is nearly as long; whoever answers more is no forge.
const LONGEST: usize = 16 << 20;

/// A password or token, which is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text from being printed.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// A text without the secret: some proxies say again what they were told.
    pub(crate) fn hide(&self, text: &str) -> String {
        if self.0.len() < 4 {
            return text.to_owned();
        }
        text.replace(&self.0, "***")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hidden")
    }
}

/// A person or a token.
#[derive(Clone)]
pub struct Who {
    /// The name; some forges take any with a token.
    pub user: String,
    secret: Secret,
}

impl Who {
    /// Somebody by a password or token, which is never printed.
    pub fn new(user: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            user: user.into(),
            secret: Secret::new(secret),
        }
    }
}

impl fmt::Debug for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Who({}, hidden)", self.user)
    }
}

/// What is sent with a request.
#[derive(Clone, Copy)]
pub(crate) enum Sent<'a> {
    Nothing,
    Json(&'a Value),
    Form(&'a [(String, String)]),
}

/// Why there is no answer.
#[derive(Clone, Debug)]
pub(crate) enum Silence {
    /// No connection was made: nothing was asked.
    Unreached(String),
    /// Asked, and then nothing came in time, or the connection broke.
    Unanswered(String),
}

/// A way to an API.
pub(crate) struct Api {
    http: Client,
    who: Option<Who>,
}

impl Api {
    pub(crate) fn new(who: Option<&Who>) -> Result<Self, Problem> {
        // Whoever was first has chosen; there is one provider only.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder()
            .user_agent("ripcord")
            // Whoever one is must not be told to another host.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| Problem::new(Kind::Local, "no_http_client", error.to_string()))?;
        Ok(Self {
            http,
            who: who.cloned(),
        })
    }

    /// Asks as nobody.
    pub(crate) async fn ask_unnamed(&self, url: &str, limit: Duration) -> Result<Answer, Silence> {
        send(self.http.get(url).timeout(limit)).await
    }

    /// Sends as nobody: what is sent says itself who sends.
    pub(crate) async fn send_unnamed(
        &self,
        url: &str,
        sent: Sent<'_>,
        limit: Duration,
    ) -> Result<Answer, Silence> {
        send(with(self.http.post(url).timeout(limit), sent)).await
    }

    /// Asks or sends as whoever one is.
    pub(crate) async fn ask(
        &self,
        forge: Forge,
        method: Method,
        url: &str,
        sent: Sent<'_>,
        limit: Duration,
    ) -> Result<Answer, Silence> {
        let request = self.http.request(method, url).timeout(limit);
        let request = match (&self.who, forge) {
            (None, _) => request,
            // As for git itself: a token stands in the place of the password.
            (Some(who), Forge::Github | Forge::Gitea) => {
                request.basic_auth(&who.user, Some(who.secret.reveal()))
            }
            (Some(who), Forge::Gitlab) => request.bearer_auth(who.secret.reveal()),
        };
        send(with(request, sent)).await
    }

    /// Whether anybody is asking.
    pub(crate) fn is_somebody(&self) -> bool {
        self.who.is_some()
    }

    /// A text without the secret of whoever asks.
    pub(crate) fn hide(&self, text: &str) -> String {
        match &self.who {
            Some(who) => who.secret.hide(text),
            None => text.to_owned(),
        }
    }
}

fn with(request: RequestBuilder, sent: Sent<'_>) -> RequestBuilder {
    match sent {
        Sent::Nothing => request,
        Sent::Json(body) => request.json(body),
        Sent::Form(fields) => request.form(fields),
    }
}

async fn send(request: RequestBuilder) -> Result<Answer, Silence> {
    let request = request.header("accept", "application/json");
    let mut answer = request.send().await.map_err(|error| {
        let is_unreached = error.is_connect() || error.is_builder();
        let why = why(error);
        if is_unreached {
            Silence::Unreached(why)
        } else {
            Silence::Unanswered(why)
        }
    })?;
    Ok(Answer {
        status: answer.status().as_u16(),
        body: body(&mut answer).await,
        headers: std::mem::take(answer.headers_mut()),
    })
}

async fn body(answer: &mut Response) -> Body {
    let mut bytes = Vec::new();
    loop {
        match answer.chunk().await {
            Ok(Some(more)) if bytes.len() + more.len() > LONGEST => return Body::Other,
            Ok(Some(more)) => bytes.extend_from_slice(&more),
            Ok(None) => break,
            Err(_) => return Body::Cut,
        }
    }
    if bytes.is_empty() {
        return Body::Empty;
    }
    serde_json::from_slice(&bytes).map_or(Body::Other, Body::Json)
}

/// The innermost reason, without the URL: "Connection refused" instead of "error sending request".
fn why(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return "it does not answer in time".to_owned();
    }
    let error = error.without_url();
    let mut innermost: &dyn std::error::Error = &error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_printed_with_a_secret() {
        let who = Who::new("ops", "s3cr3t-token");
        let api = Api::new(Some(&who)).unwrap();
        assert!(!format!("{who:?} {:?}", who.secret).contains("s3cr3t"));
        assert_eq!(api.hide("bad s3cr3t-token"), "bad ***");
        // Hiding "a" would only spoil the text.
        assert_eq!(Secret::new("a").hide("a bad name"), "a bad name");
    }
}
