//! People, their sessions and their setup links.

use async_trait::async_trait;
use sfumato_core::client::SecretHash;
use sfumato_core::store::{UserChange, UserStore};
use sfumato_core::user::{Identity, PasswordHash, Role, SetupLink, User, UserName, UserSession, UserState};
use sfumato_core::{SessionId, StoreError, Timestamp, UserId};
use uuid::Uuid;

use crate::locks;
use crate::postgres::PostgresStore;
use crate::queries;
use crate::rows;
use crate::sql::{Tx, execute, execute_one, query, query_one, text};

/// Rows of each kind that one transaction forgets: none is open for long.
const FORGOTTEN_AT_ONCE: i64 = 1_000;

const NO_USER: StoreError = StoreError::NotFound { what: "user" };
const NO_LINK: StoreError = StoreError::NotFound { what: "setup link" };

#[async_trait]
impl UserStore for PostgresStore {
    async fn create_user(&self, user: &User) -> Result<(), StoreError> {
        self.write(|tx| Box::pin(create(tx, user))).await
    }

    async fn users(&self) -> Result<Vec<User>, StoreError> {
        self.read(|tx| Box::pin(query(tx, queries::USERS, &[], rows::user)))
            .await
    }

    async fn has_users(&self) -> Result<bool, StoreError> {
        self.read(|tx| Box::pin(any(tx))).await
    }

    async fn user(&self, user: UserId) -> Result<Option<User>, StoreError> {
        self.read(|tx| Box::pin(by_id(tx, user))).await
    }

    async fn user_by_name(&self, name: &UserName) -> Result<Option<User>, StoreError> {
        self.read(|tx| {
            Box::pin(async move { query_one(tx, queries::USER_BY_NAME, &[&name.as_str()], rows::user).await })
        })
        .await
    }

    async fn create_user_with_identity(&self, user: &User, identity: &Identity) -> Result<(), StoreError> {
        self.write(|tx| {
            Box::pin(async move {
                create(tx, user).await?;
                link_identity(tx, user.id, identity, tx.now()).await
            })
        })
        .await
    }

    async fn user_by_identity(&self, identity: &Identity) -> Result<Option<User>, StoreError> {
        self.read(|tx| Box::pin(by_identity(tx, identity))).await
    }

    async fn link_identity(&self, user: UserId, identity: &Identity) -> Result<(), StoreError> {
        self.write(|tx| Box::pin(link_identity(tx, user, identity, tx.now())))
            .await
    }

    async fn update_user(&self, user: UserId, change: UserChange) -> Result<User, StoreError> {
        self.write(|tx| Box::pin(update(tx, user, change))).await
    }

    async fn set_password(
        &self,
        user: UserId,
        password: &PasswordHash,
        keep: Option<SessionId>,
    ) -> Result<(), StoreError> {
        self.write(|tx| Box::pin(set_password(tx, user, password, keep, tx.now())))
            .await
    }

    async fn delete_user(&self, user: UserId) -> Result<(), StoreError> {
        self.write(|tx| {
            Box::pin(async move {
                match execute(tx, queries::DELETE_USER, &[&user.as_uuid()]).await? {
                    0 => Err(NO_USER),
                    _ => Ok(()),
                }
            })
        })
        .await
    }

    async fn open_session(&self, session: &UserSession) -> Result<(), StoreError> {
        self.write(|tx| Box::pin(open_session(tx, session))).await
    }

    async fn session_by_token(&self, token: &SecretHash) -> Result<Option<(UserSession, User)>, StoreError> {
        self.read(|tx| {
            Box::pin(async move {
                let token = token.as_bytes().as_slice();
                let found =
                    query_one(tx, queries::USER_SESSION_BY_TOKEN, &[&token], rows::user_session).await?;
                let Some(session) = found else { return Ok(None) };
                Ok(by_id(tx, session.user).await?.map(|user| (session, user)))
            })
        })
        .await
    }

    async fn touch_session(&self, session: SessionId, seen_at: Timestamp) -> Result<(), StoreError> {
        self.write(|tx| {
            Box::pin(async move {
                let (session, seen_at) = (session.as_uuid(), seen_at.as_micros());
                execute(tx, queries::TOUCH_USER_SESSION, &[&session, &seen_at])
                    .await
                    .map(drop)
            })
        })
        .await
    }

    async fn sessions_of_user(&self, user: UserId) -> Result<Vec<UserSession>, StoreError> {
        self.read(|tx| {
            Box::pin(async move {
                query(
                    tx,
                    queries::USER_SESSIONS_OF_USER,
                    &[&user.as_uuid()],
                    rows::user_session,
                )
                .await
            })
        })
        .await
    }

