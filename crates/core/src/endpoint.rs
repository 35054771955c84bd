//! Webhook endpoints: where a client wants its events, with which proofs, and what counts as an acknowledgement.

mod health;
mod verdict;

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::id::{ClientId, DeliveryId, EndpointId};
use crate::rotation::Rotating;
use crate::sealed::Sealed;
use crate::time::{Entropy, Timestamp, random, random_alphanumeric};

pub use health::{
    EndpointHealth, HOLD_AFTER, HOLD_FAILURES_MIN, HoldReason, PROBE_INTERVAL, PULLED_PER_SUCCESS,
    WAITING_MAX, Warning,
};
pub use verdict::Verdict;

/// Endpoints that a client may have at most.
pub const ENDPOINTS_PER_CLIENT_MAX: usize = 5;

/// Characters of an endpoint's description at most.
pub const DESCRIPTION_CHARS_MAX: usize = 200;

/// A place that is told of every event of its client.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// Identifier.
    pub id: EndpointId,
    /// Owner.
    pub client: ClientId,
    /// Where to POST.
    pub url: WebhookUrl,
    /// What its client calls it.
    pub description: Option<Description>,
    /// What acknowledges a delivery.
    pub ack: AckPolicy,
    /// Whether the first bytes of its answers are kept with the attempts.
    pub keep_responses: bool,
    /// What proves to it that an event is ours, sealed: the database never holds it in clear.
    pub token: Rotating<Sealed<WebhookToken>>,
    /// The same for the signing secret.
    pub signing_secret: Rotating<Sealed<SigningSecret>>,
    /// Whether it is called.
    pub state: EndpointState,
    /// How it has been doing.
    pub health: EndpointHealth,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed by the client or held by us.
    pub updated_at: Timestamp,
}

/// What proves to an endpoint that an event is ours, in clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Sent as `X-Auth-Token`: see [`Credentials::token_at`].
    pub token: Rotating<WebhookToken>,
    /// Signs the deliveries (Standard Webhooks): see [`Credentials::signatures`].
    pub signing_secret: Rotating<SigningSecret>,
}

impl Credentials {
    /// The token that a request at `now` carries. A header has one value and a receiver compares it with what it knows, so
    /// that the old token is sent until the overlap of a rotation ends: the time in which the receiver learns the new one.
    pub fn token_at(&self, now: Timestamp) -> &WebhookToken {
        self.token.previous_at(now).unwrap_or(&self.token.current)
    }

    /// The value of `webhook-signature` for one attempt: the signature of the present secret and, in the overlap of a
    /// rotation, that of the one before, parted by a space (Standard Webhooks 1.0). Whichever the receiver knows verifies.
    pub fn signatures(&self, id: DeliveryId, at: Timestamp, body: &[u8]) -> String {
        let signature = self.signing_secret.current.sign(id, at, body);
        match self.signing_secret.previous_at(at) {
            Some(previous) => format!("{signature} {}", previous.sign(id, at, body)),
            None => signature,
        }
    }
}

/// What a client calls an endpoint: 1 to [`DESCRIPTION_CHARS_MAX`] characters in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description(String);

/// A text is not a description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one line of 1 to {DESCRIPTION_CHARS_MAX} characters")]
pub struct InvalidDescription;

impl FromStr for Description {
    type Err = InvalidDescription;

    fn from_str(text: &str) -> Result<Self, InvalidDescription> {
        let characters = text.chars().count();
        let plain = !text.chars().any(char::is_control) && text.trim() == text;
        if plain && (1..=DESCRIPTION_CHARS_MAX).contains(&characters) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidDescription)
        }
    }
}

impl Description {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
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
    /// The name in the database, in the API and in logs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Held { .. } => "held",
            Self::Disabled => "disabled",
        }
    }

    /// What the API shows as `active`.
    pub const fn is_active(&self) -> bool {
        matches!(self, Self::Active)
    }
}

/// What counts as an acknowledgement of an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AckPolicy {
    /// 200 and a JSON object whose `taskId` is ours.
    #[default]
    Strict,
    /// Any 2xx.
    Status,
}

impl AckPolicy {
    /// The word in the API and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Status => "status",
        }
    }
}

/// A text is not the name of an acknowledgement policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be `strict` or `status`")]
pub struct InvalidAckPolicy;

impl FromStr for AckPolicy {
    type Err = InvalidAckPolicy;

