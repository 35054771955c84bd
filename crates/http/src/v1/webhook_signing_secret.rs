//! `GET /webhook-url/{uuid}/signing-secret`

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::Serialize;
use sfumato_core::EndpointId;
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::Authenticated;
use crate::problem::{ErrorBody, Problem};
use crate::v1::endpoint_body::endpoint_in_path;

/// What verifies the signatures of an endpoint's events.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "uuid": "018fe2a4-7f60-7c11-b2d3-94a5b6c7d8e9",
    "signingSecret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=",
}))]
pub(crate) struct SigningSecretBody {
    /// The endpoint.
    #[schema(value_type = uuid::Uuid)]
    uuid: EndpointId,
    /// The key of `webhook-signature`, as Standard Webhooks libraries take it. While the overlap of a rotation lasts, the
    /// newest: the one before signs too.
    signing_secret: String,
}

/// Read the signing secret of a webhook endpoint.
///
/// An extension, and a route of its own: old clients know exactly six members of an endpoint.
#[utoipa::path(
    get,
    path = "/webhook-url/{uuid}/signing-secret",
    operation_id = "getWebhookSigningSecret",
    tag = "Webhooks",
    security(("bearer" = [])),
    params(("uuid" = uuid::Uuid, Path, description = "The endpoint.")),
    responses(
        (status = 200, description = "The secret.", body = SigningSecretBody),
        (status = 401, description = "No valid access token.", body = ErrorBody),
        (status = 404, description = "No such endpoint of this client.", body = ErrorBody),
    ),
)]
pub(crate) async fn signing_secret(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<SigningSecretBody>, Problem> {
    let id = endpoint_in_path(path)?;
    let endpoint = state.engine.endpoint(&caller, id).await?;
    let credentials = state.engine.credentials(&endpoint)?;
    Ok(Json(SigningSecretBody {
        uuid: id,
        signing_secret: credentials.signing_secret.current.expose(),
    }))
}
