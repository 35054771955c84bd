//! Webhook endpoints: where a client wants its events, and with which proofs.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::id::{ClientId, DeliveryId, EndpointId};
use crate::time::{Entropy, Timestamp, random, random_alphanumeric};

/// Endpoints that a client may have at most.
pub const ENDPOINTS_PER_CLIENT_MAX: usize = 5;

/// A place that is told of every event of its client.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// Identifier.
    pub id: EndpointId,
    /// Owner.
    pub client: ClientId,
    /// Where to POST.
    pub url: WebhookUrl,
    /// Sent as `X-Auth-Token`.
    pub token: WebhookToken,
    /// Signs the deliveries (Standard Webhooks).
    pub signing_secret: SigningSecret,
    /// Whether it is called.
    pub state: EndpointState,
    /// How it has been doing.
    pub health: EndpointHealth,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed by the client or held by us.
    pub updated_at: Timestamp,
}

/// Whether an endpoint is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointState {
    /// It is. The only state that new events make deliveries for beside `Held`.
    Active,
    /// It has failed for too long. Its deliveries wait; one probe an hour goes out, and its success makes it active.
    Held {
        /// Since when.
        since: Timestamp,
        /// Why.
        reason: HoldReason,
        /// When the next probe may go out.
        next_probe_at: Timestamp,
    },
    /// The client switched it off. New events make no deliveries for it.
    Disabled,
}

impl EndpointState {
    /// What the API shows as `active`.
    pub const fn is_active(&self) -> bool {
        matches!(self, Self::Active)
    }
}

/// Why an endpoint is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldReason {
    /// It kept failing: see [`crate::schedule::must_hold`].
    Failing,
    /// It answered 410 Gone.
    Gone,
}

impl HoldReason {
    /// The word in the database and in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Gone => "gone",
        }
    }
}

/// What is remembered of an endpoint's attempts, for the hold rule and for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndpointHealth {
    /// Failed attempts since the last success.
    pub consecutive_failures: u32,
    /// When the first of them ended.
    pub failing_since: Option<Timestamp>,
    /// When an attempt last succeeded.
    pub last_success_at: Option<Timestamp>,
    /// No delivery before this time: the endpoint asked for a pause (`Retry-After`).
    pub paused_until: Option<Timestamp>,
    /// The last thing that its client was told of the present run of failures.
    pub warned: Option<Warning>,
    /// When an outage ended whose waiting deliveries are still being pulled forward.
    pub recovering_since: Option<Timestamp>,
    /// Deliveries that were given up because more waited than may wait while the endpoint was held.
    pub overflowed: u64,
}

/// What a client is told of an endpoint that keeps failing, before it is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Warning {
    /// It has been failing for an hour.
    Hour,
    /// For a day.
    Day,
    /// For two and a half days: half a day until the hold.
    LastHalfDay,
}

impl Warning {
    /// Every warning, first to last.
    pub const ALL: [Warning; 3] = [Warning::Hour, Warning::Day, Warning::LastHalfDay];

    /// The word in the database and in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::LastHalfDay => "last_half_day",
        }
    }
}

/// The URL of an endpoint exactly as the client wrote it. Whether it may be called is judged when it is registered
/// (syntax and literal addresses) and again at each connection (every resolved address).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WebhookUrl(String);

impl WebhookUrl {
    /// Takes a text that has been judged, or that comes from the database.
    pub fn from_judged(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The token that an endpoint finds in `X-Auth-Token`: `wis-wht_` and 18 capitals and digits. Readable by its client.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookToken(String);

impl WebhookToken {
    /// A new random token.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(format!(
            "wis-wht_{}",
            random_alphanumeric(entropy, 24).to_uppercase()
        ))
    }

    /// Takes a text from the database.
    pub fn from_stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The clear text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for WebhookToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookToken(…)")
    }
}

/// The key of an endpoint's signatures (Standard Webhooks 1.0): 32 random bytes, shown as `whsec_` and base64.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret([u8; 32]);

impl SigningSecret {
    /// A new random key.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(random(entropy))
    }

    /// Takes 32 bytes from the database.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The form that verification libraries take: `whsec_` and base64.
    pub fn expose(&self) -> String {
        format!("whsec_{}", STANDARD.encode(self.0))
    }

    /// The value of `webhook-signature` for one attempt: `v1,` and the base64 of the HMAC-SHA256 of
    /// `id.timestamp.body`, the timestamp in seconds.
    pub fn sign(&self, id: DeliveryId, at: Timestamp, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(format!("{id}.{}.", at.as_seconds()).as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_the_hmac_of_id_timestamp_and_body() {
        // The expected value was computed with Python's hmac module.
        let secret = SigningSecret::from_bytes([7; 32]);
        let id = DeliveryId::from_uuid(uuid::Uuid::nil());
        let signature = secret.sign(id, Timestamp::from_seconds(1_700_000_000), br#"{"taskId":"a"}"#);
        assert_eq!(signature, "v1,wRYn8F22ld4gbhtx0uKErWq1wnnh5ksXQTvPZFUyis4=");
    }
}
