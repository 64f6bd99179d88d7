//! A ripcord server, as commands on other machines call it.
//!
//! What a command says to a server may be said again: the server knows each event by its id.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use reqwest::{Client, StatusCode, Url};
use ripcord_domain::incident::event::Event;
use ripcord_domain::{Kind, Problem};
use serde::{Deserialize, Serialize};

/// How long a call may take. A server files what it is told before it answers.
const PATIENCE: Duration = Duration::from_secs(20);

/// The most of an answer that is read, in bytes: a refusal is a few lines.
const LONGEST: usize = 64 * 1024;

/// A server, and the token by which it knows the caller.
pub struct Server {
    http: Client,
    url: Url,
    token: String,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({}, token hidden)", self.url)
    }
}

/// What is sent: the form of `POST /api/v1/events`.
#[derive(Serialize)]
struct Told<'a> {
    events: &'a [Event],
}

/// A refusal as a server writes it.
#[derive(Deserialize)]
struct Refusal {
    error: Said,
}

#[derive(Deserialize)]
struct Said {
    message: String,
}

impl Server {
    /// Names a server. Nothing is asked of it yet.
    ///
    /// # Errors
    /// The address cannot be called, or a token would be readable on the way to it.
    pub fn new(address: &str, token: impl Into<String>) -> Result<Self, Problem> {
        let bad = |why: &str| {
            Problem::new(Kind::Usage, "bad_server", format!("the server: {why}"))
                .hint("name it such as https://ripcord.example")
        };
        // The address itself is in no message: it may hold what does not belong there.
        let mut url = Url::parse(address).map_err(|error| bad(&error.to_string()))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(bad("a secret in an address is seen by others")
                .hint("give the token by RIPCORD_TOKEN, or in a file by `--token-file`"));
        }
        let host = url.host_str().unwrap_or_default();
        let ip = host.trim_start_matches('[').trim_end_matches(']').parse();
        let is_here = ip.map_or(host == "localhost", |ip: IpAddr| ip.is_loopback());
        match url.scheme() {
            "https" => {}
            "http" if is_here => {}
            "http" => return Err(bad("over http anybody on the way could read the token")),
            _ => return Err(bad("it is called over https")),
        }
        url.set_query(None);
        url.set_fragment(None);
        if !url.path().ends_with('/') {
            let folder = format!("{}/", url.path());
            url.set_path(&folder);
        }
        // Whoever was first has chosen; there is one provider only.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder()
            .user_agent("ripcord")
            // The token must not be told to another host.
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .build()
            .map_err(|error| Problem::new(Kind::Local, "no_http_client", error.to_string()))?;
        Ok(Self {
            http,
            url,
            token: token.into(),
        })
    }

    /// What it is called: its address.
    pub fn name(&self) -> &str {
        self.url.as_str()
    }

    /// Tells it events, all of them or none.
    ///
    /// # Errors
    /// It cannot be reached, or it refuses. Whether it took them is then not known; they may be told again.
    pub async fn tell(&self, events: &[Event]) -> Result<(), Problem> {
        let to = self.url.join("api/v1/events");
        let to = to.map_err(|error| Problem::new(Kind::Usage, "bad_server", error.to_string()))?;
        let sent = self.http.post(to).bearer_auth(&self.token);
        let answer = sent.json(&Told { events }).send().await.map_err(|error| {
            let why = error.without_url();
            Problem::new(
                Kind::Remote,
                "no_server",
                format!("{} does not answer: {}", self.url, chain(&why)),
            )
            .hint("nothing is lost: `ripcord incident sync` sends it again")
        })?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        Err(self.refused(status, &beginning(answer).await))
    }

    fn refused(&self, status: StatusCode, body: &[u8]) -> Problem {
        let said = serde_json::from_slice::<Refusal>(body).ok();
        let why = said.map_or_else(|| status.to_string(), |said| said.error.message);
        let text = format!("{} refuses: {why}", self.url);
        match status {
            StatusCode::UNAUTHORIZED => Problem::new(Kind::Remote, "bad_token", text).hint(
                "give a token of its settings by RIPCORD_TOKEN, or in a file by `--token-file`",
            ),
            StatusCode::FORBIDDEN => Problem::new(Kind::Rejected, "role_too_low", text)
                .hint("the token needs the role responder"),
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                Problem::new(Kind::Remote, "server_busy", text)
                    .hint("nothing is lost: `ripcord incident sync` sends it again")
            }
            _ => Problem::new(Kind::Rejected, "server_refuses", text),
        }
    }
}

/// An error with what is behind it, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut behind = error.source();
    while let Some(one) = behind {
        text = format!("{text}: {one}");
        behind = one.source();
    }
    text
}

/// As much of an answer as is read.
async fn beginning(mut answer: reqwest::Response) -> Vec<u8> {
    let mut read = Vec::new();
    while let Ok(Some(piece)) = answer.chunk().await {
        let room = LONGEST.saturating_sub(read.len());
        read.extend(piece.iter().take(room));
        if room < piece.len() {
            break;
        }
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(address: &str) -> String {
        Server::new(address, "secret-token").unwrap_err().code
    }

    #[test]
    fn a_token_goes_over_https_or_stays_on_this_machine() {
        for here in [
            "https://ripcord.example",
            "https://ripcord.example/ops",
            "http://127.0.0.1:8420",
            "http://[::1]:8420",
            "http://localhost:8420",
        ] {
            let server = Server::new(here, "secret-token").unwrap();
            assert!(server.name().ends_with('/'), "{}", server.name());
            assert!(!format!("{server:?}").contains("secret-token"));
        }
        for elsewhere in [
            "http://ripcord.example",
            "http://127.0.0.1.example",
            "ftp://x",
            "x",
        ] {
            assert_eq!(code(elsewhere), "bad_server", "{elsewhere}");
        }
    }

    #[test]
    fn a_secret_in_the_address_is_refused_and_not_repeated() {
        let problem = Server::new("https://olga:hunter2@ripcord.example", "t").unwrap_err();
        assert!(!format!("{problem:?}").contains("hunter2"));
    }
}
