//! The addresses for programs, as an OpenAPI document says them.
//!
//! It is made from the routes that are served and the types that they take and give, so it cannot say others.

use std::num::NonZeroU32;
use std::sync::Arc;

use aide::axum::ApiRouter;
use aide::openapi::{OpenApi, Operation, Response, SecurityScheme, StatusCode};
use aide::transform::TransformOperation;
use aide::{OperationOutput, generate};
use axum::Json;

use crate::access::{Callers, Role};
use crate::api::{self, Refusal, Refused};

/// How a caller is known, in the document.
const TOKEN: &str = "token";

const REFUSAL: &str = "A refusal: what went wrong, and what to do. 404: there is no such incident. 409: it is not \
    over. 422: what was said cannot be used. 503: the records cannot be used now.";

/// The addresses below `/api/v1`, as a document of OpenAPI 3.1.
pub fn document() -> OpenApi {
    generate::extract_schemas(true);
    let nobody = Arc::new(Callers::new(Vec::new(), NonZeroU32::MIN));
    let mut document = OpenApi::default();
    let _ = ApiRouter::new()
        .nest("/api/v1", api::router(&nobody))
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
    document
}

/// What all calls of a role have in common.
pub(crate) fn of_role<'a>(
    call: TransformOperation<'a>,
    role: Role,
    id: &str,
    what: &str,
) -> TransformOperation<'a> {
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

/// A call that is answered when everything is kept, and before all that follows from it.
pub(crate) fn kept(call: TransformOperation<'_>) -> TransformOperation<'_> {
    call.response_with::<202, (), _>(|answer| answer.description("Everything is kept."))
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
