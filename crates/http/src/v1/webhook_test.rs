//! `POST /webhook-url/test/{uuid}`

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::Serialize;
use sfumato_core::{Attempt, Outcome, Timestamp};
use sfumato_engine::endpoints;
use sfumato_engine::outbound::Phases;
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::Authenticated;
use crate::problem::{ErrorBody, Problem};
use crate::v1::endpoint_body::endpoint_in_path;

/// What happened when an endpoint was tried. Members of phases that were not reached are absent.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "kept": false,
    "outcome": "bad_ack",
    "explanation": "the endpoint answered 200, but its body is not a JSON object with our taskId",
    "taskId": "018fe2a4-6a2b-7c4d-8e5f-0a1b2c3d4e5f-SRV_ANONYMIZATION-02Vn7rO5cXwAn8YxZ1dQ4S",
    "webhookId": "018fe2a4-7f60-7c11-b2d3-94a5b6c7d8e9",
    "startedAt": "2024-06-04T10:29:10.656Z",
    "address": "93.184.215.14:443",
    "tls": "TLSv1.3 TLS13_AES_128_GCM_SHA256",
    "phases": {"dnsMs": 1.2, "connectMs": 11.0, "tlsMs": 24.7, "headersMs": 30.1, "bodyMs": 0.1, "totalMs": 67.1},
    "status": 200,
    "headers": [{"name": "content-type", "value": "text/html"}],
    "body": "<p>OK</p>",
}))]
pub(crate) struct EndpointTest {
    /// Whether the endpoint kept the contract.
    kept: bool,
    /// `ok`, `bad_ack`, `status`, `timeout_connect`, `timeout_total`, `dns`, `tls`, `connect`, `blocked_address`,
    /// `body_too_large` or `cancelled`.
    #[schema(value_type = String)]
    outcome: Outcome,
    /// The same in words, and what to mend.
    explanation: String,
    /// The made-up job that was told of.
    task_id: String,
    /// The `webhook-id` of the request.
    webhook_id: String,
    /// When the test began.
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    /// Address and port that answered the connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    address: Option<String>,
    /// TLS version and cipher suite.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    tls: Option<String>,
    /// Milliseconds of each phase.
    phases: PhasesBody,
    /// Status code of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    status: Option<u16>,
    /// Headers of the answer, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    headers: Vec<HeaderBody>,
    /// The first 4 KiB of the answer's body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    body: Option<String>,
}

/// Milliseconds of each phase that was reached.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PhasesBody {
    /// Name resolution.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    dns_ms: Option<f64>,
    /// TCP connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    connect_ms: Option<f64>,
    /// TLS handshake.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    tls_ms: Option<f64>,
    /// Until the answer's headers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    headers_ms: Option<f64>,
    /// The answer's body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    body_ms: Option<f64>,
    /// All of it.
    total_ms: f64,
}

impl PhasesBody {
    /// Those of an attempt of which some are known.
    pub(super) fn of(attempt: &Attempt) -> Option<Self> {
        let ms = |us: u32| f64::from(us) / 1e3;
        let phases = attempt.phases;
        (!phases.is_empty()).then(|| Self {
            dns_ms: phases.dns_us.map(ms),
            connect_ms: phases.connect_us.map(ms),
            tls_ms: phases.tls_us.map(ms),
            headers_ms: phases.headers_us.map(ms),
            body_ms: phases.body_us.map(ms),
            total_ms: f64::from(attempt.duration_ms),
        })
    }
}

/// One header.
#[derive(Serialize, ToSchema)]
pub(crate) struct HeaderBody {
    /// Name.
    name: String,
    /// Value.
    value: String,
}

impl From<endpoints::EndpointTest> for EndpointTest {
    fn from(test: endpoints::EndpointTest) -> Self {
        let exchange = test.exchange;
        let Phases {
            dns_ms,
            connect_ms,
            tls_ms,
            headers_ms,
            body_ms,
            total_ms,
        } = exchange.phases;
        let headers = exchange.headers.into_iter();
        Self {
            kept: exchange.outcome == Outcome::Ok,
            outcome: exchange.outcome,
            explanation: exchange.explanation,
            task_id: test.job.to_string(),
            webhook_id: test.delivery.to_string(),
            started_at: exchange.started_at,
            address: exchange.address.map(|address| address.to_string()),
            tls: exchange.tls,
            phases: PhasesBody {
                dns_ms,
                connect_ms,
                tls_ms,
                headers_ms,
                body_ms,
                total_ms,
            },
            status: exchange.status,
            headers: headers.map(|(name, value)| HeaderBody { name, value }).collect(),
            body: exchange
                .status
                .map(|_| String::from_utf8_lossy(&exchange.body).into_owned()),
        }
    }
}

/// Try a webhook endpoint.
///
/// Sends one real event with a made-up `taskId` now and answers with the whole exchange, whatever came of it.
#[utoipa::path(
    post,
    path = "/webhook-url/test/{uuid}",
    operation_id = "testWebhookEndpoint",
    tag = "Webhooks",
    security(("bearer" = [])),
    params(("uuid" = uuid::Uuid, Path, description = "The endpoint.")),
    responses(
        (status = 200, description = "What happened.", body = EndpointTest),
        (status = 401, description = "No valid access token.", body = ErrorBody),
        (status = 404, description = "No such endpoint of this client.", body = ErrorBody),
    ),
)]
pub(crate) async fn test(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<EndpointTest>, Problem> {
    let id = endpoint_in_path(path)?;
    let test = state.engine.test_endpoint(&caller, id).await?;
    Ok(Json(test.into()))
}
