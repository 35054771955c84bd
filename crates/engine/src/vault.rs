//! The vault: it seals the secrets that the database holds and that must be readable again, which are the tokens and
//! signing secrets of webhook endpoints. All others are stored hashed.
//!
//! A secret is sealed by AES-256-GCM with a key that is derived from one of the operator's ([`KeyRing`]): the first one
//! seals, all of them open. Table, row and column are authenticated with it, so that nobody who can write to the database
//! puts one endpoint's secret in the place of another's. The nonce is random: endpoints are few, and 2^32 secrets would have
//! to be sealed with one key before two nonces were likely to meet.
//!
//! A key can be added while servers run: whoever meets a secret that is sealed with an unknown key reads the keys again, and
//! whoever seals reads them first.

mod master;
mod reseal;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use sfumato_core::endpoint::{Credentials, SigningSecret, WebhookToken};
use sfumato_core::sealed::NONCE_BYTES;
use sfumato_core::time::random;
use sfumato_core::{Endpoint, EndpointId, Entropy, KeyId, Sealed, StoreError};
use thiserror::Error;

use crate::Engine;
use crate::key_ring::{KeyRing, MasterKey};

pub use master::replace_master_key;
pub use reseal::{Inventory, KeyUse, Resealed, SecretsError, check, inventory, reseal};

/// Reads the keys once more; `None` where they cannot be read now.
type Source = dyn Fn() -> Option<KeyRing> + Send + Sync;

/// Why a secret cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum VaultError {
    /// The key is not there.
    #[error("it is sealed with the key {key}, which is not among the keys of this server")]
    UnknownKey {
        /// Which.
        key: KeyId,
        /// Where the secret stands.
        place: Place,
    },
    /// It is not what was written, or stood somewhere else.
    #[error("it was changed after it was sealed, is another endpoint's, or is damaged")]
    Damaged {
        /// Where the secret stands.
        place: Place,
    },
}

/// Where a secret stands in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The row of the table `endpoints`.
    pub endpoint: EndpointId,
    /// The column.
    pub column: &'static str,
}

impl VaultError {
    /// Where the secret stands.
    pub const fn place(&self) -> Place {
        match self {
            Self::UnknownKey { place, .. } | Self::Damaged { place } => *place,
        }
    }
}

impl From<VaultError> for StoreError {
    fn from(error: VaultError) -> Self {
        let place = error.place();
        Self::Corrupt {
            table: "endpoints",
            column: place.column,
            row: place.endpoint.to_string(),
            why: error.to_string(),
        }
    }
}

/// A secret that can be sealed.
trait Sealable: Sized {
    /// The column that it stands in. The one before a rotation moves to another, and stays sealed under this name.
    const COLUMN: &'static str;

    fn to_clear(&self) -> Vec<u8>;

    fn of_clear(clear: &[u8]) -> Option<Self>;
}

impl Sealable for WebhookToken {
    const COLUMN: &'static str = "token";

    fn to_clear(&self) -> Vec<u8> {
        self.expose().as_bytes().to_vec()
    }

    fn of_clear(clear: &[u8]) -> Option<Self> {
        std::str::from_utf8(clear).ok().map(Self::from_clear)
    }
}

impl Sealable for SigningSecret {
    const COLUMN: &'static str = "signing_secret";

    fn to_clear(&self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }

    fn of_clear(clear: &[u8]) -> Option<Self> {
        clear.try_into().ok().map(Self::from_bytes)
    }
}

/// Seals and opens. Cheap to clone; all clones are the same one.
#[derive(Clone)]
pub struct Vault {
    inner: Arc<Inner>,
}

struct Inner {
    keys: RwLock<KeyRing>,
    source: Option<Box<Source>>,
}

impl Vault {
    /// With these keys until the process ends.
    pub fn new(keys: KeyRing) -> Self {
        Self::assemble(keys, None)
    }

    /// With these keys, which `source` reads once more.
    pub fn reading(keys: KeyRing, source: impl Fn() -> Option<KeyRing> + Send + Sync + 'static) -> Self {
        Self::assemble(keys, Some(Box::new(source)))
    }

    fn assemble(keys: KeyRing, source: Option<Box<Source>>) -> Self {
        let keys = RwLock::new(keys);
        Self {
            inner: Arc::new(Inner { keys, source }),
        }
    }

