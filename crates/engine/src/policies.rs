//! What is agreed with clients.

use sfumato_core::policy::{ClientPolicy, Retention, Usage};
use sfumato_core::{ClientId, ClientKey, StoreError};

use crate::Engine;

impl Engine {
    /// What is agreed with a client, and what it has.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown client.
    pub async fn client_policy(&self, client: ClientId) -> Result<(ClientPolicy, Usage), StoreError> {
        self.inner().store.client_policy(client).await
    }

    /// Replaces what is agreed with a client. Files that have had the new time are deleted with the next sweep.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown client.
    pub async fn set_client_policy(&self, key: &ClientKey, policy: ClientPolicy) -> Result<(), StoreError> {
        self.inner().store.set_client_policy(key, policy).await
    }

    /// How long everybody's files are kept, where nothing else is agreed.
    pub fn retention(&self) -> Retention {
        let settings = self.settings();
        Retention {
            originals_kept: Some(settings.originals_kept),
            results_kept: Some(settings.results_kept),
        }
    }
}
