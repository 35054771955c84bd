//! What is agreed with each client, and how much of it is used.

use async_trait::async_trait;

use super::StoreError;
use crate::client::ClientKey;
use crate::id::ClientId;
use crate::policy::{ClientPolicy, Usage};

/// Agreements with clients.
#[async_trait]
pub trait ClientPolicies {
    /// What is agreed with a client, and what it has. `NotFound`.
    async fn client_policy(&self, client: ClientId) -> Result<(ClientPolicy, Usage), StoreError>;

    /// Replaces what is agreed with a client. `NotFound`.
    async fn set_client_policy(&self, key: &ClientKey, policy: ClientPolicy) -> Result<(), StoreError>;
}
