//! People, their sessions and their setup links.

use async_trait::async_trait;
use rusqlite::{Connection, params};
use sfumato_core::client::SecretHash;
use sfumato_core::store::{UserChange, UserStore};
use sfumato_core::user::{Identity, PasswordHash, Role, SetupLink, User, UserName, UserSession, UserState};
use sfumato_core::{SessionId, StoreError, Timestamp, UserId};

use crate::queries;
use crate::rows::{self, key};
use crate::sql::{execute, execute_one, query, query_one};
use crate::sqlite::SqliteStore;

/// Rows of each kind that one transaction forgets: the writer is never held for long.
const FORGOTTEN_AT_ONCE: u32 = 1_000;

const NO_USER: StoreError = StoreError::NotFound { what: "user" };
const NO_LINK: StoreError = StoreError::NotFound { what: "setup link" };

#[async_trait]
impl UserStore for SqliteStore {
    async fn create_user(&self, user: &User) -> Result<(), StoreError> {
        let user = user.clone();
        self.write(move |conn, _| create(conn, &user)).await
    }

    async fn users(&self) -> Result<Vec<User>, StoreError> {
        self.read(|conn| query(conn, queries::USERS, [], rows::user))
            .await
    }

    async fn has_users(&self) -> Result<bool, StoreError> {
        self.read(any).await
    }

    async fn user(&self, user: UserId) -> Result<Option<User>, StoreError> {
        self.read(move |conn| by_id(conn, user)).await
    }

    async fn user_by_name(&self, name: &UserName) -> Result<Option<User>, StoreError> {
        let name = name.clone();
        self.read(move |conn| query_one(conn, queries::USER_BY_NAME, [name.as_str()], rows::user))
            .await
    }

    async fn create_user_with_identity(&self, user: &User, identity: &Identity) -> Result<(), StoreError> {
        let (user, identity) = (user.clone(), identity.clone());
        self.write(move |conn, sources| {
            create(conn, &user)?;
            link_identity(conn, user.id, &identity, sources.clock.now())
        })
        .await
    }

    async fn user_by_identity(&self, identity: &Identity) -> Result<Option<User>, StoreError> {
        let identity = identity.clone();
        self.read(move |conn| by_identity(conn, &identity)).await
    }

    async fn link_identity(&self, user: UserId, identity: &Identity) -> Result<(), StoreError> {
        let identity = identity.clone();
        self.write(move |conn, sources| link_identity(conn, user, &identity, sources.clock.now()))
            .await
    }

    async fn update_user(&self, user: UserId, change: UserChange) -> Result<User, StoreError> {
        self.write(move |conn, _| update(conn, user, change)).await
    }

    async fn set_password(
        &self,
        user: UserId,
        password: &PasswordHash,
        keep: Option<SessionId>,
    ) -> Result<(), StoreError> {
        let password = password.clone();
        self.write(move |conn, sources| set_password(conn, user, &password, keep, sources.clock.now()))
            .await
    }

    async fn delete_user(&self, user: UserId) -> Result<(), StoreError> {
        self.write(
            move |conn, _| match execute(conn, queries::DELETE_USER, [key(user.as_uuid())])? {
                0 => Err(NO_USER),
                _ => Ok(()),
            },
        )
        .await
    }

    async fn open_session(&self, session: &UserSession) -> Result<(), StoreError> {
        let session = session.clone();
        self.write(move |conn, _| open_session(conn, &session)).await
    }

    async fn session_by_token(&self, token: &SecretHash) -> Result<Option<(UserSession, User)>, StoreError> {
        let token = token.clone();
        self.read(move |conn| {
            let found = query_one(
                conn,
                queries::USER_SESSION_BY_TOKEN,
                [token.as_bytes()],
                rows::user_session,
            )?;
            let Some(session) = found else { return Ok(None) };
            Ok(by_id(conn, session.user)?.map(|user| (session, user)))
        })
        .await
    }

