//! `POST /webhook-url`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::Authenticated;
use crate::json::JsonBody;
use crate::problem::{ErrorBody, Problem};
use crate::v1::endpoint_body::EndpointBody;

/// A new endpoint.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"webhookUrl": "https://example.com/blurit"}))]
pub(crate) struct NewEndpoint {
    /// Where events are to be sent: `https` or `http`, an address on the public internet.
    webhook_url: String,
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
        (status = 400, description = "The URL is not one that may be called.", body = ErrorBody),
        (status = 401, description = "No valid access token.", body = ErrorBody),
        (status = 409, description = "The client has five endpoints already.", body = ErrorBody),
    ),
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    JsonBody(new): JsonBody<NewEndpoint>,
) -> Result<(StatusCode, Json<EndpointBody>), Problem> {
    let endpoint = state.engine.create_endpoint(&caller, &new.webhook_url).await?;
    Ok((StatusCode::CREATED, Json(EndpointBody::from(&endpoint))))
}
