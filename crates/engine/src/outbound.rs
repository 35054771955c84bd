//! The hardened HTTP client that webhooks leave by.
//!
//! A message goes out on a connection that is opened for it or kept from the one before. Opening is: resolve once, judge
//! every address, connect to a judged one, check the peer, speak TLS where the URL says so. Then one HTTP/1.1 request,
//! and one bounded answer. One deadline covers all of it.
//!
//! A connection is kept for its origin alone, for seconds, and only after an answer whose end is beyond doubt ([`Keep`]).
//! A receiver may close a kept connection just when the next request is on its way. Where not one byte of an answer had
//! arrived, the request is sent once more, on a fresh connection and within the same attempt and deadline. That is safe
//! though the receiver may have read the first one: deliveries are at least once, and both bear the same `webhook-id`,
//! by which receivers tell a repetition.
//!
//! Deliberately absent: redirects, proxies from the environment, cookies and compressed answers. Each of them is a way
//! around the address guard or the limits.

mod answer;
mod connect;
mod conversation;
mod failure;
mod line;
mod message;
mod pool;
mod resolve;
mod wire;

pub use message::{Addressee, WebhookMessage};
pub use pool::Keep;
pub use resolve::{Resolve, SystemResolver};

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sfumato_core::endpoint::AckPolicy;
use sfumato_core::{Clock, Outcome, Timestamp};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use url::{Position, Url};

use crate::guard::{self, AddressPolicy};
use answer::Answer;
use connect::Link;
use conversation::{Broken, converse};
use failure::Failure;
use pool::Pool;

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
    /// Milliseconds of each phase that was reached. On a kept connection, name resolution, connection and TLS are not.
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

/// The certificate authorities that the operating system trusts, and no others, for a client without a guard.
pub(crate) fn tls_of_this_machine() -> ClientConfig {
    let mut config = Arc::unwrap_or_clone(connect::tls_config(connect::native_roots()));
    // Left to whoever builds the client.
    config.alpn_protocols.clear();
    config
}

/// How many certificate authorities the operating system trusts, and what went wrong in reading them: for whoever looks whether
/// https endpoints can be reached at all.
pub fn trusted_authorities() -> (usize, Vec<String>) {
    let found = rustls_native_certs::load_native_certs();
    let (added, _) = RootCertStore::empty().add_parsable_certificates(found.certs);
    (
        added,
        found
            .errors
            .iter()
            .map(|error| sfumato_core::chain(error))
            .collect(),
    )
}

/// The client.
pub struct Outbound {
    policy: AddressPolicy,
    deadline: Duration,
    clock: Arc<dyn Clock>,
    resolver: Arc<dyn Resolve>,
    tls: Arc<ClientConfig>,
    pool: Arc<Pool>,
}

