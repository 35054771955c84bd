//! What all processes of one installation have in common.

use async_trait::async_trait;

use super::StoreError;
use crate::id::InstallationId;

/// Tells one master key from another without giving it away: a hash that is derived from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyCheck([u8; 32]);

impl KeyCheck {
    /// Takes bytes that were derived from a master key.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// An installation: one database, one storage and one master key, and all processes that share them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Installation {
    /// Its name.
    pub id: InstallationId,
    /// Of the master key that signs its tokens.
    pub key: KeyCheck,
}

/// What all processes of one installation have in common.
#[async_trait]
pub trait Installations {
    /// The installation that this database belongs to: `proposed` from now on, where it belongs to none yet. Whoever asks at
    /// the same time hears of the same one.
    async fn claim_for(&self, proposed: Installation) -> Result<Installation, StoreError>;

    /// The installation that this database belongs to, if there is one yet.
    async fn installation(&self) -> Result<Option<Installation>, StoreError>;
}
