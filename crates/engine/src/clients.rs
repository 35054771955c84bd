//! The clients themselves: made, shut out, let in again, and given another secret, by an administrator at the Manager or by
//! the operator at the command line. The latter has a store and no engine, hence the free functions.

use std::time::Duration;

use sfumato_core::client::{Client, ClientKey, ClientState, Secret, SecretHash};
use sfumato_core::rotation::OVERLAP_MAX;
use sfumato_core::{ClientId, Clock, Entropy, Store, StoreError};
use thiserror::Error;

use crate::Engine;

/// Characters of a client's name at most.
pub const CLIENT_NAME_CHARS_MAX: usize = 200;

/// Why a client was not made or changed.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The name cannot be one.
    #[error("the name must have 1 to {CLIENT_NAME_CHARS_MAX} printable characters")]
    Name,
    /// The old secret would go on working for too long.
    #[error("the overlap must be from 0 s to {} days", OVERLAP_MAX.as_secs() / 86_400)]
    Overlap,
    /// The database refused or cannot answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// Every client, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot answer.
    pub async fn clients(&self) -> Result<Vec<Client>, StoreError> {
        self.inner().store.clients().await
    }

    /// One client.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn client(&self, id: ClientId) -> Result<Client, StoreError> {
        let mut clients = self.clients().await?.into_iter();
        clients
            .find(|client| client.id == id)
            .ok_or(StoreError::NotFound { what: "client" })
    }

    /// Makes a client. The secret is shown to whoever called and stored as a hash only.
    ///
    /// # Errors
    /// [`ClientError::Name`].
    pub async fn create_client(&self, name: &str) -> Result<(Client, Secret), ClientError> {
        let inner = self.inner();
        create_client(&*inner.store, &*inner.clock, &*inner.entropy, name).await
    }

    /// Gives a client a new secret; the present one goes on working for `overlap`.
    ///
    /// # Errors
    /// [`ClientError::Overlap`]; [`StoreError::NotFound`] for an unknown key.
    pub async fn rotate_client_secret(
        &self,
        key: &ClientKey,
        overlap: Duration,
    ) -> Result<Secret, ClientError> {
        let inner = self.inner();
        rotate_secret(&*inner.store, &*inner.clock, &*inner.entropy, key, overlap).await
    }

    /// Calls a client something else, without the space around it. What is written in the audit log keeps the old name.
    ///
    /// # Errors
    /// [`ClientError::Name`]; [`StoreError::NotFound`] for an unknown key.
    pub async fn rename_client(&self, key: &ClientKey, name: &str) -> Result<(), ClientError> {
        let name = judge_name(name)?;
        Ok(self.inner().store.rename_client(key, name).await?)
    }

    /// Shuts a client out, which ends its logins, or lets it in again. Its jobs and results stay.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown key.
    pub async fn set_client_state(&self, key: &ClientKey, state: ClientState) -> Result<(), StoreError> {
        self.inner().store.set_client_state(key, state).await
    }
}

/// Makes a client in a store. The name is trimmed.
///
/// # Errors
/// [`ClientError::Name`].
pub async fn create_client(
    store: &dyn Store,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    name: &str,
) -> Result<(Client, Secret), ClientError> {
    let name = judge_name(name)?;
    let secret = Secret::generate("secret_", entropy);
    let client = Client {
        id: ClientId::new(clock, entropy),
        key: ClientKey::generate(entropy),
        name: name.to_owned(),
        state: ClientState::Active,
        created_at: clock.now(),
        secret: SecretHash::of(secret.expose()),
        previous_secret: None,
    };
    store.create_client(&client).await?;
    Ok((client, secret))
}

/// Gives a client in a store a new secret; the present one goes on working for `overlap`.
///
/// # Errors
/// [`ClientError::Overlap`]; [`StoreError::NotFound`] for an unknown key.
pub async fn rotate_secret(
    store: &dyn Store,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    key: &ClientKey,
    overlap: Duration,
) -> Result<Secret, ClientError> {
    if overlap > OVERLAP_MAX {
        return Err(ClientError::Overlap);
    }
    let secret = Secret::generate("secret_", entropy);
    store
        .rotate_secret(key, &SecretHash::of(secret.expose()), clock.now().after(overlap))
        .await?;
    Ok(secret)
}

/// A client's name without the space around it.
///
/// # Errors
/// [`ClientError::Name`].
pub fn judge_name(name: &str) -> Result<&str, ClientError> {
    let name = name.trim();
    let plain = !name.is_empty() && !name.chars().any(char::is_control);
    if plain && name.chars().count() <= CLIENT_NAME_CHARS_MAX {
        Ok(name)
    } else {
        Err(ClientError::Name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line_of_some_length() {
        let longest = "é".repeat(CLIENT_NAME_CHARS_MAX);
        assert_eq!(judge_name(" Acme Ltd ").unwrap(), "Acme Ltd");
        assert!(judge_name(&longest).is_ok());
        for bad in ["", "  ", "a\nb", "a\u{1b}[31m", &format!("{longest}é")] {
            assert!(matches!(judge_name(bad), Err(ClientError::Name)), "{bad:?}");
        }
    }

    #[test]
    fn an_error_says_the_limit() {
        assert_eq!(
            ClientError::Overlap.to_string(),
            "the overlap must be from 0 s to 7 days"
        );
    }
}
