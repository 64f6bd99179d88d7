//! Who may do what, and how often: tokens with roles.

use std::num::NonZeroU32;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, NotUntil, Quota, RateLimiter};
use ripcord_intake::signature;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::source::Secret;

/// How often in a minute it is answered that a token is wrong.
const GUESSES: NonZeroU32 = NonZeroU32::new(60).unwrap();

/// What somebody may do; each role may do what those before it may.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Read.
    Viewer,
    /// Say something of incidents.
    Responder,
    /// Look at what was not understood, and have it read again.
    Admin,
}

impl Role {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Responder => "responder",
            Self::Admin => "admin",
        }
    }
}

/// A token: who holds it, and what they may do.
#[derive(Clone, Debug)]
pub struct Token {
    /// The person or program.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The token itself.
    pub secret: Secret,
}

/// Who makes a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The name of their token.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

/// Why nobody is let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// No token, or none that is known.
    Unknown,
    /// Calls come too fast.
    TooFast(TooFast),
}

/// More calls than are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooFast {
    /// After how many whole seconds one is taken again.
    seconds: u64,
}

impl TooFast {
    fn until(taken: &NotUntil<<DefaultClock as Clock>::Instant>) -> Self {
        let wait = taken.wait_time_from(DefaultClock::default().now());
        Self {
            seconds: wait.as_secs() + 1,
        }
    }

    /// The answer that says so.
    pub(crate) fn answer(self, words: impl IntoResponse) -> Response {
        let again = [(header::RETRY_AFTER, self.seconds.to_string())];
        (StatusCode::TOO_MANY_REQUESTS, again, words).into_response()
    }
}

/// Who may call, and how fast.
///
/// What other systems send is not among it: a page that is refused may be lost, so the intake knows only "try again"
/// when it really cannot keep more.
pub(crate) struct Callers {
    tokens: Vec<Token>,
    /// Of each who is known, by name.
    pace: DefaultKeyedRateLimiter<String>,
    /// Of all others together: guessing is slow, and however many guess, whoever has a token is let through.
    guesses: DefaultDirectRateLimiter,
}

impl Callers {
    pub(crate) fn new(tokens: Vec<Token>, calls_per_minute: NonZeroU32) -> Self {
        Self {
            tokens,
            pace: RateLimiter::keyed(Quota::per_minute(calls_per_minute)),
            guesses: RateLimiter::direct(Quota::per_minute(GUESSES)),
        }
    }

    /// Says whose token an `Authorization` header holds, and counts the call.
    pub(crate) fn known(&self, authorization: Option<&str>) -> Result<Caller, Stopped> {
        let Some(token) = self.holder(authorization) else {
            return Err(match self.guesses.check() {
                Ok(()) => Stopped::Unknown,
                Err(taken) => Stopped::TooFast(TooFast::until(&taken)),
            });
        };
        self.keeps_pace(&token.name).map_err(Stopped::TooFast)?;
        Ok(Caller {
            name: token.name.clone(),
            role: token.role,
        })
    }

    /// Each token is compared in constant time.
    fn holder(&self, authorization: Option<&str>) -> Option<&Token> {
        let given = authorization?.strip_prefix("Bearer ")?;
        let of = |token: &&Token| signature::token(Some(given), &[token.secret.bytes()]).is_ok();
        self.tokens.iter().find(of)
    }

    /// Counts a call of somebody who is known.
    pub(crate) fn keeps_pace(&self, name: &str) -> Result<(), TooFast> {
        let counted = self.pace.check_key(&name.to_owned());
        counted.map_err(|taken| TooFast::until(&taken))
    }
}

/// Lets through who may do at least this, and says who they are to what comes after.
pub(crate) async fn at_least(
    State((needed, callers)): State<(Role, Arc<Callers>)>,
    mut request: Request,
    next: Next,
) -> Response {
    let given = request.headers().get(header::AUTHORIZATION);
    let given = given.and_then(|value| value.to_str().ok());
    let caller = match callers.known(given) {
        Ok(caller) => caller,
        Err(stopped) => return refuse(stopped),
    };
    let mut response = if caller.role < needed {
        let words = format!(
            "the role `{}` is needed, and the token's is `{}`\n",
            needed.word(),
            caller.role.word()
        );
        (StatusCode::FORBIDDEN, words).into_response()
    } else {
        request.extensions_mut().insert(caller.clone());
        next.run(request).await
    };
    // For the audit, which sees the answer last.
    response.extensions_mut().insert(caller);
    response
}

fn refuse(stopped: Stopped) -> Response {
    match stopped {
        Stopped::Unknown => {
            let how = [(header::WWW_AUTHENTICATE, "Bearer")];
            (StatusCode::UNAUTHORIZED, how, "a token is needed\n").into_response()
        }
        Stopped::TooFast(fast) => fast.answer("calls come faster than they are taken\n"),
    }
}

#[cfg(test)]
#[path = "access_tests.rs"]
mod tests;
