//! The request: headers and body of one attempt.

use std::fmt;

use serde::Serialize;
use sfumato_core::endpoint::{AckPolicy, Credentials, WebhookUrl};
use sfumato_core::{DeliveryId, EventStatus, PublicJobId, Timestamp};

const USER_AGENT: &str = concat!("Sfumato/", env!("CARGO_PKG_VERSION"));

/// One webhook request, ready to be sent.
#[derive(Clone)]
pub struct WebhookMessage {
    /// Where to.
    pub url: String,
    /// Request headers, in order. Two of them are secrets.
    pub headers: Vec<(&'static str, String)>,
    /// The JSON body.
    pub body: Vec<u8>,
    /// What the acknowledgement must name.
    pub task_id: String,
    /// What counts as an acknowledgement.
    pub ack: AckPolicy,
}

/// Whom a message is for: what must be known of an endpoint to write to it.
#[derive(Clone, Copy, Debug)]
pub struct Addressee<'a> {
    /// Where to.
    pub url: &'a WebhookUrl,
    /// What counts as an acknowledgement.
    pub ack: AckPolicy,
    /// What proves that the message is ours.
    pub credentials: &'a Credentials,
}

/// The members and their order are the contract.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "taskId")]
    task_id: &'a str,
    status: &'static str,
}

impl WebhookMessage {
    /// Writes body and headers (BlurIt's token and Standard Webhooks 1.0), signed for this attempt.
    pub fn new(
        id: DeliveryId,
        job: PublicJobId,
        status: EventStatus,
        sequence: u32,
        attempt: u32,
        to: &Addressee<'_>,
        now: Timestamp,
    ) -> Self {
        let task_id = job.to_string();
        let body = serde_json::to_vec(&Body {
            task_id: &task_id,
            status: status.as_str(),
        })
        .expect("two texts under constant names are always JSON");
        let headers = vec![
            ("content-type", "application/json".to_owned()),
            ("user-agent", USER_AGENT.to_owned()),
            ("x-auth-token", to.credentials.token_at(now).expose().to_owned()),
            ("webhook-id", id.to_string()),
            ("webhook-timestamp", now.as_seconds().to_string()),
            ("webhook-signature", to.credentials.signatures(id, now, &body)),
            ("webhook-attempt", attempt.to_string()),
            ("webhook-sequence", sequence.to_string()),
        ];
        Self {
            url: to.url.as_str().to_owned(),
            headers,
            body,
            task_id,
            ack: to.ack,
        }
    }
}

impl fmt::Debug for WebhookMessage {
    /// Without the headers, which hold the token, and the URL, whose query may hold another.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookMessage")
            .field("task_id", &self.task_id)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}
