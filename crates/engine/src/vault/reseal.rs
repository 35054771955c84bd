//! Which keys the secrets in the database are sealed with, and sealing all of them with the newest.

use std::collections::BTreeMap;

use sfumato_core::store::SealedCredentials;
use sfumato_core::{Entropy, KeyId, Sealed, Store, StoreError};
use thiserror::Error;

use super::{Sealable, Vault, VaultError};

/// Endpoints that are read at a time.
pub(super) const PAGE: usize = 200;

/// Why the secrets in the database cannot be worked with.
#[derive(Debug, Error)]
pub enum SecretsError {
    /// Some are sealed with a key that is not there.
    #[error(
        "{secrets} secrets in the database are sealed with the key {key}, which is not among the keys that were given; \
         put it back, from a backup of the key file, or have every endpoint's credentials rotated without it"
    )]
    KeyMissing {
        /// Which.
        key: KeyId,
        /// How many.
        secrets: u64,
    },
    /// The master key that was to be replaced is not the installation's.
    #[error(
        "the database belongs to an installation with another master key than the one that was given as the present one"
    )]
    OtherMasterKey,
    /// One cannot be opened.
    #[error("open the secret in column {} of endpoint {}", .0.place().column, .0.place().endpoint)]
    Vault(#[from] VaultError),
    /// The database.
    #[error("the database cannot answer")]
    Store(#[from] StoreError),
}

/// A key, and what is sealed with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// Which.
    pub key: KeyId,
    /// Secrets that are sealed with it.
    pub secrets: u64,
    /// Whether it is among the keys that were given.
    pub known: bool,
}

/// The keys, and what is sealed with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inventory {
    /// The key that seals.
    pub current: KeyId,
    /// Every key that was given or that something is sealed with; those that were given come first, in their order.
    pub keys: Vec<KeyUse>,
}

impl Inventory {
    /// Whether everything is sealed with the key that seals.
    pub fn is_even(&self) -> bool {
        self.keys
            .iter()
            .all(|used| used.key == self.current || used.secrets == 0)
    }

    /// The keys that were given and that nothing is sealed with, but for the one that seals.
    pub fn idle(&self) -> impl Iterator<Item = KeyId> + '_ {
        let idle = |used: &&KeyUse| used.known && used.secrets == 0 && used.key != self.current;
        self.keys.iter().filter(idle).map(|used| used.key)
    }
}

/// What sealing everything again came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Secrets that were sealed again.
    pub secrets: u64,
    /// Secrets that had been sealed with the newest key before.
    pub left: u64,
}

/// Looks which keys the secrets are sealed with.
///
/// # Errors
/// [`StoreError`].
pub async fn inventory(store: &dyn Store, vault: &Vault) -> Result<Inventory, StoreError> {
    vault.refresh();
    let given = vault.keys();
    let mut used: BTreeMap<KeyId, u64> = store.sealing_keys().await?.into_iter().collect();
    let mut keys: Vec<KeyUse> = given
        .ids()
        .map(|key| KeyUse {
            key,
            secrets: used.remove(&key).unwrap_or(0),
            known: true,
        })
        .collect();
    keys.extend(used.into_iter().map(|(key, secrets)| KeyUse {
        key,
        secrets,
        known: false,
    }));
    Ok(Inventory {
        current: given.current_id(),
        keys,
    })
}

/// Makes sure that every key is there that a secret is sealed with.
///
/// # Errors
/// [`SecretsError::KeyMissing`], [`SecretsError::Store`].
pub async fn check(store: &dyn Store, vault: &Vault) -> Result<(), SecretsError> {
    let inventory = inventory(store, vault).await?;
    match inventory.keys.iter().find(|used| !used.known) {
        Some(used) => Err(SecretsError::KeyMissing {
            key: used.key,
            secrets: used.secrets,
        }),
        None => Ok(()),
    }
}

/// Seals every secret with the newest key, beside servers that run. What is interrupted goes on where it was when it is
/// begun once more: what is sealed with the newest key already is left alone.
///
/// # Errors
/// [`SecretsError`]; what was sealed again until then stays so.
pub async fn reseal(
    store: &dyn Store,
    vault: &Vault,
    entropy: &dyn Entropy,
) -> Result<Resealed, SecretsError> {
    check(store, vault).await?;
    let current = vault.keys().current_id();
    let mut done = Resealed::default();
    let mut after = None;
    loop {
        let page = store.sealed_credentials(after, PAGE).await?;
        let Some(last) = page.last() else {
            return Ok(done);
        };
        after = Some(last.endpoint);
        for before in &page {
            let stale = before.keys().filter(|key| *key != current).count() as u64;
            let all = before.keys().count() as u64;
            if stale > 0 {
                let fresh = again(vault, before, entropy)?;
                // Whoever changed it in between has sealed with the newest key.
                store.reseal(before, &fresh).await?;
            }
            done.secrets += stale;
            done.left += all - stale;
        }
    }
}

/// What is sealed of an endpoint, sealed with the newest key.
pub(super) fn again(
    vault: &Vault,
    before: &SealedCredentials,
    entropy: &dyn Entropy,
) -> Result<SealedCredentials, VaultError> {
    Ok(SealedCredentials {
        endpoint: before.endpoint,
        token: one(vault, before, &before.token, entropy)?,
        old_token: match &before.old_token {
            Some(old) => Some(one(vault, before, old, entropy)?),
            None => None,
        },
        signing_secret: one(vault, before, &before.signing_secret, entropy)?,
        old_secret: match &before.old_secret {
            Some(old) => Some(one(vault, before, old, entropy)?),
            None => None,
        },
    })
}

fn one<T: Sealable>(
    vault: &Vault,
    of: &SealedCredentials,
    sealed: &Sealed<T>,
    entropy: &dyn Entropy,
) -> Result<Sealed<T>, VaultError> {
    let clear = vault.open(of.endpoint, sealed)?;
    Ok(vault.seal(of.endpoint, &clear, entropy))
}
