//! `DELETE /webhook-url/{uuid}`

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use crate::ApiState;
use crate::auth::Authenticated;
use crate::problem::{ErrorBody, Problem};
use crate::v1::endpoint_body::endpoint_in_path;

/// Delete a webhook endpoint.
///
/// What was still on its way to it is dropped.
#[utoipa::path(
    delete,
    path = "/webhook-url/{uuid}",
    operation_id = "deleteWebhookEndpoint",
    tag = "Webhooks",
    security(("bearer" = [])),
    params(("uuid" = uuid::Uuid, Path, description = "The endpoint.")),
    responses(
        (status = 204, description = "The endpoint is deleted."),
        (status = 401, description = "No valid access token.", body = ErrorBody),
        (status = 404, description = "No such endpoint of this client.", body = ErrorBody),
    ),
)]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    path: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, Problem> {
    let id = endpoint_in_path(path)?;
    state.engine.delete_endpoint(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
