//! A repository on a forge that can be asked: patience, pages, and what is never sent twice.

use std::time::{Duration, Instant};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use ripcord_domain::config::Forge;
use ripcord_domain::{Kind, Problem};
use serde_json::Value;

use crate::answer::{Answer, Body};
use crate::api::{Api, Secret, Sent, Silence, Who};
use crate::place::Place;
use crate::refusal::Question;
use crate::which;

/// How often a question is asked at most.
const ATTEMPTS: u32 = 5;

/// The wait before the second time; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(300);

/// No list that is read here is as long; a forge that never ends is broken.
const MOST_PAGES: u32 = 20;

/// What may stand in a URL's query or path as it is (RFC 3986, 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A repository on a forge, and whoever asks it.
///
/// Each of its methods takes no longer than the limit. What reads is asked again meanwhile where the forge
/// is away, unwell or asked too often; what writes only where it surely was not taken.
pub struct Repository {
    place: Place,
    forge: Forge,
    api: Api,
    root: String,
    limit: Duration,
    attempts: u32,
}

impl Repository {
    /// Finds out which forge a repository is on, unless that is said.
    ///
    /// # Errors
    /// `unknown_forge`: it is none that is known here; `forge_unreached` and `forge_silent`: nothing answers.
    pub async fn open(
        place: &Place,
        forge: Option<Forge>,
        who: Option<&Who>,
        limit: Duration,
    ) -> Result<Self, Problem> {
        let found = Self::find(place, forge, who, limit, ATTEMPTS).await?;
        found.ok_or_else(|| {
            Problem::new(
                Kind::Usage,
                "unknown_forge",
                format!("{} is no forge that is known here", place.host()),
            )
            .hint("`forge: github|gitlab|gitea` in ripcord.yaml says which one it is")
        })
    }

    /// As [`Repository::open`], with none where no forge is that is known here.
    pub(crate) async fn find(
        place: &Place,
        forge: Option<Forge>,
        who: Option<&Who>,
        limit: Duration,
        attempts: u32,
    ) -> Result<Option<Self>, Problem> {
        let api = Api::new(who)?;
        let forge = match forge.or_else(|| which::by_host(place.host())) {
            Some(forge) => forge,
            None => match which::by_asking(&api, place, limit).await {
                Ok(Some(forge)) => forge,
                Ok(None) => return Ok(None),
                Err(silence) => {
                    let question = Question {
                        place,
                        // Nothing of what is said here is of one forge alone.
                        forge: Forge::Gitea,
                        what: "which forge it is",
                        is_somebody: false,
                    };
                    return Err(question.silent(&silence));
                }
            },
        };
        Ok(Some(Self {
            root: which::root(place, forge),
            place: place.clone(),
            forge,
            api,
            limit,
            attempts,
        }))
    }

    /// The forge that it is on.
    pub fn forge(&self) -> Forge {
        self.forge
    }

    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    pub(crate) fn is_somebody(&self) -> bool {
        self.api.is_somebody()
    }

    /// Begins something that takes no longer than the limit.
    pub(crate) fn call(&self) -> Call<'_> {
        Call {
            repository: self,
            until: Instant::now() + self.limit,
        }
    }
}

/// Why a thing is not known to be written.
#[derive(Debug)]
pub(crate) enum Unwritten {
    /// It surely is not.
    Refused {
        /// The status of the answer; none where nothing was asked.
        status: Option<u16>,
        /// What to tell.
        problem: Problem,
    },
    /// It was sent, and then nothing or nothing clear came back.
    Unclear(Problem),
}

/// One thing that is done, with the time that is left for it.
pub(crate) struct Call<'a> {
    pub(crate) repository: &'a Repository,
    until: Instant,
}