    async fn touch_session(&self, session: SessionId, seen_at: Timestamp) -> Result<(), StoreError> {
        self.write(move |conn, _| {
            let params = params![key(session.as_uuid()), seen_at.as_micros()];
            execute(conn, queries::TOUCH_USER_SESSION, params).map(drop)
        })
        .await
    }

    async fn sessions_of_user(&self, user: UserId) -> Result<Vec<UserSession>, StoreError> {
        self.read(move |conn| {
            query(
                conn,
                queries::USER_SESSIONS_OF_USER,
                [key(user.as_uuid())],
                rows::user_session,
            )
        })
        .await
    }

    async fn end_session(&self, user: UserId, session: SessionId) -> Result<(), StoreError> {
        self.write(move |conn, _| {
            let params = params![key(session.as_uuid()), key(user.as_uuid())];
            execute(conn, queries::END_USER_SESSION, params).map(drop)
        })
        .await
    }

    async fn end_sessions(&self, user: UserId, keep: Option<SessionId>) -> Result<u64, StoreError> {
        self.write(move |conn, _| end_sessions(conn, user, keep)).await
    }

    async fn put_setup_link(&self, link: &SetupLink) -> Result<(), StoreError> {
        let link = link.clone();
        self.write(move |conn, _| put_link(conn, &link)).await
    }

    async fn setup_link(&self, token: &SecretHash) -> Result<Option<SetupLink>, StoreError> {
        let token = token.clone();
        let now = self.sources().clock.now();
        self.read(move |conn| link(conn, &token, now)).await
    }

    async fn create_first_user(&self, given: &SetupLink, user: &User) -> Result<(), StoreError> {
        let (given, user) = (given.clone(), user.clone());
        self.write(move |conn, sources| {
            let found = link(conn, &given.token, sources.clock.now())?;
            if any(conn)? || found.is_none_or(|found| found.user.is_some()) {
                return Err(NO_LINK);
            }
            void_links(conn, None)?;
            create(conn, &user)
        })
        .await
    }

    async fn choose_password(
        &self,
        given: &SetupLink,
        password: &PasswordHash,
    ) -> Result<UserId, StoreError> {
        let (given, password) = (given.clone(), password.clone());
        self.write(move |conn, sources| {
            let now = sources.clock.now();
            let user = link(conn, &given.token, now)?
                .and_then(|found| found.user)
                .ok_or(NO_LINK)?;
            set_password(conn, user, &password, None, now)?;
            Ok(user)
        })
        .await
    }
}

fn create(conn: &Connection, user: &User) -> Result<(), StoreError> {
    let (role, client) = role_columns(user.role);
    let params = params![
        key(user.id.as_uuid()),
        user.name.as_str(),
        client,
        role,
        user.state.name(),
        user.password.as_ref().map(PasswordHash::as_phc),
        user.created_at.as_micros(),
        user.last_sign_in_at.map(Timestamp::as_micros),
        user.password_changed_at.map(Timestamp::as_micros),
    ];
    match execute(conn, queries::INSERT_USER, params)? {
        0 => Err(StoreError::AlreadyExists {
            what: "a user of this name",
        }),
        _ => Ok(()),
    }
}

fn any(conn: &Connection) -> Result<bool, StoreError> {
    Ok(query_one(conn, queries::HAS_USERS, [], |_| Ok(()))?.is_some())
}

fn by_id(conn: &Connection, user: UserId) -> Result<Option<User>, StoreError> {
    query_one(conn, queries::USER, [key(user.as_uuid())], rows::user)
}

fn by_identity(conn: &Connection, identity: &Identity) -> Result<Option<User>, StoreError> {
    let params = params![identity.issuer(), identity.subject()];
    query_one(conn, queries::USER_BY_IDENTITY, params, rows::user)
}