impl Outbound {
    /// A client that obeys the policy; no exchange takes longer than `deadline`. It trusts the certificate authorities
    /// that the operating system trusts.
    pub fn new(policy: AddressPolicy, deadline: Duration, clock: Arc<dyn Clock>) -> Self {
        Self {
            policy,
            deadline,
            clock,
            resolver: Arc::new(SystemResolver::default()),
            tls: connect::tls_config(connect::native_roots()),
            pool: Pool::new(Keep::default()),
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

    /// The same, keeping connections differently.
    #[must_use]
    pub fn keeping(self, keep: Keep) -> Self {
        Self {
            pool: Pool::new(keep),
            ..self
        }
    }

    /// Sends one message. Every failure is an [`Outcome`].
    pub async fn send(&self, message: &WebhookMessage) -> Exchange {
        self.send_until(message, std::future::pending()).await
    }

    /// Sends one message, and gives up with [`Outcome::Cancelled`] when `stop` is ready before the answer is complete.
    pub async fn send_until(&self, message: &WebhookMessage, stop: impl Future<Output = ()>) -> Exchange {
        self.carry_out(message, Way::KeptOrFresh, stop).await
    }

    /// Sends one message on a connection of its own, so that every phase can be told: for trying an endpoint.
    pub async fn send_afresh(&self, message: &WebhookMessage) -> Exchange {
        self.carry_out(message, Way::Fresh, std::future::pending()).await
    }

    async fn carry_out(
        &self,
        message: &WebhookMessage,
        way: Way,
        stop: impl Future<Output = ()>,
    ) -> Exchange {
        let started_at = self.clock.now();
        let mut progress = Progress::new();
        let ended = tokio::select! {
            biased;
            ended = tokio::time::timeout(self.deadline, self.exchange(message, way, &mut progress)) => Some(ended),
            () = stop => None,
        };
        let result = match ended {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(Failure::Deadline {
                phase: progress.phase.unwrap_or(Phase::Dns),
                deadline: self.deadline,
            }),
            None => Err(Failure::Cancelled),
        };
        progress.finish();
        let local = result.as_ref().is_err_and(Failure::is_local);
        if let (Err(failure), Some(origin)) = (&result, &progress.kept_for)
            && failure.is_of_the_connection()
        {
            self.pool.forget(origin);
        }
        let answer = progress.answer.unwrap_or_default();
        // The status has said it; what becomes of the body changes nothing.
        let result = match message.ack {
            AckPolicy::Status if answer.is_success() => Ok(()),
            _ => result,
        };
        let (outcome, explanation, internal) = match result {
            Ok(()) => (Outcome::Ok, failure::kept(message.ack), None),
            Err(failure) => (failure.outcome(), failure.explanation(), failure.internal()),
        };
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

    async fn exchange(
        &self,
        message: &WebhookMessage,
        way: Way,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let url = guard::judge_url(&message.url, &self.policy).map_err(Failure::Refused)?;
        let kept = match way {
            Way::KeptOrFresh => self.kept(&url),
            Way::Fresh => None,
        };
        if let Some(link) = kept {
            progress.go_on_with(&link);
            match self.converse(link, &url, message, way, progress).await {
                Err(Broken { unanswered: true, .. }) => {
                    self.pool.forget(&url[..Position::BeforePath]);
                    progress.begin_again();
                }
                told => return told.map_err(|broken| broken.failure),
            }
        }
        let link = self.open(&url, progress).await?;
        let told = self.converse(link, &url, message, way, progress).await;
        told.map_err(|broken| broken.failure)
    }

    /// A kept connection to the origin of a URL. Its address is judged once more, as everything that is about to be called.
    fn kept(&self, url: &Url) -> Option<Link> {
        self.pool
            .take(&url[..Position::BeforePath], Instant::now())
            .filter(|link| guard::judge_address(link.peer.ip(), &self.policy).is_ok())
    }

    async fn converse(
        &self,
        link: Link,
        url: &Url,
        message: &WebhookMessage,
        way: Way,
        progress: &mut Progress,
    ) -> Result<(), Broken> {
        let last = way == Way::Fresh;
        let (body, reusable) = converse(link, url, message, last, progress).await?;
        if let Some((link, wish)) = reusable {
            self.pool.put(link, wish, Instant::now());
        }
        let answer = progress.answer.get_or_insert_default();
        answer::judge(answer, &body, &message.task_id).map_err(|failure| Broken {
            failure,
            unanswered: false,
        })
    }
}

/// Which connection a message goes out on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// A kept one, or else a fresh one that may be kept.
    KeptOrFresh,
    /// One of its own.
    Fresh,
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
    phase: Option<Phase>,
    phase_began: Instant,
    began: Instant,
    phases: Phases,
    address: Option<SocketAddr>,
    tls: Option<String>,
    /// The origin of the kept connection that it goes over.
    kept_for: Option<Arc<str>>,
    answer: Option<Answer>,
}

impl Progress {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            phase: None,
            phase_began: now,
            began: now,
            phases: Phases::default(),
            address: None,
            tls: None,
            kept_for: None,
            answer: None,
        }
    }

    fn go_on_with(&mut self, link: &Link) {
        self.address = Some(link.peer);
        self.tls = link.tls.as_deref().map(str::to_owned);
        self.kept_for = Some(link.origin.clone());
    }

    /// Nothing but the time that it took is left of what has happened.
    fn begin_again(&mut self) {
        let began = self.began;
        *self = Self { began, ..Self::new() };
    }

    fn enter(&mut self, phase: Phase) {
        self.close_phase();
        self.phase = Some(phase);
        self.phase_began = Instant::now();
    }

    fn close_phase(&mut self) {
        let took = Some(self.phase_began.elapsed().as_secs_f64() * 1e3);
        match self.phase {
            None => {}
            Some(Phase::Dns) => self.phases.dns_ms = took,
            Some(Phase::Connect) => self.phases.connect_ms = took,
            Some(Phase::Tls) => self.phases.tls_ms = took,
            Some(Phase::Headers) => self.phases.headers_ms = took,
            Some(Phase::Body) => self.phases.body_ms = took,
        }
    }

    fn finish(&mut self) {
        self.close_phase();
        self.phases.total_ms = self.began.elapsed().as_secs_f64() * 1e3;
    }
}
