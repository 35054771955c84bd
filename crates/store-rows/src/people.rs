//! Users, their sessions and links, and who did what.

use sfumato_core::audit::{Actor, AuditEntry, Subject};
use sfumato_core::client::SecretHash;
use sfumato_core::user::{PasswordHash, Role, SetupLink, User, UserSession, UserState};
use sfumato_core::{ClientId, StoreError, UserId};

use crate::reader::Reader;
use crate::row::Row;

/// A user.
///
/// # Errors
/// A column breaks a rule.
pub fn user<R: Row>(row: &Reader<R>) -> Result<User, StoreError> {
    let role = match row.get("role")? {
        "administrator" => Role::Administrator,
        "member" => Role::Member(row.client_id("client")?),
        other => return Err(row.corrupt("role", other)),
    };
    let state: &str = row.get("state")?;
    let state = [UserState::Active, UserState::Disabled]
        .into_iter()
        .find(|known| known.name() == state)
        .ok_or_else(|| row.corrupt("state", state))?;
    Ok(User {
        id: row.user_id("id")?,
        name: row.parse("name")?,
        role,
        state,
        password: row.get::<Option<String>>("password")?.map(PasswordHash::from_phc),
        created_at: row.time("created_at")?,
        last_sign_in_at: row.optional_time("last_sign_in_at")?,
        password_changed_at: row.optional_time("password_changed_at")?,
    })
}

/// A session of a user.
///
/// # Errors
/// A column breaks a rule.
pub fn user_session<R: Row>(row: &Reader<R>) -> Result<UserSession, StoreError> {
    Ok(UserSession {
        id: row.session_id("id")?,
        token: SecretHash::from_bytes(row.get("token")?),
        user: row.user_id("user")?,
        created_at: row.time("created_at")?,
        last_seen_at: row.time("last_seen_at")?,
        expires_at: row.time("expires_at")?,
        user_agent: row.get("user_agent")?,
        address: row.optional_parse("address")?,
    })
}

/// An entry of the audit log.
///
/// # Errors
/// A column breaks a rule.
pub fn audit_entry<R: Row>(row: &Reader<R>) -> Result<AuditEntry, StoreError> {
    let kind: &str = row.get("actor_kind")?;
    let actor = Actor::from_parts(kind, row.optional_id("actor")?, row.get("actor_name")?);
    let subject = row
        .optional_id("subject")?
        .map(|id| {
            let kind: &str = row.get("subject_kind")?;
            Subject::from_parts(kind, id).ok_or_else(|| row.corrupt("subject_kind", kind))
        })
        .transpose()?;
    let detail: &str = row.get("detail")?;
    Ok(AuditEntry {
        id: row.audit_id("id")?,
        at: row.time("at")?,
        actor: actor.ok_or_else(|| row.corrupt("actor_kind", kind))?,
        action: row.parse("action")?,
        subject,
        client: row.optional_id("client")?.map(ClientId::from_uuid),
        detail: serde_json::from_str(detail).map_err(|error| row.corrupt("detail", error))?,
        address: row.optional_parse("address")?,
    })
}

/// A link by which somebody chooses a password.
///
/// # Errors
/// A column breaks a rule.
pub fn setup_link<R: Row>(row: &Reader<R>) -> Result<SetupLink, StoreError> {
    Ok(SetupLink {
        token: SecretHash::from_bytes(row.get("token")?),
        user: row.optional_id("user")?.map(UserId::from_uuid),
        expires_at: row.time("expires_at")?,
    })
}