    /// The keys as they were last read.
    pub fn keys(&self) -> KeyRing {
        self.inner
            .keys
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Reads the keys once more. Those that were read stay where that fails.
    pub fn refresh(&self) {
        if let Some(keys) = self.inner.source.as_ref().and_then(|read| read()) {
            *self.inner.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        }
    }

    /// Fresh credentials for an endpoint, sealed with the newest key.
    pub fn generate(
        &self,
        endpoint: EndpointId,
        entropy: &dyn Entropy,
    ) -> (Sealed<WebhookToken>, Sealed<SigningSecret>) {
        (
            self.seal_token(endpoint, &WebhookToken::generate(entropy), entropy),
            self.seal_signing_secret(endpoint, &SigningSecret::generate(entropy), entropy),
        )
    }

    /// Seals the token of an endpoint with the newest key.
    pub fn seal_token(
        &self,
        endpoint: EndpointId,
        token: &WebhookToken,
        entropy: &dyn Entropy,
    ) -> Sealed<WebhookToken> {
        self.refresh();
        self.seal(endpoint, token, entropy)
    }

    /// Seals the signing secret of an endpoint with the newest key.
    pub fn seal_signing_secret(
        &self,
        endpoint: EndpointId,
        secret: &SigningSecret,
        entropy: &dyn Entropy,
    ) -> Sealed<SigningSecret> {
        self.refresh();
        self.seal(endpoint, secret, entropy)
    }

    /// The credentials of an endpoint in clear.
    ///
    /// # Errors
    /// [`VaultError`].
    pub fn credentials(&self, endpoint: &Endpoint) -> Result<Credentials, VaultError> {
        Ok(Credentials {
            token: endpoint.token.try_map(|token| self.open(endpoint.id, token))?,
            signing_secret: endpoint
                .signing_secret
                .try_map(|secret| self.open(endpoint.id, secret))?,
        })
    }

    fn seal<T: Sealable>(&self, endpoint: EndpointId, secret: &T, entropy: &dyn Entropy) -> Sealed<T> {
        let keys = self.keys();
        let nonce: [u8; NONCE_BYTES] = random(entropy);
        let mut text = secret.to_clear();
        cipher(keys.current())
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                bound::<T>(endpoint),
                &mut text,
            )
            .expect("a secret is shorter than what AES-GCM seals at most");
        Sealed::from_parts(keys.current_id(), &nonce, &text)
    }

    fn open<T: Sealable>(&self, endpoint: EndpointId, sealed: &Sealed<T>) -> Result<T, VaultError> {
        let place = Place {
            endpoint,
            column: T::COLUMN,
        };
        let key = sealed.key();
        let cipher = match self.cipher_of(key) {
            Some(cipher) => cipher,
            None => {
                self.refresh();
                self.cipher_of(key).ok_or(VaultError::UnknownKey { key, place })?
            }
        };
        let mut text = sealed.text().to_vec();
        let nonce = Nonce::assume_unique_for_key(sealed.nonce());
        cipher
            .open_in_place(nonce, bound::<T>(endpoint), &mut text)
            .ok()
            .and_then(|clear| T::of_clear(clear))
            .ok_or(VaultError::Damaged { place })
    }

    fn cipher_of(&self, key: KeyId) -> Option<LessSafeKey> {
        let keys = self.inner.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.find(key).map(cipher)
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault({:?})", self.keys())
    }
}

fn cipher(key: &MasterKey) -> LessSafeKey {
    let key = UnboundKey::new(&AES_256_GCM, key.sealing()).expect("a key of AES-256 has 32 bytes");
    LessSafeKey::new(key)
}

/// Table, row and column: what a secret is sealed for.
fn bound<T: Sealable>(endpoint: EndpointId) -> Aad<String> {
    Aad::from(format!("endpoints/{endpoint}/{}", T::COLUMN))
}

impl Engine {
    /// The credentials of an endpoint in clear.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where they cannot be opened.
    pub fn credentials(&self, endpoint: &Endpoint) -> Result<Credentials, StoreError> {
        Ok(self.inner().keys.vault.credentials(endpoint)?)
    }
}

#[cfg(test)]
mod tests;
