//! One question to an API, as somebody.

use std::fmt;
use std::time::Duration;

use reqwest::{Client, RequestBuilder};
use serde_json::Value;

/// A person or a token.
#[derive(Clone)]
pub struct Who {
    /// The name; some forges take any with a token.
    pub user: String,
    secret: String,
}

impl Who {
    /// Somebody by a password or token, which is never printed.
    pub fn new(user: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            user: user.into(),
            secret: secret.into(),
        }
    }
}

impl fmt::Debug for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Who({}, hidden)", self.user)
    }
}

/// How somebody says who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// As for git itself: a token stands in the place of the password.
    Basic,
    /// As a token alone.
    Bearer,
}

/// What was answered: the status, and the body where it is JSON.
pub(crate) type Answer = (u16, Value);

/// A way to an API.
pub(crate) struct Api<'a> {
    http: Client,
    who: Option<&'a Who>,
}

impl<'a> Api<'a> {
    pub(crate) fn new(who: Option<&'a Who>, limit: Duration) -> Result<Self, String> {
        // Whoever was first has chosen; there is one provider only.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder()
            .timeout(limit)
            .connect_timeout(limit)
            .user_agent("ripcord")
            // Whoever one is must not be told to another host.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self { http, who })
    }

    /// Asks as nobody.
    pub(crate) async fn ask_unnamed(&self, url: &str) -> Result<Answer, String> {
        send(self.http.get(url)).await
    }

    /// Asks as whoever one is.
    pub(crate) async fn ask(&self, scheme: Scheme, url: &str) -> Result<Answer, String> {
        send(self.named(scheme, self.http.get(url))).await
    }

    /// Tells something as whoever one is.
    pub(crate) async fn tell(
        &self,
        scheme: Scheme,
        url: &str,
        body: &Value,
    ) -> Result<Answer, String> {
        send(self.named(scheme, self.http.post(url).json(body))).await
    }

    /// Tells something as nobody: what is told holds a token of its own.
    pub(crate) async fn tell_unnamed(&self, url: &str, body: &Value) -> Result<Answer, String> {
        send(self.http.post(url).json(body)).await
    }

    fn named(&self, scheme: Scheme, request: RequestBuilder) -> RequestBuilder {
        match (self.who, scheme) {
            (None, _) => request,
            (Some(who), Scheme::Basic) => request.basic_auth(&who.user, Some(&who.secret)),
            (Some(who), Scheme::Bearer) => request.bearer_auth(&who.secret),
        }
    }

    /// Whether anybody is asking.
    pub(crate) fn is_somebody(&self) -> bool {
        self.who.is_some()
    }
}

async fn send(request: RequestBuilder) -> Result<Answer, String> {
    let answer = request
        .header("accept", "application/json")
        .send()
        .await
        .map_err(|error| error.without_url().to_string())?;
    let status = answer.status().as_u16();
    let bytes = answer
        .bytes()
        .await
        .map_err(|error| error.without_url().to_string())?;
    Ok((status, serde_json::from_slice(&bytes).unwrap_or_default()))
}
