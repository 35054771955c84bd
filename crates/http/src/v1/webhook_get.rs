//! `GET /webhook-url/{uuid}`

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::Serialize;
use sfumato_core::endpoint::{Description, EndpointState};
use sfumato_core::{Endpoint, Timestamp};
use sfumato_engine::Engine;
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::Authenticated;
use crate::problem::{ErrorBody, Problem};
use crate::v1::endpoint_body::{EndpointBody, endpoint_in_path};

/// A webhook endpoint with its settings and how it has been doing. What does not apply is absent.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "uuid": "018fe2a4-7f60-7c11-b2d3-94a5b6c7d8e9",
    "webhookUrl": "https://example.com/blurit",
    "webhookToken": "wis-wht_IYXYVOI2ZP2C3CXOCP0K4M7Q",
    "active": true,
    "createdAt": "2024-06-04T10:29:10.656Z",
    "updatedAt": "2024-06-04T10:29:10.656Z",
    "description": "Billing",
    "ack": "strict",
    "keepResponses": true,
    "state": "active",
    "consecutiveFailures": 0,
    "lastSuccessAt": "2024-06-05T08:00:00.000Z",
}))]
pub(crate) struct EndpointDetails {
    #[serde(flatten)]
    endpoint: EndpointBody,
    /// What you call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    description: Option<String>,
    /// What acknowledges an event: `strict` or `status`.
    ack: &'static str,
    /// Whether the first 4 KiB of its answers are kept.
    keep_responses: bool,
    /// `active`, `held` (it failed for too long; its events wait, and one probe an hour goes out) or `disabled`.
    state: &'static str,
    /// Since when it is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    held_since: Option<Timestamp>,
    /// Why it is held: `failing` or `gone` (it answered 410).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    held_reason: Option<&'static str>,
    /// When the next probe may go out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    next_probe_at: Option<Timestamp>,
    /// Failed attempts since the last success.
    consecutive_failures: u32,
    /// When the first of them ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    failing_since: Option<Timestamp>,
    /// When an attempt last succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    last_success_at: Option<Timestamp>,
    /// It asked for a pause until then (`Retry-After`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    paused_until: Option<Timestamp>,
    /// The token that is sent once the overlap of a rotation has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next_webhook_token: Option<String>,
    /// When `nextWebhookToken` takes the place of `webhookToken`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    token_overlap_until: Option<Timestamp>,
    /// Until when the signing secret before the last rotation signs too.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    signing_secret_overlap_until: Option<Timestamp>,
}

impl EndpointDetails {
    fn of(engine: &Engine, endpoint: &Endpoint) -> Result<Self, Problem> {
        let (now, credentials) = (engine.now(), engine.credentials(endpoint)?);
        let (held_since, held_reason, next_probe_at) = match endpoint.state {
            EndpointState::Held {
                since,
                reason,
                next_probe_at,
            } => (Some(since), Some(reason.as_str()), Some(next_probe_at)),
            EndpointState::Active | EndpointState::Disabled => (None, None, None),
        };
        let token_overlap_until = endpoint.token.overlap_until(now);
        let next_token = || credentials.token.current.expose().to_owned();
        Ok(Self {
            endpoint: EndpointBody::of(engine, endpoint)?,
            description: endpoint
                .description
                .as_ref()
                .map(Description::as_str)
                .map(str::to_owned),
            ack: endpoint.ack.as_str(),
            keep_responses: endpoint.keep_responses,
            state: endpoint.state.name(),
            held_since,
            held_reason,
            next_probe_at,
            consecutive_failures: endpoint.health.consecutive_failures,
            failing_since: endpoint.health.failing_since,
            last_success_at: endpoint.health.last_success_at,
            paused_until: endpoint.health.paused_until.filter(|until| now < *until),
            next_webhook_token: token_overlap_until.map(|_| next_token()),
            token_overlap_until,
            signing_secret_overlap_until: endpoint.signing_secret.overlap_until(now),
        })
    }
}

/// Read a webhook endpoint with its settings and its health.
///
/// An extension: old clients know exactly the six members that the other routes answer.
#[utoipa::path(
    get,
    path = "/webhook-url/{uuid}",
    operation_id = "getWebhookEndpoint",
    tag = "Webhooks",
    security(("bearer" = [])),
    params(("uuid" = uuid::Uuid, Path, description = "The endpoint.")),
    responses(
        (status = 200, description = "The endpoint.", body = EndpointDetails),
        (status = 401, description = "No valid access token.", body = ErrorBody),
        (status = 404, description = "No such endpoint of this client.", body = ErrorBody),
    ),
)]
pub(crate) async fn get(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<EndpointDetails>, Problem> {
    let id = endpoint_in_path(path)?;
    let endpoint = state.engine.endpoint(&caller, id).await?;
    EndpointDetails::of(&state.engine, &endpoint).map(Json)
}
