//! Clients and what proves that a caller is one.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::id::{ClientId, LoginId};
use crate::time::{Entropy, Timestamp, random_alphanumeric};

/// A customer account of the API. Everything that it owns (jobs, results, endpoints) is invisible to every other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Identifier; the first part of the client's job names.
    pub id: ClientId,
    /// The login name, the API's `clientId`.
    pub key: ClientKey,
    /// What the operator calls it.
    pub name: String,
    /// Whether it may log in.
    pub state: ClientState,
    /// When it was created.
    pub created_at: Timestamp,
    /// The secret's hash.
    pub secret: SecretHash,
    /// The secret before the last rotation and the time until which it still works.
    pub previous_secret: Option<(SecretHash, Timestamp)>,
}

impl Client {
    /// Whether `secret` opens this client now. Compares in constant time.
    pub fn accepts(&self, secret: &str, now: Timestamp) -> bool {
        let offered = SecretHash::of(secret);
        let current = self.secret.matches(&offered);
        let previous = match &self.previous_secret {
            Some((hash, until)) => hash.matches(&offered) & (now < *until),
            None => false,
        };
        (current | previous) & (self.state == ClientState::Active)
    }
}

/// Whether a client may log in and use its tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientState {
    /// It may.
    Active,
    /// The operator has shut it out; its data stays.
    Disabled,
}

/// A client's login name: `client_` and 20 random alphanumerics. Not a secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClientKey(String);

impl ClientKey {
    /// A new random key.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(format!("client_{}", random_alphanumeric(entropy, 20)))
    }

    /// A key as a caller or the database gives it. Any text is one: an unknown key simply names no client.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A secret in clear text, on its way to the one person who may see it. `Debug` does not show it.
#[derive(Clone, Eq)]
pub struct Secret(String);

/// In constant time, so that no comparison tells where it ended.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Secret {
    /// A new random secret: the prefix and 43 alphanumerics (256 bits).
    pub fn generate(prefix: &str, entropy: &dyn Entropy) -> Self {
        Self(format!("{prefix}{}", random_alphanumeric(entropy, 43)))
    }

    /// Takes a secret that was made elsewhere, such as a signed token.
    pub fn from_clear_text(text: String) -> Self {
        Self(text)
    }

    /// The clear text. Each use is a place to ask whether the reader may see it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// SHA-256 of a random 256-bit secret. Stretching (argon2) would add nothing to such a secret and would let anyone burn
/// our processors at the login route.
#[derive(Clone, Eq)]
pub struct SecretHash([u8; 32]);

/// In constant time, so that no comparison tells where it ended.
impl PartialEq for SecretHash {
    fn eq(&self, other: &Self) -> bool {
        self.matches(other)
    }
}

impl SecretHash {
    /// Hashes a secret.
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    /// From 32 stored bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes to store.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Compares in constant time.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

/// One login: the family of tokens that began at one `POST /login` and that ends, whole, at `POST /logout`, at its
/// expiry, or when a rotated refresh token is used a second time (somebody else has a copy: OAuth 2.0 Security Best
/// Current Practice, RFC 9700, 4.14.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// Identifier; stands in every access token of the family.
    pub id: LoginId,
    /// Whose login it is.
    pub client: ClientId,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was ended, if it was.
    pub revoked_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> Client {
        Client {
            id: ClientId::from_uuid(uuid::Uuid::nil()),
            key: ClientKey::new("client_a"),
            name: "a".into(),
            state: ClientState::Active,
            created_at: Timestamp::from_seconds(0),
            secret: SecretHash::of("new"),
            previous_secret: Some((SecretHash::of("old"), Timestamp::from_seconds(100))),
        }
    }

    #[test]
    fn the_previous_secret_works_until_the_overlap_ends() {
        assert!(client().accepts("old", Timestamp::from_seconds(99)));
        assert!(!client().accepts("old", Timestamp::from_seconds(100)));
        assert!(client().accepts("new", Timestamp::from_seconds(100)));
        assert!(!client().accepts("other", Timestamp::from_seconds(1)));
    }

    #[test]
    fn a_disabled_client_accepts_nothing() {
        let disabled = Client {
            state: ClientState::Disabled,
            ..client()
        };
        assert!(!disabled.accepts("new", Timestamp::from_seconds(1)));
    }

    #[test]
    fn debug_output_never_shows_a_secret() {
        let shown = format!(
            "{:?} {:?}",
            Secret("secret_abc".into()),
            SecretHash::of("secret_abc")
        );
        assert!(!shown.contains("abc"));
    }
}
