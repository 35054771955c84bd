//! Who calls: logins, access tokens, refresh tokens.
//!
//! An access token is a JWT (RFC 7519, HS256) that names a client and a login; it is believed only while the database
//! says that the login stands. A refresh token is random, stored hashed, and rotated at each use; using one twice ends
//! the login (RFC 9700, 4.14.2).

use std::time::Duration;

use hkdf::Hkdf;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use sfumato_core::client::{ClientKey, ClientState, Login, Secret, SecretHash};
use sfumato_core::store::{KeyCheck, RefreshOutcome, RefreshToken};
use sfumato_core::time::random_alphanumeric;
use sfumato_core::{ClientId, KeyId, LoginId, StoreError, Timestamp, UserId};
use sha2::Sha256;
use thiserror::Error;

use crate::Engine;
use crate::cursor::CursorKey;
use crate::key_ring::KeyRing;
use crate::seal::SealKey;
use crate::vault::Vault;

const ISSUER: &str = "sfumato";
const AUDIENCE: &str = "sfumato-api";

/// Keys that are derived from the installation's master key.
#[derive(Clone)]
pub struct Keys {
    encoding: EncodingKey,
    decoding: DecodingKey,
    check: KeyCheck,
    pub(crate) cursors: CursorKey,
    pub(crate) seals: SealKey,
    derived_key: KeyId,
    pub(crate) vault: Vault,
}

impl Keys {
    /// Derives every key from 32 random bytes (HKDF-SHA256, RFC 5869), one for each purpose; that of the vault, too, until
    /// [`Keys::with_vault`] says otherwise.
    pub fn derive(master: &[u8; 32]) -> Self {
        let derived = Hkdf::<Sha256>::new(None, master);
        let (mut tokens, mut cursors, mut seals, mut vault) = ([0; 32], [0; 16], [0; 32], [0; 32]);
        let mut check = [0; 32];
        for (purpose, key) in [
            ("sfumato access tokens 1", tokens.as_mut_slice()),
            ("sfumato cursors 1", cursors.as_mut_slice()),
            ("sfumato seals 1", seals.as_mut_slice()),
            ("sfumato vault 1", vault.as_mut_slice()),
            ("sfumato key check 1", check.as_mut_slice()),
        ] {
            derived
                .expand(purpose.as_bytes(), key)
                .expect("32 bytes are fewer than HKDF's 255 blocks");
        }
        let vault = KeyRing::of(&vault);
        Self {
            derived_key: vault.current_id(),
            check: KeyCheck::from_bytes(check),
            cursors: CursorKey::new(cursors),
            seals: SealKey::new(seals),
            vault: Vault::new(vault),
            encoding: EncodingKey::from_secret(&tokens),
            decoding: DecodingKey::from_secret(&tokens),
        }
    }

    /// What tells these keys from others without giving them away: every process of an installation must have the same.
    pub const fn check(&self) -> KeyCheck {
        self.check
    }

    /// Names the key of the vault that is derived from the master key, whichever others there are.
    pub const fn derived_key(&self) -> KeyId {
        self.derived_key
    }

    /// What seals the secrets in the database.
    pub const fn vault(&self) -> &Vault {
        &self.vault
    }

    /// The same with keys of their own for the secrets in the database, which can be rotated.
    #[must_use]
    pub fn with_vault(mut self, vault: Vault) -> Self {
        self.vault = vault;
        self
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(…)")
    }
}

/// A caller who has been verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The client whose things are meant.
    pub client: ClientId,
    /// Who acts for it.
    pub via: Via,
}

/// Who acts for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// The client's own program, by the login that its token belongs to.
    Login(LoginId),
    /// A person at the Manager.
    User(UserId),
}

/// What a successful login or refresh gives.
#[derive(Clone, Debug)]
pub struct TokenGrant {
    /// The access token, a JWT.
    pub access: Secret,
    /// The refresh token, `rt_…`.
    pub refresh: Secret,
    /// Lifetime of the access token.
    pub expires_in: Duration,
}

