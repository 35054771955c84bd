//! The hardened HTTP client that webhooks leave by.

use std::sync::Arc;
use std::time::Duration;

use sfumato_core::{Clock, DeliveryId, Endpoint, EventStatus, Outcome, PublicJobId, Timestamp};

use crate::guard::AddressPolicy;

/// One webhook request, ready to be sent.
#[derive(Clone, Debug)]
pub struct WebhookMessage {
    /// Where to.
    pub url: String,
    /// Request headers, in order.
    pub headers: Vec<(&'static str, String)>,
    /// The JSON body.
    pub body: Vec<u8>,
    /// What the acknowledgement must name.
    pub task_id: String,
}

impl WebhookMessage {
    /// Writes body and headers, signed for this attempt.
    pub fn new(
        id: DeliveryId,
        job: PublicJobId,
        status: EventStatus,
        sequence: u32,
        attempt: u32,
        endpoint: &Endpoint,
        now: Timestamp,
    ) -> Self {
        let _ = (id, status, sequence, attempt, now);
        Self {
            url: endpoint.url.as_str().to_owned(),
            headers: vec![],
            body: vec![],
            task_id: job.to_string(),
        }
    }
}

/// What happened when a message was sent: the whole exchange.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// What it came to.
    pub outcome: Outcome,
    /// In words for the client: whether the contract was kept, and if not, what to mend. Names no address.
    pub explanation: String,
    /// In words for the operator, where there is more to say (the blocked address, the TLS error).
    pub internal: Option<String>,
    /// The peer's address, where there was a connection.
    pub address: Option<std::net::SocketAddr>,
    /// TLS version and cipher suite, where there was TLS.
    pub tls: Option<String>,
    /// The HTTP status, where one arrived.
    pub status: Option<u16>,
    /// The answer's headers, where they arrived.
    pub headers: Vec<(String, String)>,
    /// The first 4 KiB of the answer's body.
    pub body: Vec<u8>,
    /// `Retry-After` of a 429 or 503.
    pub retry_after: Option<Timestamp>,
    /// Milliseconds of each phase that was reached.
    pub phases: Phases,
    /// When it began.
    pub started_at: Timestamp,
}

/// Milliseconds of each phase of an exchange that was reached.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Phases {
    /// Name resolution.
    pub dns_ms: Option<f64>,
    /// TCP connection.
    pub connect_ms: Option<f64>,
    /// TLS handshake.
    pub tls_ms: Option<f64>,
    /// Until the answer's headers.
    pub headers_ms: Option<f64>,
    /// The answer's body.
    pub body_ms: Option<f64>,
    /// All of it.
    pub total_ms: f64,
}

/// The client.
pub struct Outbound {
    _policy: AddressPolicy,
    _deadline: Duration,
    _clock: Arc<dyn Clock>,
}

impl Outbound {
    /// A client that obeys the policy; no exchange takes longer than `deadline`.
    pub fn new(policy: AddressPolicy, deadline: Duration, clock: Arc<dyn Clock>) -> Self {
        Self {
            _policy: policy,
            _deadline: deadline,
            _clock: clock,
        }
    }

    /// Sends one message. Every failure is an [`Outcome`].
    pub async fn send(&self, message: &WebhookMessage) -> Exchange {
        let _ = message;
        todo!()
    }
}
