//! A delivery as the API shows it.

use serde::Serialize;
use sfumato_core::delivery::{Attempt, DeliveryState, Outcome};
use sfumato_core::store::DeliveryRecord;
use sfumato_core::{DeliveryId, PublicJobId, Timestamp};
use utoipa::ToSchema;

use super::webhook_test::PhasesBody;

/// One event on its way to one endpoint. What does not apply is absent.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "018fe2a4-7f60-7c11-b2d3-94a5b6c7d8e9",
    "taskId": "018fe2a4-6a2b-7c4d-8e5f-0a1b2c3d4e5f-SRV_ANONYMIZATION-02Vn7rO5cXwAn8YxZ1dQ4S",
    "status": "Succeeded",
    "sequence": 3,
    "eventAt": "2024-06-04T10:29:10.656Z",
    "state": "pending",
    "nextAttemptAt": "2024-06-04T10:29:46.012Z",
    "attempts": [{
        "number": 1,
        "at": "2024-06-04T10:29:10.660Z",
        "durationMs": 87,
        "phases": {"dnsMs": 1.2, "connectMs": 11.0, "tlsMs": 24.7, "headersMs": 49.8, "bodyMs": 0.1, "totalMs": 87.0},
        "outcome": "bad_ack",
        "status": 200,
        "response": "<p>OK</p>",
    }],
}))]
pub(crate) struct DeliveryBody {
    /// The `webhook-id` of every attempt.
    #[schema(value_type = uuid::Uuid)]
    id: DeliveryId,
    /// The job that the event speaks of.
    task_id: String,
    /// What it tells: `Sent`, `Started`, `Succeeded` or `Failed`.
    status: &'static str,
    /// The event's number within its job.
    sequence: u32,
    /// When the event happened.
    #[schema(value_type = String, format = DateTime)]
    event_at: Timestamp,
    /// `pending`, `sending`, `delivered`, `superseded` (the end of the job has overtaken it), `expired` (given up after 7
    /// days) or `dropped`.
    state: &'static str,
    /// While it is pending: not before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    next_attempt_at: Option<Timestamp>,
    /// When it was closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    closed_at: Option<Timestamp>,
    /// Every attempt, oldest first.
    attempts: Vec<AttemptBody>,
}

/// One POST.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AttemptBody {
    /// The `webhook-attempt`.
    number: u32,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// How long it took.
    duration_ms: u32,
    /// Where that time went; absent where nothing was reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    phases: Option<PhasesBody>,
    /// `ok`, `bad_ack`, `status`, `timeout_connect`, `timeout_total`, `dns`, `tls`, `connect`, `blocked_address`,
    /// `body_too_large` or `cancelled`.
    #[schema(value_type = String)]
    outcome: Outcome,
    /// It failed by a fault of the server's own network: it spends nothing, and its number is given again.
    ours: bool,
    /// Status code of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    status: Option<u16>,
    /// The first 4 KiB of the answer's body, for 7 days, unless they are not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    response: Option<String>,
    /// The endpoint asked to be left alone until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    retry_after: Option<Timestamp>,
}

impl From<&DeliveryRecord> for DeliveryBody {
    fn from(record: &DeliveryRecord) -> Self {
        let (delivery, event) = (&record.delivery, &record.event);
        let job = PublicJobId {
            client: delivery.client,
            job: delivery.job,
        };
        let (next_attempt_at, closed_at) = match delivery.state {
            DeliveryState::Pending { not_before } => (Some(not_before), None),
            DeliveryState::Sending { .. } => (None, None),
            DeliveryState::Delivered { at }
            | DeliveryState::Superseded { at }
            | DeliveryState::Expired { at }
            | DeliveryState::Dropped { at } => (None, Some(at)),
        };
        Self {
            id: delivery.id,
            task_id: job.to_string(),
            status: event.status.as_str(),
            sequence: event.sequence,
            event_at: event.at,
            state: delivery.state.name(),
            next_attempt_at,
            closed_at,
            attempts: record.attempts.iter().map(AttemptBody::from).collect(),
        }
    }
}

impl From<&Attempt> for AttemptBody {
    fn from(attempt: &Attempt) -> Self {
        let response = attempt.response.as_deref();
        Self {
            number: attempt.number,
            at: attempt.started_at,
            duration_ms: attempt.duration_ms,
            phases: PhasesBody::of(attempt),
            outcome: attempt.outcome,
            ours: attempt.ours,
            status: attempt.status,
            response: response.map(|bytes| String::from_utf8_lossy(bytes).into_owned()),
            retry_after: attempt.retry_after,
        }
    }
}
