//! The hardened HTTP client that webhooks leave by.
//!
//! One message is one connection: resolve once, judge every address, connect to a judged one, check the peer, speak TLS
//! where the URL says so, send one HTTP/1.1 request, read one bounded answer. One deadline covers all of it.
//!
//! Deliberately absent: redirects, proxies from the environment, cookies, compressed answers, and connections that are
//! kept. Each of them is a way around the address guard or the limits.

mod answer;
mod connect;
mod failure;
mod message;

pub use connect::{Resolve, SystemResolver};
pub use message::WebhookMessage;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sfumato_core::{Clock, Outcome, Timestamp};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::guard::{self, AddressPolicy};
use answer::Answer;
use failure::Failure;

/// Bytes of an answer's body that are kept.
pub const RESPONSE_BYTES_KEPT: usize = 4 * 1024;

/// Largest body of an answer; beyond it the connection is dropped.
pub const RESPONSE_BYTES_MAX: usize = 64 * 1024;

/// Looking up the name and connecting may use this share of the deadline, so that whoever answers slowly can be told
/// from whoever does not answer.
const CONNECT_SHARE: f64 = 2.0 / 3.0;

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
    pub address: Option<SocketAddr>,
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
    /// It failed because this machine could not even try: no route, no descriptors, no ports.
    pub local: bool,
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
    policy: AddressPolicy,
    deadline: Duration,
    clock: Arc<dyn Clock>,
    resolver: Arc<dyn Resolve>,
    tls: Arc<ClientConfig>,
}

impl Outbound {
    /// A client that obeys the policy; no exchange takes longer than `deadline`. It trusts the certificate authorities
    /// that the operating system trusts.
    pub fn new(policy: AddressPolicy, deadline: Duration, clock: Arc<dyn Clock>) -> Self {
        Self {
            policy,
            deadline,
            clock,
            resolver: Arc::new(SystemResolver),
            tls: connect::tls_config(connect::native_roots()),
        }
    }

    /// The same, trusting these certificate authorities alone.
    #[must_use]
    pub fn with_roots(self, roots: RootCertStore) -> Self {
        Self {
            tls: connect::tls_config(roots),
            ..self
        }
    }

    /// The same, with another way to look names up. Its answers are judged like the system's.
    #[must_use]
    pub fn with_resolver(self, resolver: Arc<dyn Resolve>) -> Self {
        Self { resolver, ..self }
    }

    /// Sends one message. Every failure is an [`Outcome`].
    pub async fn send(&self, message: &WebhookMessage) -> Exchange {
        let started_at = self.clock.now();
        let mut progress = Progress::new();
        let result = match tokio::time::timeout(self.deadline, self.exchange(message, &mut progress)).await {
            Ok(result) => result,
            Err(_) => Err(Failure::Deadline {
                phase: progress.phase,
                deadline: self.deadline,
            }),
        };
        progress.finish();
        let local = result.as_ref().is_err_and(Failure::is_local);
        let (outcome, explanation, internal) = match result {
            Ok(()) => (Outcome::Ok, failure::KEPT.to_owned(), None),
            Err(failure) => (failure.outcome(), failure.explanation(), failure.internal()),
        };
        let answer = progress.answer.unwrap_or_default();
        Exchange {
            outcome,
            explanation,
            internal,
            address: progress.address,
            tls: progress.tls,
            retry_after: answer.retry_after(self.clock.now()),
            status: answer.status,
            headers: answer.headers,
            body: answer.kept,
            phases: progress.phases,
            started_at,
            local,
        }
    }

    async fn exchange(&self, message: &WebhookMessage, progress: &mut Progress) -> Result<(), Failure> {
        let url = guard::judge_url(&message.url, &self.policy).map_err(Failure::Refused)?;
        let stream = self.connect(&url, progress).await?;
        progress.enter(Phase::Headers);
        let (response, _connection) = answer::request(stream, &url, message).await?;
        progress.enter(Phase::Body);
        let answer = progress.answer.insert(Answer::of(&response));
        let body = answer.read(response.into_body()).await?;
        answer::judge(answer.status, &body, &message.task_id)
    }
}

/// A phase of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Dns,
    Connect,
    Tls,
    Headers,
    Body,
}

/// What is known of an exchange so far: it outlives the future that the deadline cuts off.
struct Progress {
    phase: Phase,
    phase_began: Instant,
    began: Instant,
    phases: Phases,
    address: Option<SocketAddr>,
    tls: Option<String>,
    answer: Option<Answer>,
}

impl Progress {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            phase: Phase::Dns,
            phase_began: now,
            began: now,
            phases: Phases::default(),
            address: None,
            tls: None,
            answer: None,
        }
    }

    fn enter(&mut self, phase: Phase) {
        self.close_phase();
        self.phase = phase;
        self.phase_began = Instant::now();
    }

    fn close_phase(&mut self) {
        let took = Some(self.phase_began.elapsed().as_secs_f64() * 1e3);
        match self.phase {
            Phase::Dns => self.phases.dns_ms = took,
            Phase::Connect => self.phases.connect_ms = took,
            Phase::Tls => self.phases.tls_ms = took,
            Phase::Headers => self.phases.headers_ms = took,
            Phase::Body => self.phases.body_ms = took,
        }
    }

    fn finish(&mut self) {
        self.close_phase();
        self.phases.total_ms = self.began.elapsed().as_secs_f64() * 1e3;
    }
}