fn link_identity(
    conn: &Connection,
    user: UserId,
    identity: &Identity,
    now: Timestamp,
) -> Result<(), StoreError> {
    by_id(conn, user)?.ok_or(NO_USER)?;
    if by_identity(conn, identity)?.is_some_and(|owner| owner.id == user) {
        return Ok(());
    }
    let params = params![
        identity.issuer(),
        identity.subject(),
        key(user.as_uuid()),
        now.as_micros()
    ];
    match execute(conn, queries::INSERT_USER_IDENTITY, params)? {
        0 => Err(StoreError::AlreadyExists {
            what: "an identity of this user or this person",
        }),
        _ => Ok(()),
    }
}

fn update(conn: &Connection, id: UserId, change: UserChange) -> Result<User, StoreError> {
    let mut user = by_id(conn, id)?.ok_or(NO_USER)?;
    user.role = change.role.unwrap_or(user.role);
    user.state = change.state.unwrap_or(user.state);
    let (role, client) = role_columns(user.role);
    let params = params![key(id.as_uuid()), client, role, user.state.name()];
    execute_one(conn, "users", queries::UPDATE_USER, params)?;
    if user.state == UserState::Disabled {
        end_sessions(conn, id, None)?;
    }
    Ok(user)
}

fn set_password(
    conn: &Connection,
    user: UserId,
    password: &PasswordHash,
    keep: Option<SessionId>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let params = params![key(user.as_uuid()), password.as_phc(), now.as_micros()];
    if execute(conn, queries::SET_PASSWORD, params)? == 0 {
        return Err(NO_USER);
    }
    void_links(conn, Some(user))?;
    end_sessions(conn, user, keep).map(drop)
}

fn open_session(conn: &Connection, session: &UserSession) -> Result<(), StoreError> {
    let user = key(session.user.as_uuid());
    let created_at = session.created_at.as_micros();
    if execute(conn, queries::RECORD_SIGN_IN, params![user, created_at])? == 0 {
        return Err(NO_USER);
    }
    let params = params![
        key(session.id.as_uuid()),
        session.token.as_bytes(),
        user,
        created_at,
        session.last_seen_at.as_micros(),
        session.expires_at.as_micros(),
        session.user_agent,
        session.address.map(|address| address.to_string()),
    ];
    execute_one(conn, "user_sessions", queries::INSERT_USER_SESSION, params)
}

fn end_sessions(conn: &Connection, user: UserId, keep: Option<SessionId>) -> Result<u64, StoreError> {
    let keep = keep.map(|session| key(session.as_uuid()));
    let ended = execute(
        conn,
        queries::END_USER_SESSIONS,
        params![key(user.as_uuid()), keep],
    )?;
    Ok(ended as u64)
}

fn put_link(conn: &Connection, link: &SetupLink) -> Result<(), StoreError> {
    if let Some(user) = link.user
        && by_id(conn, user)?.is_none()
    {
        return Err(NO_USER);
    }
    void_links(conn, link.user)?;
    let params = params![
        link.token.as_bytes(),
        link.user.map(|user| key(user.as_uuid())),
        link.expires_at.as_micros(),
    ];
    execute_one(conn, "setup_links", queries::INSERT_SETUP_LINK, params)
}

fn void_links(conn: &Connection, user: Option<UserId>) -> Result<(), StoreError> {
    let user = user.map(|user| key(user.as_uuid()));
    execute(conn, queries::VOID_SETUP_LINKS, params![user]).map(drop)
}

fn link(conn: &Connection, token: &SecretHash, now: Timestamp) -> Result<Option<SetupLink>, StoreError> {
    let params = params![token.as_bytes(), now.as_micros()];
    query_one(conn, queries::SETUP_LINK, params, rows::setup_link)
}

pub(crate) fn prune(conn: &Connection, before: Timestamp) -> Result<usize, StoreError> {
    let params = params![before.as_micros(), FORGOTTEN_AT_ONCE];
    Ok(execute(conn, queries::FORGET_USER_SESSIONS, params)?
        + execute(conn, queries::FORGET_SETUP_LINKS, params)?)
}

fn role_columns(role: Role) -> (&'static str, Option<[u8; 16]>) {
    match role {
        Role::Administrator => ("administrator", None),
        Role::Member(client) => ("member", Some(key(client.as_uuid()))),
    }
}
