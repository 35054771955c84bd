//! `POST /webhook-url/{uuid}/rotate-signing-secret`

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

/// A new signing secret.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "uuid": "018fe2a4-7f60-7c11-b2d3-94a5b6c7d8e9",
    "signingSecret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=",
    "overlapUntil": "2024-06-05T10:29:10.656Z",
}))]
pub(crate) struct RotatedSecret {
    /// The endpoint.
    #[schema(value_type = uuid::Uuid)]
    uuid: EndpointId,
    /// The new secret.
    signing_secret: String,
    /// Until then the secret before signs too; absent without an overlap.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    overlap_until: Option<Timestamp>,
}

/// Give a webhook endpoint a new signing secret.
///
/// An extension. In the overlap `webhook-signature` carries the signatures of both secrets, parted by a space: a receiver that
/// knows either accepts. 409 while the overlap of an earlier rotation lasts, unless `overlapSeconds` is 0.
#[utoipa::path(
    post,
    path = "/webhook-url/{uuid}/rotate-signing-secret",
    operation_id = "rotateWebhookSigningSecret",
    tag = "Webhooks",
    security(("bearer" = [])),
    params(("uuid" = uuid::Uuid, Path, description = "The endpoint.")),
    request_body = Option<Rotation>,
    responses(
        (status = 200, description = "The new secret.", body = RotatedSecret),
        (status = 400, description = "`overlapSeconds` is out of range.", body = ErrorBody),
        (status = 401, description = "No valid access token.", body = ErrorBody),
        (status = 404, description = "No such endpoint of this client.", body = ErrorBody),
        (status = 409, description = "The overlap of an earlier rotation has not ended.", body = ErrorBody),
    ),
)]
pub(crate) async fn rotate_signing_secret(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    path: Result<Path<String>, PathRejection>,
    OptionalJsonBody(rotation): OptionalJsonBody<Rotation>,
) -> Result<Json<RotatedSecret>, Problem> {
    let id = endpoint_in_path(path)?;
    let endpoint = state
        .engine
        .rotate_signing_secret(&caller, id, rotation.overlap()?)
        .await?;
    let credentials = state.engine.credentials(&endpoint)?;
    Ok(Json(RotatedSecret {
        uuid: id,
        signing_secret: credentials.signing_secret.current.expose(),
        overlap_until: endpoint.signing_secret.overlap_until(state.engine.clock().now()),
    }))
}