    async fn end_session(&self, user: UserId, session: SessionId) -> Result<(), StoreError> {
        self.write(|tx| {
            Box::pin(async move {
                let (user, session) = (user.as_uuid(), session.as_uuid());
                execute(tx, queries::END_USER_SESSION, &[&session, &user])
                    .await
                    .map(drop)
            })
        })
        .await
    }

    async fn end_sessions(&self, user: UserId, keep: Option<SessionId>) -> Result<u64, StoreError> {
        self.write(|tx| Box::pin(end_sessions(tx, user, keep))).await
    }

    async fn put_setup_link(&self, link: &SetupLink) -> Result<(), StoreError> {
        self.write(|tx| Box::pin(put_link(tx, link))).await
    }

    async fn setup_link(&self, token: &SecretHash) -> Result<Option<SetupLink>, StoreError> {
        self.read(|tx| Box::pin(link(tx, token, tx.now()))).await
    }

    async fn create_first_user(&self, given: &SetupLink, user: &User) -> Result<(), StoreError> {
        self.write(|tx| Box::pin(create_first(tx, given, user))).await
    }

    async fn choose_password(
        &self,
        given: &SetupLink,
        password: &PasswordHash,
    ) -> Result<UserId, StoreError> {
        self.write(|tx| Box::pin(choose_password(tx, given, password)))
            .await
    }
}

async fn create(tx: &Tx<'_>, user: &User) -> Result<(), StoreError> {
    let (role, client) = role_columns(user.role);
    let made = execute(
        tx,
        queries::INSERT_USER,
        &[
            &user.id.as_uuid(),
            &user.name.as_str(),
            &client,
            &role,
            &user.state.name(),
            &user.password.as_ref().map(PasswordHash::as_phc),
            &user.created_at.as_micros(),
            &user.last_sign_in_at.map(Timestamp::as_micros),
            &user.password_changed_at.map(Timestamp::as_micros),
        ],
    )
    .await;
    match made? {
        0 => Err(StoreError::AlreadyExists {
            what: "a user of this name",
        }),
        _ => Ok(()),
    }
}

async fn any(tx: &Tx<'_>) -> Result<bool, StoreError> {
    let found = query_one(tx, queries::HAS_USERS, &[], |_| Ok(())).await?;
    Ok(found.is_some())
}

async fn by_id(tx: &Tx<'_>, user: UserId) -> Result<Option<User>, StoreError> {
    query_one(tx, queries::USER, &[&user.as_uuid()], rows::user).await
}

/// The same, and nobody else changes it before the end of the transaction.
async fn locked(tx: &Tx<'_>, user: UserId) -> Result<User, StoreError> {
    execute(tx, locks::LOCK_USER, &[&user.as_uuid()]).await?;
    by_id(tx, user).await?.ok_or(NO_USER)
}

async fn by_identity(tx: &Tx<'_>, identity: &Identity) -> Result<Option<User>, StoreError> {
    let (issuer, subject) = (identity.issuer(), identity.subject());
    query_one(tx, queries::USER_BY_IDENTITY, &[&issuer, &subject], rows::user).await
}

async fn link_identity(
    tx: &Tx<'_>,
    user: UserId,
    identity: &Identity,
    now: Timestamp,
) -> Result<(), StoreError> {
    locked(tx, user).await?;
    if by_identity(tx, identity)
        .await?
        .is_some_and(|owner| owner.id == user)
    {
        return Ok(());
    }
    let (issuer, subject) = (identity.issuer(), identity.subject());
    let (user, now) = (user.as_uuid(), now.as_micros());
    let linked = execute(
        tx,
        queries::INSERT_USER_IDENTITY,
        &[&issuer, &subject, &user, &now],
    )
    .await?;
    match linked {
        0 => Err(StoreError::AlreadyExists {
            what: "an identity of this user or this person",
        }),
        _ => Ok(()),
    }
}

async fn update(tx: &Tx<'_>, id: UserId, change: UserChange) -> Result<User, StoreError> {
    let mut user = locked(tx, id).await?;
    user.role = change.role.unwrap_or(user.role);
    user.state = change.state.unwrap_or(user.state);
    let (role, client) = role_columns(user.role);
    execute_one(
        tx,
        "users",
        queries::UPDATE_USER,
        &[&id.as_uuid(), &client, &role, &user.state.name()],
    )
    .await?;
    if user.state == UserState::Disabled {
        end_sessions(tx, id, None).await?;
    }
    Ok(user)
}

