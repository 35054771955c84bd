//! Clients, logins and refresh tokens.

use rusqlite::{Connection, params};
use sfumato_core::client::{Client, ClientKey, ClientState, Login, SecretHash};
use sfumato_core::store::{RefreshOutcome, RefreshToken, Session};
use sfumato_core::{ClientId, LoginId, StoreError, Timestamp};

use crate::queries;
use crate::rows::{self, Reader, key};
use crate::sql::{execute, execute_one, query, query_one};

pub(crate) fn create(conn: &Connection, client: &Client) -> Result<(), StoreError> {
    let (previous, until) = match &client.previous_secret {
        Some((hash, until)) => (Some(*hash.as_bytes()), Some(until.as_micros())),
        None => (None, None),
    };
    execute_one(
        conn,
        "clients",
        queries::INSERT_CLIENT,
        params![
            key(client.id.as_uuid()),
            client.key.as_str(),
            client.name,
            rows::client_state_name(client.state),
            client.created_at.as_micros(),
            client.secret.as_bytes(),
            previous,
            until,
        ],
    )
}

pub(crate) fn all(conn: &Connection) -> Result<Vec<Client>, StoreError> {
    query(conn, queries::CLIENTS, [], rows::client)
}

pub(crate) fn by_key(conn: &Connection, name: &ClientKey) -> Result<Option<Client>, StoreError> {
    query_one(conn, queries::CLIENT_BY_KEY, [name.as_str()], rows::client)
}

pub(crate) fn rotate_secret(
    conn: &Connection,
    name: &ClientKey,
    secret: &SecretHash,
    previous_until: Timestamp,
) -> Result<(), StoreError> {
    let params = params![name.as_str(), secret.as_bytes(), previous_until.as_micros()];
    match execute(conn, queries::ROTATE_SECRET, params)? {
        0 => Err(StoreError::NotFound { what: "client" }),
        _ => Ok(()),
    }
}

pub(crate) fn rename(conn: &Connection, key: &ClientKey, name: &str) -> Result<(), StoreError> {
    match execute(conn, queries::RENAME_CLIENT, params![key.as_str(), name])? {
        0 => Err(StoreError::NotFound { what: "client" }),
        _ => Ok(()),
    }
}

pub(crate) fn set_state(
    conn: &Connection,
    name: &ClientKey,
    state: ClientState,
    now: Timestamp,
) -> Result<(), StoreError> {
    let params = params![name.as_str(), rows::client_state_name(state)];
    if execute(conn, queries::SET_CLIENT_STATE, params)? == 0 {
        return Err(StoreError::NotFound { what: "client" });
    }
    if state == ClientState::Disabled {
        execute(
            conn,
            queries::REVOKE_LOGINS_OF_CLIENT,
            params![name.as_str(), now.as_micros()],
        )?;
    }
    Ok(())
}

pub(crate) fn open_login(conn: &Connection, login: &Login, refresh: &RefreshToken) -> Result<(), StoreError> {
    execute_one(
        conn,
        "logins",
        queries::INSERT_LOGIN,
        params![
            key(login.id.as_uuid()),
            key(login.client.as_uuid()),
            login.created_at.as_micros(),
            login.revoked_at.map(Timestamp::as_micros),
        ],
    )?;
    add_refresh_token(conn, login.id, refresh)
}

fn add_refresh_token(conn: &Connection, login: LoginId, token: &RefreshToken) -> Result<(), StoreError> {
    let params = params![
        token.hash.as_bytes(),
        key(login.as_uuid()),
        token.expires_at.as_micros()
    ];
    execute_one(conn, "refresh_tokens", queries::INSERT_REFRESH_TOKEN, params)
}

pub(crate) fn session(conn: &Connection, login: LoginId) -> Result<Option<Session>, StoreError> {
    query_one(conn, queries::SESSION, [key(login.as_uuid())], |row| {
        let row = Reader::new(row, "logins");
        let state: String = row.get("state")?;
        Ok(Session {
            client: row.client_id("client")?,
            client_state: rows::client_state(&state).ok_or_else(|| row.corrupt("state", &state))?,
            revoked: row.get("revoked")?,
        })
    })
}

pub(crate) fn revoke_login(conn: &Connection, login: LoginId, now: Timestamp) -> Result<(), StoreError> {
    execute(
        conn,
        queries::REVOKE_LOGIN,
        params![key(login.as_uuid()), now.as_micros()],
    )?;
    Ok(())
}

struct Presented {
    login: LoginId,
    expires_at: Timestamp,
    rotated: bool,
    client: ClientId,
    revoked: bool,
    client_is_active: bool,
}

pub(crate) fn rotate_refresh_token(
    conn: &Connection,
    client: ClientId,
    presented: &SecretHash,
    next: &RefreshToken,
    now: Timestamp,
) -> Result<RefreshOutcome, StoreError> {
    let found = query_one(conn, queries::REFRESH_TOKEN, [presented.as_bytes()], |row| {
        let row = Reader::new(row, "logins");
        Ok(Presented {
            login: row.login_id("login")?,
            expires_at: Timestamp::from_micros(row.get("expires_at")?),
            rotated: row.get("rotated")?,
            client: row.client_id("client")?,
            revoked: row.get("revoked")?,
            client_is_active: row.get::<String>("state")? == "active",
        })
    })?;
    let Some(token) = found else {
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
        revoke_login(conn, token.login, now)?;
        return Ok(RefreshOutcome::Reused(token.login));
    }
    if token.revoked || !token.client_is_active {
        return Ok(RefreshOutcome::Refused);
    }
    let params = params![presented.as_bytes(), now.as_micros()];
    execute_one(conn, "refresh_tokens", queries::ROTATE_REFRESH_TOKEN, params)?;
    add_refresh_token(conn, token.login, next)?;
    Ok(RefreshOutcome::Rotated(token.login))
}

/// Rows of each kind that one transaction forgets: the writer is never held for long.
const FORGOTTEN_AT_ONCE: u32 = 1_000;

pub(crate) fn prune(conn: &Connection, before: Timestamp) -> Result<usize, StoreError> {
    let params = params![before.as_micros(), FORGOTTEN_AT_ONCE];
    Ok(execute(conn, queries::FORGET_RESPONSES, params)?
        + execute(conn, queries::FORGET_REFRESH_TOKENS, params)?
        + execute(conn, queries::FORGET_LOGINS, params)?)
}
