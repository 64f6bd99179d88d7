//! Who may do what: tokens with roles.

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ripcord_intake::signature;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::source::Secret;

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

/// Says whose token an `Authorization` header holds. Each one is compared in constant time.
pub fn caller(tokens: &[Token], authorization: Option<&str>) -> Option<Caller> {
    let given = authorization?.strip_prefix("Bearer ")?;
    let of = |token: &&Token| signature::token(Some(given), &[token.secret.bytes()]).is_ok();
    tokens.iter().find(of).map(|token| Caller {
        name: token.name.clone(),
        role: token.role,
    })
}

/// Lets through who may do at least this, and says who they are to what comes after.
pub(crate) async fn at_least(
    State((needed, tokens)): State<(Role, Arc<Vec<Token>>)>,
    mut request: Request,
    next: Next,
) -> Response {
    let given = request.headers().get(header::AUTHORIZATION);
    let given = given.and_then(|value| value.to_str().ok());
    let Some(caller) = caller(&tokens, given) else {
        let how = [(header::WWW_AUTHENTICATE, "Bearer")];
        return (StatusCode::UNAUTHORIZED, how, "a token is needed\n").into_response();
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
