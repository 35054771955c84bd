//! `PUT /webhook-url/{uuid}`

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::Deserialize;
use sfumato_engine::endpoints::EndpointWish;
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::Authenticated;
use crate::json::JsonBody;
use crate::problem::{ErrorBody, Problem};
use crate::v1::endpoint_body::{EndpointBody, endpoint_in_path, read_ack, read_description};

/// A change. What is absent or `null` stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"webhookUrl": "https://example.com/blurit/v2", "active": true}))]
pub(crate) struct EndpointChange {
    /// The new URL.
    webhook_url: Option<String>,
    /// `false` switches it off. `true` switches it on, also after it was held for failing; what waits for it is then sent.
    active: Option<bool>,
    /// An extension. What acknowledges an event from now on: `strict` (200 and a JSON object with its `taskId`) or
    /// `status` (any 2xx).
    ack: Option<String>,
    /// An extension. What you call it: one line of up to 200 characters; an empty text removes it.
    description: Option<String>,
    /// An extension. Whether the first 4 KiB of its answers are kept for 7 days, for you to look at.
    keep_responses: Option<bool>,
}

/// Change a webhook endpoint.
#[utoipa::path(
    put,
    path = "/webhook-url/{uuid}",
    operation_id = "updateWebhookEndpoint",
    tag = "Webhooks",
    security(("bearer" = [])),
    params(("uuid" = uuid::Uuid, Path, description = "The endpoint.")),
    request_body = EndpointChange,
    responses(
        (status = 200, description = "The endpoint as it is now.", body = EndpointBody),
        (status = 400, description = "The URL is not one that may be called, or a setting is none.", body = ErrorBody),
        (status = 401, description = "No valid access token.", body = ErrorBody),
        (status = 404, description = "No such endpoint of this client.", body = ErrorBody),
    ),
)]
pub(crate) async fn update(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    path: Result<Path<String>, PathRejection>,
    JsonBody(change): JsonBody<EndpointChange>,
) -> Result<Json<EndpointBody>, Problem> {
    let id = endpoint_in_path(path)?;
    let wish = EndpointWish {
        url: change.webhook_url.as_deref(),
        active: change.active,
        ack: read_ack(change.ack.as_deref())?,
        description: read_description(change.description.as_deref())?,
        keep_responses: change.keep_responses,
    };
    let endpoint = state.engine.update_endpoint(&caller, id, wish).await?;
    EndpointBody::of(&state.engine, &endpoint).map(Json)
}
