//! `DELETE /webhook-url/{uuid}/overlap`

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use crate::ApiState;
use crate::auth::Authenticated;
use crate::problem::{ErrorBody, Problem};
use crate::v1::endpoint_body::endpoint_in_path;

/// End the overlap of a webhook endpoint's rotations.
///
/// An extension. From now on only the newest token is sent and only the newest secret signs; the ones before are
/// forgotten. For when the receiver knows the new ones.
#[utoipa::path(
    delete,
    path = "/webhook-url/{uuid}/overlap",
    operation_id = "endWebhookOverlap",
    tag = "Webhooks",
    security(("bearer" = [])),
    params(("uuid" = uuid::Uuid, Path, description = "The endpoint.")),
    responses(
        (status = 204, description = "No older value counts any more."),
        (status = 401, description = "No valid access token.", body = ErrorBody),
        (status = 404, description = "No such endpoint of this client.", body = ErrorBody),
    ),
)]
pub(crate) async fn end_overlap(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    path: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, Problem> {
    let id = endpoint_in_path(path)?;
    state.engine.settle_rotations(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
