//! The part of the port that keeps people, their sessions and their setup links.

use async_trait::async_trait;

use super::StoreError;
use crate::client::SecretHash;
use crate::id::{SessionId, UserId};
use crate::time::Timestamp;
use crate::user::{Identity, PasswordHash, Role, SetupLink, User, UserName, UserSession, UserState};

/// A wish to change a user; `None` leaves a member as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserChange {
    /// Another role. Sessions go on with it.
    pub role: Option<Role>,
    /// Another state. Every session of a user who is disabled ends in the same transaction.
    pub state: Option<UserState>,
}

/// People, their sessions and their setup links.
///
/// Errors that every method may have are those of [`super::Store`].
#[async_trait]
pub trait UserStore: Send + Sync + 'static {
    /// Adds a user. `AlreadyExists` where the name is taken.
    async fn create_user(&self, user: &User) -> Result<(), StoreError>;

    /// Every user, by name.
    async fn users(&self) -> Result<Vec<User>, StoreError>;

    /// Whether there is a user at all.
    async fn has_users(&self) -> Result<bool, StoreError>;

    /// One user.
    async fn user(&self, user: UserId) -> Result<Option<User>, StoreError>;

    /// One user by the name that the person signs in with.
    async fn user_by_name(&self, name: &UserName) -> Result<Option<User>, StoreError>;

    /// Adds a user with the identity that the person signs in with. `AlreadyExists` where the name or the identity is taken.
    async fn create_user_with_identity(&self, user: &User, identity: &Identity) -> Result<(), StoreError>;

    /// One user by an identity.
    async fn user_by_identity(&self, identity: &Identity) -> Result<Option<User>, StoreError>;

    /// Says that an identity is a user's. Nothing where it is already. `AlreadyExists` where it is another user's, or where
    /// the user has another identity at the same provider. `NotFound`.
    async fn link_identity(&self, user: UserId, identity: &Identity) -> Result<(), StoreError>;

    /// Changes a user and returns it as it stands now. `NotFound`.
    async fn update_user(&self, user: UserId, change: UserChange) -> Result<User, StoreError>;

    /// Gives a user a password, voids the user's setup links and ends every session of the user except `keep`. `NotFound`.
    async fn set_password(
        &self,
        user: UserId,
        password: &PasswordHash,
        keep: Option<SessionId>,
    ) -> Result<(), StoreError>;

    /// Deletes a user with every session and setup link. `NotFound`.
    async fn delete_user(&self, user: UserId) -> Result<(), StoreError>;

    /// Adds a session, and writes down that the user has signed in. `NotFound` for a user who does not exist or is
    /// disabled.
    async fn open_session(&self, session: &UserSession) -> Result<(), StoreError>;

    /// The session of a token, with its user, whether or not it has expired and whatever the user's state.
    async fn session_by_token(&self, token: &SecretHash) -> Result<Option<(UserSession, User)>, StoreError>;

    /// Writes down that a session was used at `seen_at`, where it was not used later. Nothing where it has ended.
    async fn touch_session(&self, session: SessionId, seen_at: Timestamp) -> Result<(), StoreError>;

    /// The sessions of a user, the last used first.
    async fn sessions_of_user(&self, user: UserId) -> Result<Vec<UserSession>, StoreError>;

    /// Ends one session of a user. Nothing where it has ended.
    async fn end_session(&self, user: UserId, session: SessionId) -> Result<(), StoreError>;

    /// Ends every session of a user except `keep`; returns how many.
    async fn end_sessions(&self, user: UserId, keep: Option<SessionId>) -> Result<u64, StoreError>;

    /// Adds a setup link and voids every earlier one for the same purpose. `NotFound` for a user who does not exist.
    async fn put_setup_link(&self, link: &SetupLink) -> Result<(), StoreError>;

    /// A setup link that works now.
    async fn setup_link(&self, token: &SecretHash) -> Result<Option<SetupLink>, StoreError>;

    /// Makes the first user and voids the link. `NotFound` where the link does not work or there is a user already.
    async fn create_first_user(&self, link: &SetupLink, user: &User) -> Result<(), StoreError>;

    /// Gives the link's user a password, voids the link and ends every session of the user. `NotFound` where the link does
    /// not work.
    async fn choose_password(&self, link: &SetupLink, password: &PasswordHash) -> Result<UserId, StoreError>;
}
