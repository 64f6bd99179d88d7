//! What an answer means that is not a success, for whoever has to act on it.

use std::time::Duration;

use ripcord_domain::config::Forge;
use ripcord_domain::{Kind, Problem};

use crate::answer::{Answer, Body, words};
use crate::api::Silence;
use crate::place::Place;

/// What was asked of whom.
pub(crate) struct Question<'a> {
    pub(crate) place: &'a Place,
    pub(crate) forge: Forge,
    /// The thing, such as "the branch main".
    pub(crate) what: &'a str,
    /// Whether anybody was named.
    pub(crate) is_somebody: bool,
}

impl Question<'_> {
    /// The problem of an answer that is not a success.
    pub(crate) fn refused(&self, answer: &Answer) -> Problem {
        let (host, what) = (self.place.host(), self.what);
        let words = words(answer.json());
        let said = words.as_deref().map(|said| format!(": {said}"));
        let said = said.unwrap_or_default();
        if answer.is_too_often() {
            return self.too_often(answer.patience());
        }
        match answer.status {
            300..=399 => self.moved(answer),
            401 => self.unknown_who(&said),
            403 => self.forbidden(answer, &said),
            404 => self.hidden(answer, words.as_deref()),
            409 => Problem::new(
                Kind::Conflict,
                "forge_conflict",
                format!("{host} refuses {what}{said}"),
            ),
            status @ 400..=499 => {
                let said = if said.is_empty() {
                    format!(": HTTP {status}")
                } else {
                    said
                };
                Problem::new(
                    Kind::Rejected,
                    "forge_rejected",
                    format!("{host} refuses {what}{said}"),
                )
            }
            status => Problem::new(
                Kind::Remote,
                "forge_fails",
                format!("{host} fails at {what}: HTTP {status}{said}"),
            )
            .hint(format!("see whether {host} is well, then try again")),
        }
    }

    /// The problem of a success that is not understood.
    pub(crate) fn unreadable(&self, answer: &Answer) -> Problem {
        let (host, what) = (self.place.host(), self.what);
        if answer.body == Body::Cut {
            return Problem::new(
                Kind::Remote,
                "forge_cut_short",
                format!("{host} stops in the middle of its answer about {what}"),
            );
        }
        Problem::new(
            Kind::Remote,
            "not_an_api",
            format!(
                "{host} answers about {what} with something that is not its API's JSON (HTTP {})",
                answer.status
            ),
        )
        .hint("a proxy or a login page may stand before it; `forge:` in ripcord.yaml says which forge it is")
    }

    /// The problem of no answer.
    pub(crate) fn silent(&self, silence: &Silence) -> Problem {
        let (host, what) = (self.place.host(), self.what);
        match silence {
            Silence::Unreached(why) => Problem::new(
                Kind::Remote,
                "forge_unreached",
                format!("{host} is not reached for {what}: {why}"),
            ),
            Silence::Unanswered(why) => Problem::new(
                Kind::Remote,
                "forge_silent",
                format!("{host} does not answer about {what}: {why}"),
            ),
        }
    }

    fn too_often(&self, patience: Option<Duration>) -> Problem {
        let host = self.place.host();
        let problem = Problem::new(
            Kind::Remote,
            "asked_too_often",
            format!("{host} was asked too often, now for {}", self.what),
        );
        match patience {
            Some(patience) => problem.hint(format!(
                "it wants to be left alone for {} s",
                patience.as_secs().max(1)
            )),
            None => problem.hint("try again later"),
        }
    }

    fn unknown_who(&self, said: &str) -> Problem {
        let (host, what) = (self.place.host(), self.what);
        if self.is_somebody {
            Problem::new(
                Kind::Remote,
                "forge_credentials",
                format!("{host} does not take the token for {what}{said}"),
            )
            .hint("it may have expired or be another host's; make a new one and let ripcord or git's credential helper know it")
        } else {
            Problem::new(
                Kind::Remote,
                "forge_credentials",
                format!("{host} wants to know who asks for {what}{said}"),
            )
            .hint(format!(
                "let ripcord or git's credential helper know a token for {host}"
            ))
        }
    }

    fn forbidden(&self, answer: &Answer, said: &str) -> Problem {
        let (host, what) = (self.place.host(), self.what);
        let whom = if self.is_somebody {
            "this token"
        } else {
            "whoever is not named"
        };
        let problem = Problem::new(
            Kind::Rejected,
            "forge_forbidden",
            format!("{host} refuses {what} to {whom}{said}"),
        );
        if answer
            .header("x-github-sso")
            .is_some_and(|sso| sso.starts_with("required"))
        {
            return problem.hint(
                "authorise the token for the organisation's single sign-on, in the settings of tokens",
            );
        }
        match self.missing(answer) {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }

    /// What a token lacks, where a forge says so.
    fn missing(&self, answer: &Answer) -> Option<String> {
        match self.forge {
            // Both headers: <https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#insufficient-permissions-errors>
            Forge::Github => {
                let fine = answer.header("x-accepted-github-permissions");
                let classic = answer.header("x-accepted-oauth-scopes");
                let has = answer.header("x-oauth-scopes");
                match (
                    fine.filter(|it| !it.is_empty()),
                    classic.filter(|it| !it.is_empty()),
                ) {
                    (_, Some(wanted)) if has.is_some() => Some(format!(
                        "give the token one of the scopes {wanted}; it has {}",
                        has.filter(|has| !has.is_empty()).unwrap_or("none")
                    )),
                    (Some(wanted), _) => Some(format!("give the token the permission {wanted}")),
                    _ => None,
                }
            }
            // As Gitea 1.26 words it: "… required=[write:repository], token scope=read:repository".
            Forge::Gitea => {
                let words = words(answer.json())?;
                let (_, rest) = words.split_once("required=[")?;
                let (wanted, rest) = rest.split_once(']')?;
                let has = rest
                    .split_once("token scope=")
                    .map_or("", |(_, has)| has.trim());
                let has = if has.is_empty() { "another" } else { has };
                Some(format!("give the token the scope {wanted}; it has {has}"))
            }
            // <https://docs.gitlab.com/api/rest/authentication/> by RFC 6750, 3.1.
            Forge::Gitlab => {
                let said = answer.json();
                let wanted = said["scope"]
                    .as_str()
                    .filter(|_| said["error"] == "insufficient_scope")?;
                Some(format!("give the token one of the scopes {wanted}"))
            }
        }
    }

    fn hidden(&self, answer: &Answer, words: Option<&str>) -> Problem {
        let (host, what) = (self.place.host(), self.what);
        // "Not Found" alone says nothing that is not said already.
        let said = words
            .filter(|words| {
                let plain = words.trim_start_matches("404 ").to_ascii_lowercase();
                plain != "not found"
            })
            .map(|words| format!(": {words}"))
            .unwrap_or_default();
        let mut problem = Problem::new(
            Kind::Remote,
            "forge_not_there",
            format!("{host} knows nothing of {what}, or hides it from whoever asks{said}"),
        );
        if !self.is_somebody {
            problem = problem.hint(format!(
                "nobody was named: let ripcord or git's credential helper know a token for {host}"
            ));
        }
        match self.missing(answer) {
            Some(hint) => problem.hint(hint),
            None => problem.hint(format!(
                "see whether {} is spelt so and whether the token reaches it",
                self.place.path
            )),
        }
    }

    /// Redirects are not followed: the secret would go along.
    fn moved(&self, answer: &Answer) -> Problem {
        let (host, what) = (self.place.host(), self.what);
        let location = answer.header("location").unwrap_or_default();
        let to = location.split(['?', '#']).next().unwrap_or_default();
        let (to_host, path) = match to.split_once("://") {
            Some((_, rest)) => match rest.split_once('/') {
                Some((to_host, path)) => (Some(to_host), path),
                None => (Some(rest), ""),
            },
            None => (None, to),
        };
        let to_host = to_host.map(|it| it.rsplit('@').next().unwrap_or(it));
        let is_same = to_host.is_none_or(|it| it == host || it == format!("api.{host}"));
        let is_api = ["repos/", "repositories/", "projects/"]
            .iter()
            .any(|word| path.contains(word));
        if is_same && is_api {
            let path = path.trim_start_matches('/');
            return Problem::new(
                Kind::Usage,
                "repository_moved",
                format!(
                    "{} has another name on {host} now: {what} is at {path}",
                    self.place.path
                ),
            )
            .hint("set the address of the remote, and wherever else the repository is named, to its new name");
        }
        Problem::new(
            Kind::Remote,
            "not_an_api",
            format!(
                "{host} sends whoever asks for {what} elsewhere, to {}; the token is not taken there",
                to_host.map_or(to, |to_host| to_host)
            ),
        )
        .hint("a proxy or a login page may stand before it; say the address that answers itself")
    }
}