/// Why a caller is not let in. The messages are for the caller and tell nothing of other clients.
#[derive(Debug, Error)]
pub enum AccessError {
    /// The client is unknown, the secret is wrong, or the client is disabled: one answer for all three.
    #[error("the client id or the secret id is wrong")]
    WrongCredentials,
    /// The access token is not one of ours.
    #[error("the access token is not valid; use POST /login")]
    InvalidToken,
    /// The access token was ours.
    #[error("the access token has expired; use POST /token with the refresh token, or POST /login")]
    ExpiredToken,
    /// The login was ended: by logout, by a reused refresh token, or by the operator.
    #[error("this login has ended; use POST /login")]
    LoginEnded,
    /// The refresh token is unknown, expired, used before, or of an ended login.
    #[error("the refresh token is not valid; use POST /login")]
    InvalidRefreshToken,
    /// The access token beside the refresh token is another client's.
    #[error("the access token and the refresh token belong to different clients")]
    ForeignToken,
    /// The database cannot answer.
    #[error("the caller cannot be verified")]
    Store(#[from] StoreError),
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: ClientId,
    sid: LoginId,
    iat: i64,
    exp: i64,
    jti: String,
}

impl Engine {
    /// `POST /login`.
    ///
    /// # Errors
    /// [`AccessError::WrongCredentials`], in the same time whether the client is unknown or the secret wrong.
    pub async fn log_in(&self, client_id: &str, secret_id: &str) -> Result<TokenGrant, AccessError> {
        let inner = self.inner();
        let now = inner.clock.now();
        let client = inner.store.client_by_key(&ClientKey::new(client_id)).await?;
        let accepted = match &client {
            Some(client) => client.accepts(secret_id, now),
            // The same hashing and comparing, so that the time does not tell whether the client exists.
            None => SecretHash::of(secret_id).matches(&SecretHash::from_bytes([0; 32])),
        };
        let client = client.filter(|_| accepted).ok_or(AccessError::WrongCredentials)?;
        let login = Login {
            id: LoginId::new(&*inner.clock, &*inner.entropy),
            client: client.id,
            created_at: now,
            revoked_at: None,
        };
        let (refresh, stored) = self.new_refresh_token(now);
        inner.store.open_login(&login, &stored).await?;
        self.grant(client.id, login.id, refresh, now)
    }

    /// `POST /token`: `access` may have expired but must be authentic and of the client that owns `refresh`.
    ///
    /// # Errors
    /// [`AccessError::InvalidToken`], [`AccessError::InvalidRefreshToken`], [`AccessError::ForeignToken`].
    pub async fn refresh(&self, access: &str, refresh: &str) -> Result<TokenGrant, AccessError> {
        let inner = self.inner();
        let now = inner.clock.now();
        let claims = self.claims(access)?;
        let (next, stored) = self.new_refresh_token(now);
        let presented = SecretHash::of(refresh);
        match inner
            .store
            .rotate_refresh_token(claims.sub, &presented, &stored)
            .await?
        {
            RefreshOutcome::Rotated(login) => self.grant(claims.sub, login, next, now),
            RefreshOutcome::Refused => Err(AccessError::InvalidRefreshToken),
            RefreshOutcome::OfAnotherClient => Err(AccessError::ForeignToken),
            RefreshOutcome::Reused(login) => {
                tracing::warn!(login.id = %login, "a rotated refresh token was used again; the login is revoked");
                Err(AccessError::InvalidRefreshToken)
            }
        }
    }

    /// Who an access token stands for.
    ///
    /// # Errors
    /// [`AccessError::InvalidToken`], [`AccessError::ExpiredToken`], [`AccessError::LoginEnded`].
    pub async fn authenticate(&self, access: &str) -> Result<Caller, AccessError> {
        let claims = self.claims(access)?;
        if claims.exp <= self.inner().clock.now().as_seconds() {
            return Err(AccessError::ExpiredToken);
        }
        match self.inner().store.session(claims.sid).await? {
            Some(session)
                if session.client == claims.sub
                    && !session.revoked
                    && session.client_state == ClientState::Active =>
            {
                Ok(Caller {
                    client: claims.sub,
                    via: Via::Login(claims.sid),
                })
            }
            _ => Err(AccessError::LoginEnded),
        }
    }

    /// `POST /logout`. People have sessions instead, which end by [`Engine::sign_out`].
    ///
    /// # Errors
    /// [`AccessError::Store`].
    pub async fn log_out(&self, caller: &Caller) -> Result<(), AccessError> {
        match caller.via {
            Via::Login(login) => Ok(self.inner().store.revoke_login(login).await?),
            Via::User(_) => Ok(()),
        }
    }

    fn claims(&self, access: &str) -> Result<Claims, AccessError> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The library asks the system for the time; ours comes through the clock's door.
        validation.validate_exp = false;
        jsonwebtoken::decode::<Claims>(access, &self.inner().keys.decoding, &validation)
            .map(|token| token.claims)
            .map_err(|_| AccessError::InvalidToken)
    }

    fn new_refresh_token(&self, now: Timestamp) -> (Secret, RefreshToken) {
        let inner = self.inner();
        let secret = Secret::generate("rt_", &*inner.entropy);
        let expires_at = now.after(inner.settings.refresh_token_lifetime);
        let stored = RefreshToken {
            hash: SecretHash::of(secret.expose()),
            expires_at,
        };
        (secret, stored)
    }

    fn grant(
        &self,
        client: ClientId,
        login: LoginId,
        refresh: Secret,
        now: Timestamp,
    ) -> Result<TokenGrant, AccessError> {
        let inner = self.inner();
        let expires_in = inner.settings.access_token_lifetime;
        let claims = Claims {
            iss: ISSUER.into(),
            aud: AUDIENCE.into(),
            sub: client,
            sid: login,
            iat: now.as_seconds(),
            exp: now.after(expires_in).as_seconds(),
            jti: random_alphanumeric(&*inner.entropy, 16),
        };
        let access = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &inner.keys.encoding)
            .map_err(|_| AccessError::InvalidToken)?;
        Ok(TokenGrant {
            access: Secret::from_clear_text(access),
            refresh,
            expires_in,
        })
    }
}
