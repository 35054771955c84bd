//! How often requests may come, on whichever surface: from one address, before anything else is looked at, and of one client,
//! once it is known. Both surfaces count together: an address that asks both has no more than one that asks one of them.

use std::net::IpAddr;
use std::time::Duration;

use hyper::{HeaderMap, Method, Uri};
use sfumato_core::ClientId;
use thiserror::Error;

use crate::Engine;
use crate::failures::network;
use crate::rates::Rates;

/// Longest path and query of a request in bytes.
const TARGET_BYTES_MAX: usize = 8 * 1024;
/// Bytes that all header fields of a request may have together, with what stands between them.
const HEADERS_BYTES_MAX: usize = 64 * 1024;
/// Header fields that a request may have.
const HEADERS_MAX: usize = 100;
/// The colon, the space and the end of the line of a header field.
const BETWEEN_BYTES: usize = 4;

/// Requests a minute. All of a minute's may come at once; `None` is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateSettings {
    /// Of one client.
    pub per_client: Option<u32>,
    /// From one address, of which IPv6 counts the /64.
    pub per_address: Option<u32>,
    /// From one address, where they bring a secret or a password: to `/login`, `/token` and the sign-in page.
    pub tokens_per_address: Option<u32>,
}

impl Default for RateSettings {
    fn default() -> Self {
        Self {
            per_client: Some(60_000),
            per_address: Some(60_000),
            tokens_per_address: Some(60),
        }
    }
}

/// A request is refused before anybody asks who sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotAdmitted {
    /// Its path and query are too long.
    #[error("the address of the request is longer than {TARGET_BYTES_MAX} bytes, which is the most")]
    TargetTooLong,
    /// Its header fields are too many or too large.
    #[error(
        "the request has more than {HEADERS_MAX} header fields or {HEADERS_BYTES_MAX} bytes of them, which is the most"
    )]
    HeadersTooLarge,
    /// Too many have come from its address.
    #[error("too many requests")]
    TooMany {
        /// After which the next is taken.
        wait: Duration,
    },
}

/// The value of `Retry-After` (RFC 9110, 10.2.3) for a wait: whole seconds, one at least, after which it is over.
pub fn retry_after(wait: Duration) -> u64 {
    let whole = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    whole.max(1)
}

/// The counts.
#[derive(Debug)]
pub(crate) struct Admission {
    clients: Rates,
    addresses: Rates,
    tokens: Rates,
}

impl Admission {
    pub(crate) fn new(settings: RateSettings) -> Self {
        Self {
            clients: Rates::per_minute(settings.per_client),
            addresses: Rates::per_minute(settings.per_address),
            tokens: Rates::per_minute(settings.tokens_per_address),
        }
    }
}

impl Engine {
    /// Judges a request by its head and by where it comes from, and counts it. Whoever watches over the server is never
    /// made to wait; nor is whoever is on this machine, who needs no request to do harm: a proxy there that is not said to be
    /// one must not make all clients wait for each other.
    ///
    /// # Errors
    /// [`NotAdmitted`].
    pub fn admit_request(
        &self,
        method: &Method,
        target: &Uri,
        headers: &HeaderMap,
        sender: Option<IpAddr>,
    ) -> Result<(), NotAdmitted> {
        let length = target.path_and_query().map_or(0, |target| target.as_str().len());
        if length > TARGET_BYTES_MAX {
            return Err(NotAdmitted::TargetTooLong);
        }
        let fields = headers.iter();
        let bytes: usize = fields
            .map(|(name, value)| name.as_str().len() + value.len() + BETWEEN_BYTES)
            .sum();
        if headers.len() > HEADERS_MAX || bytes > HEADERS_BYTES_MAX {
            return Err(NotAdmitted::HeadersTooLarge);
        }
        let path = target.path();
        let sender = sender.filter(|sender| !sender.to_canonical().is_loopback());
        let Some(sender) = sender.filter(|_| !matches!(path, "/healthz" | "/readyz")) else {
            return Ok(());
        };
        let (admission, now) = (&self.inner().admission, self.now());
        let brings_a_secret =
            matches!(path, "/login" | "/token") || (path == "/manager/sign-in" && method == Method::POST);
        let too_many = |wait| NotAdmitted::TooMany { wait };
        if brings_a_secret {
            admission.tokens.take(network(sender), now).map_err(too_many)?;
        }
        admission.addresses.take(network(sender), now).map_err(too_many)
    }

    /// Counts a request of a client.
    ///
    /// # Errors
    /// The time after which the next is taken.
    pub fn admit_client(&self, client: ClientId) -> Result<(), Duration> {
        self.inner().admission.clients.take(client, self.now())
    }
}
