//! A repository on a forge that is known, and what its refusals mean.

use std::time::Duration;

use ripcord_domain::config::Forge;
use ripcord_domain::problem::{Kind, Problem};
use serde_json::Value;

use crate::api::{Answer, Api, Scheme, Who};
use crate::place::Place;
use crate::which::which;

/// A repository on a forge, as somebody.
pub struct Repository<'a> {
    pub(crate) api: Api<'a>,
    pub(crate) place: Place,
    /// Which forge it is.
    pub forge: Forge,
}

impl<'a> Repository<'a> {
    /// Opens a repository by the address that git has of it. No answer is waited for longer than the limit.
    ///
    /// # Errors
    /// The address leads to no forge that is known here.
    pub async fn open(
        address: &str,
        forge: Option<Forge>,
        who: Option<&'a Who>,
        limit: Duration,
    ) -> Result<Self, Problem> {
        let none = || {
            Problem::new(
                Kind::Usage,
                "no_forge",
                "the repository is on no forge that is known here",
            )
            .hint("`forge: github|gitlab|gitea` in ripcord.yaml says which one it is")
        };
        let place = Place::of(address).ok_or_else(none)?;
        let api = Api::new(who, limit).map_err(|why| Problem::new(Kind::Local, "no_http", why))?;
        let forge = which(&api, &place, forge).await.ok_or_else(none)?;
        Ok(Self { api, place, forge })
    }

    /// Where the repository is in the API, without a slash at the end.
    pub(crate) fn base(&self) -> String {
        let Place { origin, path } = &self.place;
        match self.forge {
            Forge::Github if self.place.host() == "github.com" => {
                format!("https://api.github.com/repos/{path}")
            }
            Forge::Github => format!("{origin}/api/v3/repos/{path}"),
            Forge::Gitlab => format!("{origin}/api/v4/projects/{}", self.place.id()),
            Forge::Gitea => format!("{origin}/api/v1/repos/{path}"),
        }
    }

    pub(crate) fn scheme(&self) -> Scheme {
        match self.forge {
            Forge::Gitlab => Scheme::Bearer,
            Forge::Github | Forge::Gitea => Scheme::Basic,
        }
    }

    /// Asks for something below the repository.
    pub(crate) async fn get(&self, what: &str, path: &str) -> Result<Value, Problem> {
        let url = format!("{}{path}", self.base());
        let answer = self.api.ask(self.scheme(), &url).await;
        self.said(what, answer)
    }

    /// Tells something below the repository.
    pub(crate) async fn post(
        &self,
        what: &str,
        path: &str,
        body: &Value,
    ) -> Result<Value, Problem> {
        let url = format!("{}{path}", self.base());
        let answer = self.api.tell(self.scheme(), &url, body).await;
        self.said(what, answer)
    }

    /// What was answered, or what the refusal means.
    pub(crate) fn said(
        &self,
        what: &str,
        answer: Result<Answer, String>,
    ) -> Result<Value, Problem> {
        let host = self.place.host();
        let (status, said) = answer.map_err(|why| {
            Problem::new(
                Kind::Remote,
                "forge_unreachable",
                format!("{host} does not answer about {what}: {why}"),
            )
        })?;
        if (200..300).contains(&status) {
            return Ok(said);
        }
        let words = words_of(&said);
        let with = |text: &str| match &words {
            Some(words) => format!("{what}: {text}: {words}"),
            None => format!("{what}: {text}"),
        };
        Err(match status {
            401 => Problem::new(
                Kind::Remote,
                "forge_unknown_token",
                with(&format!("{host} does not know who asks")),
            )
            .hint("the token is missing, wrong or too old"),
            403 => Problem::new(
                Kind::Rejected,
                "forge_forbidden",
                with(&format!("{host} does not allow it to this token")),
            )
            .hint("give the token what the message names; for a dispatch that is to write contents (GitHub), the repository (Gitea), the API (GitLab)"),
            404 => Problem::new(
                Kind::Remote,
                "forge_not_found",
                with(&format!("it is not there on {host}, or hidden from this token")),
            ),
            301 | 302 | 307 | 308 => Problem::new(
                Kind::Usage,
                "forge_moved",
                with(&format!("{} was renamed on {host}", self.place.path)),
            )
            .hint("use its new address; a token is not sent on to another"),
            409 => Problem::new(Kind::Conflict, "forge_conflict", with("it is in conflict")),
            400 | 405 | 422 => Problem::new(Kind::Rejected, "forge_refused", with("it was refused")),
            429 => Problem::new(
                Kind::Remote,
                "forge_busy",
                with(&format!("{host} was asked too often")),
            )
            .hint("wait a minute, then again"),
            other => Problem::new(
                Kind::Remote,
                "forge_trouble",
                with(&format!("{host} answers HTTP {other}")),
            ),
        })
    }
}

/// The forge's own words, in one line.
fn words_of(said: &Value) -> Option<String> {
    let text = match &said["message"] {
        Value::String(text) => text.clone(),
        Value::Null => said["error"].as_str()?.to_owned(),
        other => other.to_string(),
    };
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = line.chars().take(300).collect();
    (!short.is_empty()).then_some(short)
}
