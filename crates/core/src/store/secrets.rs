//! Sealed secrets, all of them: for a look at their keys and for sealing them again.

use async_trait::async_trait;

use super::{KeyCheck, StoreError};
use crate::audit::AuditEntry;
use crate::endpoint::{SigningSecret, WebhookToken};
use crate::id::EndpointId;
use crate::sealed::{KeyId, Sealed};

/// What is sealed of one endpoint, of a deleted one, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedCredentials {
    /// Whose.
    pub endpoint: EndpointId,
    /// The newest token.
    pub token: Sealed<WebhookToken>,
    /// The one before, until its overlap has ended.
    pub old_token: Option<Sealed<WebhookToken>>,
    /// The newest signing secret.
    pub signing_secret: Sealed<SigningSecret>,
    /// The one before, until its overlap has ended.
    pub old_secret: Option<Sealed<SigningSecret>>,
}

impl SealedCredentials {
    /// The keys that they are sealed with, once for each secret.
    pub fn keys(&self) -> impl Iterator<Item = KeyId> + '_ {
        let tokens = std::iter::once(&self.token)
            .chain(&self.old_token)
            .map(Sealed::key);
        let secrets = std::iter::once(&self.signing_secret)
            .chain(&self.old_secret)
            .map(Sealed::key);
        tokens.chain(secrets)
    }
}

/// Another master key for an installation, and what follows for the secrets in its database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MasterKeyChange {
    /// Of the key that the installation has.
    pub from: KeyCheck,
    /// Of the key that it gets.
    pub to: KeyCheck,
    /// The sealing key that goes with the old one: nothing may be left that is sealed with it.
    pub retired: KeyId,
    /// What was sealed with it and is sealed with another one: before and after, of the same endpoint.
    pub resealed: Vec<(SealedCredentials, SealedCredentials)>,
    /// What the audit log says of it.
    pub entry: AuditEntry,
}

/// Sealed secrets, whoever's they are.
#[async_trait]
pub trait SealedSecrets {
    /// How many secrets are sealed with each key that there is one of, ordered by the key's name.
    async fn sealing_keys(&self) -> Result<Vec<(KeyId, u64)>, StoreError>;

    /// What is sealed of up to `limit` endpoints after one of them, or from the first on, in the order of their identifiers.
    async fn sealed_credentials(
        &self,
        after: Option<EndpointId>,
        limit: usize,
    ) -> Result<Vec<SealedCredentials>, StoreError>;

    /// Puts `after` in the place of `before`, of the same endpoint; `false`, and nothing is written, where it is no longer
    /// `before` that stands there.
    async fn reseal(&self, before: &SealedCredentials, after: &SealedCredentials)
    -> Result<bool, StoreError>;

    /// Gives the installation another master key, wholly or not at all: `false`, and nothing is written, where it has not the
    /// key that `change` begins with.
    ///
    /// [`StoreError::UnderWay`], and nothing is written, where the secrets are no longer those that `change` knows.
    async fn change_master_key(&self, change: &MasterKeyChange) -> Result<bool, StoreError>;
}
