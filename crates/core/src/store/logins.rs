//! What a store knows of logins.

use crate::client::{ClientState, SecretHash};
use crate::id::{ClientId, LoginId};
use crate::time::Timestamp;

/// A refresh token as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    /// Its hash.
    pub hash: SecretHash,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// What a valid access token's login stands for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// Whose login it is.
    pub client: ClientId,
    /// Whether the client is shut out.
    pub client_state: ClientState,
    /// Whether the login has been revoked.
    pub revoked: bool,
}

/// What came of a refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshOutcome {
    /// The token was exchanged for the next one of this login.
    Rotated(LoginId),
    /// No such token, or it has expired, or its login is revoked, or the client is disabled.
    Refused,
    /// The token is another client's. Nothing was changed.
    OfAnotherClient,
    /// The token had been exchanged before: somebody has a copy. The whole login is revoked now.
    Reused(LoginId),
}
