//! The addresses for programs, as an OpenAPI document says them.
//!
//! It is made from the routes that are served and the types that they take and give, so it cannot say others.

use std::num::NonZeroU32;
use std::sync::Arc;

use aide::axum::ApiRouter;
use aide::openapi::{OpenApi, Operation, Response, SecurityScheme, StatusCode};
use aide::transform::TransformOperation;
use aide::{OperationOutput, generate};
use axum::{Json, Router};

use crate::access::{Callers, Role};
use crate::api::{self, Refusal, Refused};
use crate::desk::Desk;

/// How a caller is known, in the document.
const TOKEN: &str = "token";

const REFUSAL: &str = "A refusal: what went wrong, and what to do. 404: there is no such incident. 409: it is not \
    over. 422: what was said cannot be used. 503: the records cannot be used now.";

/// The addresses below `/api/v1`, as a document of OpenAPI 3.1.
pub fn document() -> OpenApi {
    let nobody = Arc::new(Callers::new(Vec::new(), NonZeroU32::MIN));
    described(&nobody).1
}

/// The addresses below `/api/v1`, and what a document says of just these.
pub(crate) fn described(callers: &Arc<Callers>) -> (Router<Desk>, OpenApi) {
    // What a thread describes is kept beside it from here to the end.
    generate::extract_schemas(true);
    let mut document = OpenApi::default();
    let router = ApiRouter::new()
        .nest("/api/v1", api::router(callers))
        .finish_api_with(&mut document, |document| {
            let bearer = SecurityScheme::Http {
                scheme: "bearer".to_owned(),
                bearer_format: None,
                description: Some("A token of the server's settings.".to_owned()),
                extensions: std::iter::empty().collect(),
            };
            document
                .title("ripcord")
                .version(env!("CARGO_PKG_VERSION"))
                .description("Incidents: what is known of them, what people say of them, and what could not be understood.")
                .security_scheme(TOKEN, bearer)
        });
    generate::reset_context();
    (router, document)
}

/// Describes a call: who may make it, its name for programs, and what it does.
pub(crate) fn call(
    role: Role,
    id: &str,
    what: &str,
) -> impl FnOnce(TransformOperation<'_>) -> TransformOperation<'_> {
    move |call| {
        call.id(id)
            .summary(what)
            .description(&format!("The token's role is `{}` at least.", role.word()))
            .security_requirement(TOKEN)
            .response_with::<401, String, _>(|answer| {
                answer.description("No token, or none that is known.")
            })
            .response_with::<403, String, _>(|answer| {
                answer.description("The token's role is not enough.")
            })
            .response_with::<429, String, _>(|answer| {
                answer.description(
                    "Calls come too fast. `Retry-After` says after how many seconds one is taken.",
                )
            })
    }
}

impl OperationOutput for Refused {
    type Inner = Refusal;

    fn operation_response(
        context: &mut generate::GenContext,
        operation: &mut Operation,
    ) -> Option<Response> {
        let response = Json::<Refusal>::operation_response(context, operation)?;
        Some(Response {
            description: REFUSAL.to_owned(),
            ..response
        })
    }

    fn inferred_responses(
        context: &mut generate::GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<StatusCode>, Response)> {
        let response = Self::operation_response(context, operation);
        response
            .map(|response| (None, response))
            .into_iter()
            .collect()
    }
}
