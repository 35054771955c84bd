//! `POST /webhook-url/{uuid}/rotate-token`

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::Serialize;
use sfumato_core::{EndpointId, Timestamp};
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::Authenticated;
use crate::json::OptionalJsonBody;
use crate::problem::{ErrorBody, Problem};
use crate::v1::endpoint_body::endpoint_in_path;
use crate::v1::rotation_body::Rotation;

/// A new token.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "uuid": "018fe2a4-7f60-7c11-b2d3-94a5b6c7d8e9",
    "webhookToken": "wis-wht_8Q2M4T7ZK0V5C1X9B3N6D2RF",
    "overlapUntil": "2024-06-05T10:29:10.656Z",
}))]
pub(crate) struct RotatedToken {
    /// The endpoint.
    #[schema(value_type = uuid::Uuid)]
    uuid: EndpointId,
    /// The new token.
    webhook_token: String,
    /// Until then the token before is what `X-Auth-Token` carries; absent without an overlap.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    overlap_until: Option<Timestamp>,
}

/// Give a webhook endpoint a new token.
///
/// An extension. `X-Auth-Token` has one value, and a receiver refuses what it does not know: until the overlap ends the token
/// before goes on being sent, and then the new one. Let the receiver accept both in between. 409 while the overlap of an
/// earlier rotation lasts, unless `overlapSeconds` is 0.
#[utoipa::path(
    post,
    path = "/webhook-url/{uuid}/rotate-token",
    operation_id = "rotateWebhookToken",
    tag = "Webhooks",
    security(("bearer" = [])),
    params(("uuid" = uuid::Uuid, Path, description = "The endpoint.")),
    request_body = Option<Rotation>,
    responses(
        (status = 200, description = "The new token.", body = RotatedToken),
        (status = 400, description = "`overlapSeconds` is out of range.", body = ErrorBody),
        (status = 401, description = "No valid access token.", body = ErrorBody),
        (status = 404, description = "No such endpoint of this client.", body = ErrorBody),
        (status = 409, description = "The overlap of an earlier rotation has not ended.", body = ErrorBody),
    ),
)]
pub(crate) async fn rotate_token(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    path: Result<Path<String>, PathRejection>,
    OptionalJsonBody(rotation): OptionalJsonBody<Rotation>,
) -> Result<Json<RotatedToken>, Problem> {
    let id = endpoint_in_path(path)?;
    let endpoint = state
        .engine
        .rotate_token(&caller, id, rotation.overlap()?)
        .await?;
    let credentials = state.engine.credentials(&endpoint)?;
    Ok(Json(RotatedToken {
        uuid: id,
        webhook_token: credentials.token.current.expose().to_owned(),
        overlap_until: endpoint.token.overlap_until(state.engine.clock().now()),
    }))
}