    fn from_str(text: &str) -> Result<Self, InvalidAckPolicy> {
        [Self::Strict, Self::Status]
            .into_iter()
            .find(|policy| policy.as_str() == text)
            .ok_or(InvalidAckPolicy)
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

/// The token that an endpoint finds in `X-Auth-Token`: `wis-wht_` and 24 capitals and digits. Readable by its client.
#[derive(Clone, Eq)]
pub struct WebhookToken(String);

/// In constant time, so that no comparison tells where it ended.
impl PartialEq for WebhookToken {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl WebhookToken {
    /// A new random token.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(format!(
            "wis-wht_{}",
            random_alphanumeric(entropy, 24).to_uppercase()
        ))
    }

    /// Takes a clear text, as it was unsealed.
    pub fn from_clear(text: impl Into<String>) -> Self {
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
#[derive(Clone, Eq)]
pub struct SigningSecret([u8; 32]);

/// In constant time, so that no comparison tells where it ended.
impl PartialEq for SigningSecret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl SigningSecret {
    /// A new random key.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(random(entropy))
    }

    /// Takes 32 bytes, as they were unsealed.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes to seal.
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
    fn credentials_are_equal_when_every_byte_is() {
        let secret = SigningSecret::from_bytes;
        assert_eq!(secret([7; 32]), secret([7; 32]));
        let token = WebhookToken::from_clear;
        assert_eq!(token("wis-wht_A"), token("wis-wht_A"));
        for at in [0, 31] {
            let mut other = [7; 32];
            other[at] = 8;
            assert_ne!(secret([7; 32]), secret(other));
        }
        for other in ["wis-wht_B", "wis-wht_AA", "wis-wht_", ""] {
            assert_ne!(token("wis-wht_A"), token(other));
        }
    }

    #[test]
    fn a_signature_is_the_hmac_of_id_timestamp_and_body() {
        // The expected value was computed with Python's hmac module.
        let secret = SigningSecret::from_bytes([7; 32]);
        let id = DeliveryId::from_uuid(uuid::Uuid::nil());
        let signature = secret.sign(id, Timestamp::from_seconds(1_700_000_000), br#"{"taskId":"a"}"#);
        assert_eq!(signature, "v1,wRYn8F22ld4gbhtx0uKErWq1wnnh5ksXQTvPZFUyis4=");
    }
    #[test]
    fn promise_6_both_secrets_sign_and_the_old_token_is_sent_until_the_overlap_ends() {
        let (new, old) = (
            SigningSecret::from_bytes([2; 32]),
            SigningSecret::from_bytes([1; 32]),
        );
        let until = Timestamp::from_seconds(100);
        let credentials = Credentials {
            token: Rotating {
                current: WebhookToken::from_clear("new"),
                previous: Some((WebhookToken::from_clear("old"), until)),
            },
            signing_secret: Rotating {
                current: new.clone(),
                previous: Some((old.clone(), until)),
            },
        };
        let id = DeliveryId::from_uuid(uuid::Uuid::nil());
        let within = Timestamp::from_seconds(99);
        let both = format!("{} {}", new.sign(id, within, b"{}"), old.sign(id, within, b"{}"));
        assert_eq!(credentials.signatures(id, within, b"{}"), both);
        assert_eq!(credentials.token_at(within).expose(), "old");
        assert_eq!(
            credentials.signatures(id, until, b"{}"),
            new.sign(id, until, b"{}")
        );
        assert_eq!(credentials.token_at(until).expose(), "new");
    }

    #[test]
    fn a_description_is_one_line_of_some_length() {
        let longest = "é".repeat(DESCRIPTION_CHARS_MAX);
        for good in ["a", "Billing, Zürich (primary)", &longest] {
            assert_eq!(
                good.parse::<Description>().as_ref().map(Description::as_str),
                Ok(good)
            );
        }
        let too_long = "a".repeat(DESCRIPTION_CHARS_MAX + 1);
        for bad in ["", " ", " a", "a\n", "a\u{1b}[31m", &too_long] {
            assert_eq!(bad.parse::<Description>(), Err(InvalidDescription), "{bad:?}");
        }
    }

    #[test]
    fn an_acknowledgement_policy_has_one_word() {
        for policy in [AckPolicy::Strict, AckPolicy::Status] {
            assert_eq!(policy.as_str().parse(), Ok(policy));
        }
        assert_eq!("Strict".parse::<AckPolicy>(), Err(InvalidAckPolicy));
    }
}
