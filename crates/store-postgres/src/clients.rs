//! Clients, logins and refresh tokens.

use sfumato_core::client::{Client, ClientKey, ClientState, Login, SecretHash};
use sfumato_core::store::{RefreshOutcome, RefreshToken, Session};
use sfumato_core::{ClientId, LoginId, StoreError, Timestamp};

use crate::locks;
use crate::queries;
use crate::rows::{self, Reader};
use crate::sql::{Tx, execute, execute_one, query, query_one};

const NOT_FOUND: StoreError = StoreError::NotFound { what: "client" };

pub(crate) async fn create(tx: &Tx<'_>, client: &Client) -> Result<(), StoreError> {
    let (previous, until) = match &client.previous_secret {
        Some((hash, until)) => (Some(hash.as_bytes().as_slice()), Some(until.as_micros())),
        None => (None, None),
    };
    execute_one(
        tx,
        "clients",
        queries::INSERT_CLIENT,
        &[
            &client.id.as_uuid(),
            &client.key.as_str(),
            &client.name,
            &rows::client_state_name(client.state),
            &client.created_at.as_micros(),
            &client.secret.as_bytes().as_slice(),
            &previous,
            &until,
        ],
    )
    .await
}

pub(crate) async fn all(tx: &Tx<'_>) -> Result<Vec<Client>, StoreError> {
    query(tx, queries::CLIENTS, &[], rows::client).await
}

pub(crate) async fn by_key(tx: &Tx<'_>, name: &ClientKey) -> Result<Option<Client>, StoreError> {
    query_one(tx, queries::CLIENT_BY_KEY, &[&name.as_str()], rows::client).await
}

pub(crate) async fn rotate_secret(
    tx: &Tx<'_>,
    name: &ClientKey,
    secret: &SecretHash,
    previous_until: Timestamp,
) -> Result<(), StoreError> {
    let (secret, until) = (secret.as_bytes().as_slice(), previous_until.as_micros());
    match execute(tx, queries::ROTATE_SECRET, &[&name.as_str(), &secret, &until]).await? {
        0 => Err(NOT_FOUND),
        _ => Ok(()),
    }
}

pub(crate) async fn set_state(
    tx: &Tx<'_>,
    name: &ClientKey,
    state: ClientState,
    now: Timestamp,
) -> Result<(), StoreError> {
    let word = rows::client_state_name(state);
    if execute(tx, queries::SET_CLIENT_STATE, &[&name.as_str(), &word]).await? == 0 {
        return Err(NOT_FOUND);
    }
    if state == ClientState::Disabled {
        let now = now.as_micros();
        execute(tx, queries::REVOKE_LOGINS_OF_CLIENT, &[&name.as_str(), &now]).await?;
    }
    Ok(())
}

pub(crate) async fn open_login(tx: &Tx<'_>, login: &Login, refresh: &RefreshToken) -> Result<(), StoreError> {
    execute_one(
        tx,
        "logins",
        queries::INSERT_LOGIN,
        &[
            &login.id.as_uuid(),
            &login.client.as_uuid(),
            &login.created_at.as_micros(),
            &login.revoked_at.map(Timestamp::as_micros),
        ],
    )
    .await?;
    add_refresh_token(tx, login.id, refresh).await
}

async fn add_refresh_token(tx: &Tx<'_>, login: LoginId, token: &RefreshToken) -> Result<(), StoreError> {
    execute_one(
        tx,
        "refresh_tokens",
        queries::INSERT_REFRESH_TOKEN,
        &[
            &token.hash.as_bytes().as_slice(),
            &login.as_uuid(),
            &token.expires_at.as_micros(),
        ],
    )
    .await
}

pub(crate) async fn session(tx: &Tx<'_>, login: LoginId) -> Result<Option<Session>, StoreError> {
    query_one(tx, queries::SESSION, &[&login.as_uuid()], |row| {
        let row = Reader::new(row, "logins");
        let state: String = row.get("state")?;
        Ok(Session {
            client: row.client_id("client")?,
            client_state: rows::client_state(&state).ok_or_else(|| row.corrupt("state", &state))?,
            revoked: row.get("revoked")?,
        })
    })
    .await
}

pub(crate) async fn revoke_login(tx: &Tx<'_>, login: LoginId, now: Timestamp) -> Result<(), StoreError> {
    let (login, now) = (login.as_uuid(), now.as_micros());
    execute(tx, queries::REVOKE_LOGIN, &[&login, &now])
        .await
        .map(drop)
}

struct Presented {
    login: LoginId,
    expires_at: Timestamp,
    rotated: bool,
    client: ClientId,
    revoked: bool,
    client_is_active: bool,
}

async fn presented(tx: &Tx<'_>, token: &[u8]) -> Result<Option<Presented>, StoreError> {
    // Of several who present one token at the same time the first one exchanges it, and the others learn that it was.
    execute(tx, locks::LOCK_REFRESH_TOKEN, &[&token]).await?;
    query_one(tx, queries::REFRESH_TOKEN, &[&token], |row| {
        let row = Reader::new(row, "logins");
        Ok(Presented {
            login: row.login_id("login")?,
            expires_at: row.time("expires_at")?,
            rotated: row.get("rotated")?,
            client: row.client_id("client")?,
            revoked: row.get("revoked")?,
            client_is_active: row.get::<&str>("state")? == "active",
        })
    })
    .await
}

pub(crate) async fn rotate_refresh_token(
    tx: &Tx<'_>,
    client: ClientId,
    hash: &SecretHash,
    next: &RefreshToken,
    now: Timestamp,
) -> Result<RefreshOutcome, StoreError> {
    let hash = hash.as_bytes().as_slice();
    let Some(token) = presented(tx, hash).await? else {
        return Ok(RefreshOutcome::Refused);
    };
    if token.client != client {
        return Ok(RefreshOutcome::OfAnotherClient);
    }
    // Before the question of reuse: once it has expired a token may be pruned at any time, and the answer must not depend
    // on that.
    if token.expires_at <= now {
        return Ok(RefreshOutcome::Refused);
    }
    if token.rotated {
        revoke_login(tx, token.login, now).await?;
        return Ok(RefreshOutcome::Reused(token.login));
    }
    if token.revoked || !token.client_is_active {
        return Ok(RefreshOutcome::Refused);
    }
    let now = now.as_micros();
    execute_one(
        tx,
        "refresh_tokens",
        queries::ROTATE_REFRESH_TOKEN,
        &[&hash, &now],
    )
    .await?;
    add_refresh_token(tx, token.login, next).await?;
    Ok(RefreshOutcome::Rotated(token.login))
}

/// Rows of each kind that one transaction forgets: none is open for long.
const FORGOTTEN_AT_ONCE: i64 = 1_000;

pub(crate) async fn prune(tx: &Tx<'_>, before: Timestamp) -> Result<u64, StoreError> {
    let before = before.as_micros();
    let mut forgotten = 0;
    for sql in [
        queries::FORGET_RESPONSES,
        queries::FORGET_REFRESH_TOKENS,
        queries::FORGET_LOGINS,
    ] {
        forgotten += execute(tx, sql, &[&before, &FORGOTTEN_AT_ONCE]).await?;
    }
    Ok(forgotten)
}