async fn set_password(
    tx: &Tx<'_>,
    user: UserId,
    password: &PasswordHash,
    keep: Option<SessionId>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (id, now) = (user.as_uuid(), now.as_micros());
    let changed = execute(tx, queries::SET_PASSWORD, &[&id, &password.as_phc(), &now]).await;
    if changed? == 0 {
        return Err(NO_USER);
    }
    void_links(tx, Some(user)).await?;
    end_sessions(tx, user, keep).await.map(drop)
}

async fn open_session(tx: &Tx<'_>, session: &UserSession) -> Result<(), StoreError> {
    let (user, created_at) = (session.user.as_uuid(), session.created_at.as_micros());
    // Locks the user's row, so that whoever shuts the user out ends this session too, or comes before it.
    if execute(tx, queries::RECORD_SIGN_IN, &[&user, &created_at]).await? == 0 {
        return Err(NO_USER);
    }
    execute_one(
        tx,
        "user_sessions",
        queries::INSERT_USER_SESSION,
        &[
            &session.id.as_uuid(),
            &session.token.as_bytes().as_slice(),
            &user,
            &created_at,
            &session.last_seen_at.as_micros(),
            &session.expires_at.as_micros(),
            &text(&session.user_agent),
            &session.address.map(|address| address.to_string()),
        ],
    )
    .await
}

async fn end_sessions(tx: &Tx<'_>, user: UserId, keep: Option<SessionId>) -> Result<u64, StoreError> {
    let keep = keep.map(SessionId::as_uuid);
    execute(tx, queries::END_USER_SESSIONS, &[&user.as_uuid(), &keep]).await
}

async fn put_link(tx: &Tx<'_>, link: &SetupLink) -> Result<(), StoreError> {
    match link.user {
        Some(user) => locked(tx, user).await.map(drop)?,
        None => execute(tx, locks::LOCK_FIRST_USER, &[]).await.map(drop)?,
    }
    void_links(tx, link.user).await?;
    execute_one(
        tx,
        "setup_links",
        queries::INSERT_SETUP_LINK,
        &[
            &link.token.as_bytes().as_slice(),
            &link.user.map(UserId::as_uuid),
            &link.expires_at.as_micros(),
        ],
    )
    .await
}

async fn void_links(tx: &Tx<'_>, user: Option<UserId>) -> Result<(), StoreError> {
    let user = user.map(UserId::as_uuid);
    execute(tx, queries::VOID_SETUP_LINKS, &[&user]).await.map(drop)
}

async fn link(tx: &Tx<'_>, token: &SecretHash, now: Timestamp) -> Result<Option<SetupLink>, StoreError> {
    let (token, now) = (token.as_bytes().as_slice(), now.as_micros());
    query_one(tx, queries::SETUP_LINK, &[&token, &now], rows::setup_link).await
}

/// A link that is about to be used up.
async fn take_link(tx: &Tx<'_>, given: &SetupLink, now: Timestamp) -> Result<SetupLink, StoreError> {
    let token = given.token.as_bytes().as_slice();
    execute(tx, locks::LOCK_SETUP_LINK, &[&token]).await?;
    link(tx, &given.token, now).await?.ok_or(NO_LINK)
}

async fn create_first(tx: &Tx<'_>, given: &SetupLink, user: &User) -> Result<(), StoreError> {
    execute(tx, locks::LOCK_FIRST_USER, &[]).await?;
    let found = take_link(tx, given, tx.now()).await?;
    if found.user.is_some() || any(tx).await? {
        return Err(NO_LINK);
    }
    void_links(tx, None).await?;
    create(tx, user).await
}

async fn choose_password(
    tx: &Tx<'_>,
    given: &SetupLink,
    password: &PasswordHash,
) -> Result<UserId, StoreError> {
    let now = tx.now();
    // The user before the link, as whoever makes links does.
    let user = link(tx, &given.token, now)
        .await?
        .and_then(|found| found.user)
        .ok_or(NO_LINK)?;
    execute(tx, locks::LOCK_USER, &[&user.as_uuid()]).await?;
    take_link(tx, given, now).await?;
    set_password(tx, user, password, None, now).await?;
    Ok(user)
}

pub(crate) async fn prune(tx: &Tx<'_>, before: Timestamp) -> Result<u64, StoreError> {
    let before = before.as_micros();
    let sessions = execute(tx, queries::FORGET_USER_SESSIONS, &[&before, &FORGOTTEN_AT_ONCE]).await?;
    let links = execute(tx, queries::FORGET_SETUP_LINKS, &[&before, &FORGOTTEN_AT_ONCE]).await?;
    Ok(sessions + links)
}

fn role_columns(role: Role) -> (&'static str, Option<Uuid>) {
    match role {
        Role::Administrator => ("administrator", None),
        Role::Member(client) => ("member", Some(client.as_uuid())),
    }
}