impl Call<'_> {
    /// The JSON at a path below the repository's.
    pub(crate) async fn read(&self, what: &str, path: &str) -> Result<Value, Problem> {
        match self.get(what, path).await?.body {
            Body::Json(said) => Ok(said),
            _ => Ok(Value::Null),
        }
    }

    /// The same, and none for what is not there.
    pub(crate) async fn read_if_there(
        &self,
        what: &str,
        path: &str,
    ) -> Result<Option<Value>, Problem> {
        match self.read(what, path).await {
            Ok(said) => Ok(Some(said)),
            Err(problem) if problem.code == "forge_not_there" => Ok(None),
            Err(problem) => Err(problem),
        }
    }

    /// Every entry of a list, or only as far as somebody wants to see: `stops` is asked about each. The list
    /// is the answer itself or, with a key, a field of it. The path has a query already.
    pub(crate) async fn list(
        &self,
        what: &str,
        path: &str,
        key: Option<&str>,
        mut stops: impl FnMut(&Value) -> bool,
    ) -> Result<Vec<Value>, Problem> {
        let mut all = Vec::new();
        for page in 1..=MOST_PAGES {
            let answer = self.get(what, &format!("{path}&page={page}")).await?;
            let said = answer.json();
            let list = key.map_or(Some(said), |key| said.get(key));
            // A list that is empty may be null.
            let Some(list) = list.filter(|list| list.is_array() || list.is_null()) else {
                return Err(self.tell(what, |question| question.unreadable(&answer)));
            };
            for entry in list.as_array().into_iter().flatten() {
                let is_last = stops(entry);
                all.push(entry.clone());
                if is_last {
                    return Ok(all);
                }
            }
            if !answer.has_next() {
                return Ok(all);
            }
        }
        Err(Problem::new(
            Kind::Remote,
            "forge_never_ends",
            format!(
                "{} has more than {MOST_PAGES} pages of {what}",
                self.repository.place.host()
            ),
        ))
    }

    /// Asks until there is an answer that says something about the thing itself.
    async fn get(&self, what: &str, path: &str) -> Result<Answer, Problem> {
        let Repository {
            api, forge, root, ..
        } = self.repository;
        let url = format!("{root}{path}");
        let mut tried = 0;
        loop {
            tried += 1;
            let asked = api.ask(*forge, Method::GET, &url, Sent::Nothing, self.left());
            let (problem, patience) = match asked.await {
                Ok(answer) if answer.is_success() => match answer.body {
                    Body::Json(_) | Body::Empty => return Ok(answer),
                    Body::Other => {
                        return Err(self.tell(what, |question| question.unreadable(&answer)));
                    }
                    Body::Cut => (
                        self.tell(what, |question| question.unreadable(&answer)),
                        None,
                    ),
                },
                Ok(answer) => {
                    let problem = self.tell(what, |question| question.refused(&answer));
                    if !(answer.is_too_often() || is_passing(answer.status)) {
                        return Err(problem);
                    }
                    (problem, answer.patience())
                }
                Err(silence) => (self.tell(what, |question| question.silent(&silence)), None),
            };
            if !self.waits(tried, patience).await {
                return Err(problem);
            }
        }
    }

    /// Writes once: again only where it surely was not taken.
    pub(crate) async fn write(
        &self,
        what: &str,
        path: &str,
        body: &Value,
    ) -> Result<Answer, Unwritten> {
        let Repository {
            api, forge, root, ..
        } = self.repository;
        let url = format!("{root}{path}");
        let send = || api.ask(*forge, Method::POST, &url, Sent::Json(body), self.left());
        self.written(what, send).await
    }

    /// The same by a form that says itself who sends it.
    pub(crate) async fn write_as(
        &self,
        secret: &Secret,
        what: &str,
        path: &str,
        fields: &[(String, String)],
    ) -> Result<Answer, Unwritten> {
        let url = format!("{}{path}", self.repository.root);
        let api = &self.repository.api;
        let send = || api.send_unnamed(&url, Sent::Form(fields), self.left());
        let written = self.written(what, send).await;
        written.map_err(|unwritten| match unwritten {
            Unwritten::Refused { status, problem } => Unwritten::Refused {
                status,
                problem: hidden(problem, |text| secret.hide(text)),
            },
            Unwritten::Unclear(problem) => {
                Unwritten::Unclear(hidden(problem, |text| secret.hide(text)))
            }
        })
    }

    async fn written<Sending>(
        &self,
        what: &str,
        send: impl Fn() -> Sending,
    ) -> Result<Answer, Unwritten>
    where
        Sending: Future<Output = Result<Answer, Silence>>,
    {
        let mut tried = 0;
        loop {
            tried += 1;
            let (status, problem, patience) = match send().await {
                // What is cut short is taken all the same.
                Ok(answer) if answer.is_success() && answer.body != Body::Other => {
                    return Ok(answer);
                }
                Ok(answer) if answer.is_success() => {
                    let problem = self.tell(what, |question| question.unreadable(&answer));
                    return Err(Unwritten::Unclear(problem));
                }
                Ok(answer) => {
                    let problem = self.tell(what, |question| question.refused(&answer));
                    if answer.status >= 500 {
                        // A proxy says so too of what the forge behind it has taken.
                        return Err(Unwritten::Unclear(problem));
                    }
                    let status = Some(answer.status);
                    if !answer.is_too_often() {
                        return Err(Unwritten::Refused { status, problem });
                    }
                    (status, problem, answer.patience())
                }
                Err(silence @ Silence::Unreached(_)) => {
                    let problem = self.tell(what, |question| question.silent(&silence));
                    (None, problem, None)
                }
                Err(silence @ Silence::Unanswered(_)) => {
                    let problem = self.tell(what, |question| question.silent(&silence));
                    return Err(Unwritten::Unclear(problem));
                }
            };
            if !self.waits(tried, patience).await {
                return Err(Unwritten::Refused { status, problem });
            }
        }
    }

    /// Waits before the next time; false where there is none in the time that is left.
    async fn waits(&self, tried: u32, patience: Option<Duration>) -> bool {
        if tried >= self.repository.attempts {
            return false;
        }
        let pause = patience.unwrap_or(FIRST_PAUSE * 2_u32.saturating_pow(tried - 1));
        if pause >= self.left() {
            return false;
        }
        tokio::time::sleep(pause).await;
        true
    }

    fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// A problem in words that hold no secret.
    pub(crate) fn tell(&self, what: &str, tell: impl FnOnce(&Question<'_>) -> Problem) -> Problem {
        let question = Question {
            place: &self.repository.place,
            forge: self.repository.forge,
            what,
            is_somebody: self.repository.is_somebody(),
        };
        hidden(tell(&question), |text| self.repository.api.hide(text))
    }
}

fn hidden(mut problem: Problem, hide: impl Fn(&str) -> String) -> Problem {
    problem.message = hide(&problem.message);
    for hint in &mut problem.hints {
        *hint = hide(hint);
    }
    problem
}

/// Whether a status is of the moment and not of the thing.
fn is_passing(status: u16) -> bool {
    matches!(status, 500 | 502 | 503 | 504)
}

/// A text as one value of a query.
pub(crate) fn value(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// A name with slashes as a path: the slashes stay.
pub(crate) fn path(name: &str) -> String {
    let parts: Vec<String> = name.split('/').map(value).collect();
    parts.join("/")
}
