//! `POST /webhook-url`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use sfumato_engine::endpoints;
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::Authenticated;
use crate::json::JsonBody;
use crate::problem::{ErrorBody, Problem};
use crate::v1::endpoint_body::{EndpointBody, read_ack, read_description};

/// A new endpoint.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"webhookUrl": "https://example.com/blurit"}))]
pub(crate) struct NewEndpoint {
    /// Where events are to be sent: `https` or `http`, an address on the public internet.
    webhook_url: String,
    /// An extension. What acknowledges an event: `strict` (200 and a JSON object with its `taskId`; the default) or `status`
    /// (any 2xx).
    ack: Option<String>,
    /// An extension. What you call it: one line of up to 200 characters.
    description: Option<String>,
    /// An extension. Whether the first 4 KiB of its answers are kept for 7 days, for you to look at (the default).
    keep_responses: Option<bool>,
}

/// Add a webhook endpoint.
///
/// From now on it gets a POST for each status change of the client's jobs, with the header `X-Auth-Token: <webhookToken>`
/// and the body `{"taskId": "<anonymization_job_id>", "status": "Sent" | "Started" | "Succeeded" | "Failed"}`. It must
/// answer 200 with `{"taskId": "<the same>"}`; anything else is tried again. A client has five endpoints at most. The
/// path with a slash at its end is the same.
#[utoipa::path(
    post,
    path = "/webhook-url",
    operation_id = "createWebhookEndpoint",
    tag = "Webhooks",
    security(("bearer" = [])),
    request_body = NewEndpoint,
    responses(
        (status = 201, description = "The endpoint is added.", body = EndpointBody),
        (status = 400, description = "The URL is not one that may be called, or a setting is none.", body = ErrorBody),
        (status = 401, description = "No valid access token.", body = ErrorBody),
        (status = 409, description = "The client has five endpoints already.", body = ErrorBody),
    ),
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    JsonBody(new): JsonBody<NewEndpoint>,
) -> Result<(StatusCode, Json<EndpointBody>), Problem> {
    let defaults = endpoints::NewEndpoint::default();
    let settings = endpoints::NewEndpoint {
        ack: read_ack(new.ack.as_deref())?.unwrap_or(defaults.ack),
        description: read_description(new.description.as_deref())?.flatten(),
        keep_responses: new.keep_responses.unwrap_or(defaults.keep_responses),
    };
    let endpoint = state
        .engine
        .create_endpoint_with(&caller, &new.webhook_url, settings)
        .await?;
    let body = EndpointBody::of(&state.engine, &endpoint)?;
    Ok((StatusCode::CREATED, Json(body)))
}
