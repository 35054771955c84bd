//! People at the Manager: signing in and out, sessions, passwords, and the users themselves.
//!
//! A session is a random token that the browser holds and whose hash the database holds: it ends when it is not used, when
//! its time is over, when the person signs out, or when the user is disabled or gets another password. A setup link is a
//! random token too, which works once: the first administrator is made with one, and everybody else chooses the first
//! password with one, so that nobody ever knows somebody else's password.

use std::net::IpAddr;
use std::time::Duration;

use sfumato_core::client::{Secret, SecretHash};
use sfumato_core::store::UserChange;
use sfumato_core::user::{InvalidUserName, SetupLink, User, UserName, UserSession, UserState};
use sfumato_core::{Clock, Entropy, Role, SessionId, Store, StoreError, UserId};
use thiserror::Error;

use crate::Engine;
use crate::passwords::{self, InvalidPassword, StretchError};

/// How long a setup link works.
pub const SETUP_LINK_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// A session's last use is written down at most this often: reading a page should not cost a write each time.
const TOUCHED_EVERY: Duration = Duration::from_secs(60);

/// Bytes that are kept of what a browser says of itself.
const USER_AGENT_BYTES_MAX: usize = 300;

/// Why something about people failed.
#[derive(Debug, Error)]
pub enum PeopleError {
    /// The user is unknown, the password is wrong, or the user is disabled: one answer for all three.
    #[error("the name or the password is wrong")]
    WrongCredentials,
    /// The present password, asked for again, is wrong.
    #[error("the present password is wrong")]
    WrongPassword,
    /// The name cannot be one.
    #[error("the name {0}")]
    Name(#[from] InvalidUserName),
    /// The password cannot be one.
    #[error("the password {0}")]
    Password(#[from] InvalidPassword),
    /// The setup link was used, replaced or has expired.
    #[error("the link has been used or has expired")]
    LinkIsOver,
    /// Too many sign in at once.
    #[error("too many people sign in at this moment")]
    Busy,
    /// The password could not be hashed. A fault of ours.
    #[error("the password cannot be hashed")]
    Stretching,
    /// The database refused or cannot answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<StretchError> for PeopleError {
    fn from(error: StretchError) -> Self {
        match error {
            StretchError::Busy => Self::Busy,
            StretchError::Failed => Self::Stretching,
        }
    }
}

/// Where somebody signs in.
#[derive(Clone, Debug, Default)]
pub struct Browser {
    /// What it says of itself.
    pub user_agent: String,
    /// Where the request came from.
    pub address: Option<IpAddr>,
}

/// A person with a session that stands.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Who.
    pub user: User,
    /// Where.
    pub session: UserSession,
}

/// What a setup link that works is for.
#[derive(Clone, Debug)]
pub enum Setup {
    /// To make the first administrator.
    FirstAdministrator,
    /// To choose a password.
    Password(User),
}

impl Engine {
    /// Opens a session. The token goes to the browser and is stored as a hash only.
    ///
    /// # Errors
    /// [`PeopleError::WrongCredentials`], in the same time whether the user is unknown or the password wrong;
    /// [`PeopleError::Busy`].
    pub async fn sign_in(
        &self,
        name: &str,
        password: &str,
        browser: Browser,
    ) -> Result<(Secret, SignedIn), PeopleError> {
        let inner = self.inner();
        let found = match name.parse::<UserName>() {
            Ok(name) => inner.store.user_by_name(&name).await?,
            Err(InvalidUserName) => None,
        };
        let hash = found.as_ref().and_then(|user| user.password.as_ref());
        let accepted = inner.passwords.verify(password, hash).await?;
        let user = found
            .filter(|user| accepted && user.state == UserState::Active)
            .ok_or(PeopleError::WrongCredentials)?;
        self.open_session(user, browser).await
    }

    pub(crate) async fn open_session(
        &self,
        user: User,
        browser: Browser,
    ) -> Result<(Secret, SignedIn), PeopleError> {
        let inner = self.inner();
        let now = inner.clock.now();
        let token = Secret::generate("session_", &*inner.entropy);
        let mut user_agent = browser.user_agent;
        user_agent.truncate(user_agent.floor_char_boundary(USER_AGENT_BYTES_MAX));
        let session = UserSession {
            id: SessionId::new(&*inner.clock, &*inner.entropy),
            token: SecretHash::of(token.expose()),
            user: user.id,
            created_at: now,
            last_seen_at: now,
            expires_at: now.after(inner.settings.session_lifetime),
            user_agent,
            address: browser.address,
        };
        match inner.store.open_session(&session).await {
            Ok(()) => Ok((token, SignedIn { user, session })),
            // The user was disabled or deleted while the password was stretched.
            Err(StoreError::NotFound { .. }) => Err(PeopleError::WrongCredentials),
            Err(error) => Err(error.into()),
        }
    }

    /// Who holds a token, where its session stands.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot answer.
    pub async fn identify(&self, token: &str) -> Result<Option<SignedIn>, StoreError> {
        let inner = self.inner();
        let found = inner.store.session_by_token(&SecretHash::of(token)).await?;
        let Some((session, user)) = found else {
            return Ok(None);
        };
        let now = inner.clock.now();
        let idle = now.since(session.last_seen_at);
        let over = now >= session.expires_at || idle >= inner.settings.session_idle;
        if over || user.state != UserState::Active {
            return Ok(None);
        }
        if idle >= TOUCHED_EVERY {
            inner.store.touch_session(session.id, now).await?;
        }
        Ok(Some(SignedIn { user, session }))
    }

    /// Ends the session.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot answer.
    pub async fn sign_out(&self, signed_in: &SignedIn) -> Result<(), StoreError> {
        let session = &signed_in.session;
        self.inner().store.end_session(session.user, session.id).await
    }

    /// Ends every session of the person, this one too; returns how many.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot answer.
    pub async fn sign_out_everywhere(&self, user: UserId) -> Result<u64, StoreError> {
        self.inner().store.end_sessions(user, None).await
    }

    /// The sessions of a person that stand, the last used first.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot answer.
    pub async fn sessions(&self, user: UserId) -> Result<Vec<UserSession>, StoreError> {
        let inner = self.inner();
        let (now, idle) = (inner.clock.now(), inner.settings.session_idle);
        let mut sessions = inner.store.sessions_of_user(user).await?;
        sessions.retain(|session| now < session.expires_at && now.since(session.last_seen_at) < idle);
        Ok(sessions)
    }

    /// Ends one session of a person. Nothing where it has ended or is somebody else's.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot answer.
    pub async fn end_session(&self, user: UserId, session: SessionId) -> Result<(), StoreError> {
        self.inner().store.end_session(user, session).await
    }

    /// Changes the person's own password and ends every other session of the person.
    ///
    /// # Errors
    /// [`PeopleError::WrongPassword`] where `present` is not it; [`PeopleError::Password`]; [`PeopleError::Busy`].
    pub async fn change_password(
        &self,
        signed_in: &SignedIn,
        present: &str,
        new: &str,
    ) -> Result<(), PeopleError> {
        let inner = self.inner();
        let user = &signed_in.user;
        if !inner.passwords.verify(present, user.password.as_ref()).await? {
            return Err(PeopleError::WrongPassword);
        }
        passwords::judge(new, user.name.as_str())?;
        let hash = inner.passwords.stretch(new, &inner.entropy).await?;
        let keep = Some(signed_in.session.id);
        Ok(inner.store.set_password(user.id, &hash, keep).await?)
    }

    /// Every user, by name.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot answer.
    pub async fn users(&self) -> Result<Vec<User>, StoreError> {
        self.inner().store.users().await
    }

    /// One user.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot answer.
    pub async fn user(&self, user: UserId) -> Result<Option<User>, StoreError> {
        self.inner().store.user(user).await
    }

    /// Makes a user without a password, and the setup link's token with which the person chooses one.
    ///
    /// # Errors
    /// [`PeopleError::Name`]; [`StoreError::AlreadyExists`].
    pub async fn create_user(&self, name: &str, role: Role) -> Result<(User, Secret), PeopleError> {
        let inner = self.inner();
        let user = create_user(&*inner.store, &*inner.clock, &*inner.entropy, name, role).await?;
        let token = self.new_setup_link(user.id).await?;
        Ok((user, token))
    }

    /// A new setup link's token for a user; earlier links are void.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn new_setup_link(&self, user: UserId) -> Result<Secret, StoreError> {
        let inner = self.inner();
        new_setup_link(&*inner.store, &*inner.clock, &*inner.entropy, Some(user)).await
    }

    /// Changes a user's role or state.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn update_user(&self, user: UserId, change: UserChange) -> Result<User, StoreError> {
        self.inner().store.update_user(user, change).await
    }

    /// Deletes a user.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn delete_user(&self, user: UserId) -> Result<(), StoreError> {
        self.inner().store.delete_user(user).await
    }

    /// Whether there is a user at all.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot answer.
    pub async fn has_users(&self) -> Result<bool, StoreError> {
        self.inner().store.has_users().await
    }

    /// The token of a link with which the first administrator is made; `None` where there is a user already, or where nobody
    /// signs in by password. Links that were given before are void.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot answer.
    pub async fn open_setup(&self) -> Result<Option<Secret>, StoreError> {
        let inner = self.inner();
        if !inner.settings.password_sign_in || inner.store.has_users().await? {
            return Ok(None);
        }
        let token = new_setup_link(&*inner.store, &*inner.clock, &*inner.entropy, None).await?;
        Ok(Some(token))
    }

    /// What a setup link is for; `None` where it does not work.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot answer.
    pub async fn setup(&self, token: &str) -> Result<Option<Setup>, StoreError> {
        let store = &self.inner().store;
        match store.setup_link(&SecretHash::of(token)).await? {
            None => Ok(None),
            Some(SetupLink { user: None, .. }) => {
                let unused = !store.has_users().await?;
                Ok(unused.then_some(Setup::FirstAdministrator))
            }
            Some(SetupLink { user: Some(user), .. }) => Ok(store.user(user).await?.map(Setup::Password)),
        }
    }

    /// Makes the first administrator with a setup link, and signs the person in.
    ///
    /// # Errors
    /// [`PeopleError::LinkIsOver`], [`PeopleError::Name`], [`PeopleError::Password`], [`PeopleError::Busy`].
    pub async fn create_first_administrator(
        &self,
        token: &str,
        name: &str,
        password: &str,
        browser: Browser,
    ) -> Result<(Secret, SignedIn), PeopleError> {
        let inner = self.inner();
        let link = self.working_link(token).await?;
        let mut user = new_user(&*inner.clock, &*inner.entropy, name.parse()?, Role::Administrator);
        passwords::judge(password, user.name.as_str())?;
        user.password = Some(inner.passwords.stretch(password, &inner.entropy).await?);
        user.password_changed_at = Some(user.created_at);
        let created = inner.store.create_first_user(&link, &user).await;
        created.map_err(link_is_over)?;
        self.open_session(user, browser).await
    }

    /// Chooses a password with a setup link. The person signs in with it next: whoever found the link in a log must not be
    /// inside without anybody noticing that the password has changed.
    ///
    /// # Errors
    /// [`PeopleError::LinkIsOver`], [`PeopleError::Password`], [`PeopleError::Busy`].
    pub async fn choose_password(&self, token: &str, password: &str) -> Result<(), PeopleError> {
        let inner = self.inner();
        let link = self.working_link(token).await?;
        let user = link.user.ok_or(PeopleError::LinkIsOver)?;
        let user = inner.store.user(user).await?.ok_or(PeopleError::LinkIsOver)?;
        passwords::judge(password, user.name.as_str())?;
        let hash = inner.passwords.stretch(password, &inner.entropy).await?;
        let chosen = inner.store.choose_password(&link, &hash).await;
        chosen.map(drop).map_err(link_is_over)
    }

    async fn working_link(&self, token: &str) -> Result<SetupLink, PeopleError> {
        let link = self.inner().store.setup_link(&SecretHash::of(token)).await?;
        link.ok_or(PeopleError::LinkIsOver)
    }
}

fn link_is_over(error: StoreError) -> PeopleError {
    match error {
        StoreError::NotFound { .. } => PeopleError::LinkIsOver,
        other => other.into(),
    }
}

pub(crate) fn new_user(clock: &dyn Clock, entropy: &dyn Entropy, name: UserName, role: Role) -> User {
    User {
        id: UserId::new(clock, entropy),
        name,
        role,
        state: UserState::Active,
        password: None,
        created_at: clock.now(),
        last_sign_in_at: None,
        password_changed_at: None,
    }
}

/// Makes a user without a password in a store: for the command line, which has no engine.
///
/// # Errors
/// [`PeopleError::Name`]; [`StoreError::AlreadyExists`].
pub async fn create_user(
    store: &dyn Store,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    name: &str,
    role: Role,
) -> Result<User, PeopleError> {
    let user = new_user(clock, entropy, name.parse()?, role);
    store.create_user(&user).await?;
    Ok(user)
}

/// Makes a setup link in a store and voids earlier ones: of a user, or of the first administrator. The token is stored as a
/// hash only.
///
/// # Errors
/// [`StoreError::NotFound`] for an unknown user.
pub async fn new_setup_link(
    store: &dyn Store,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    user: Option<UserId>,
) -> Result<Secret, StoreError> {
    let token = Secret::generate("setup_", entropy);
    let link = SetupLink {
        token: SecretHash::of(token.expose()),
        user,
        expires_at: clock.now().after(SETUP_LINK_LIFETIME),
    };
    store.put_setup_link(&link).await?;
    Ok(token)
}

/// Gives a user a password in a store and ends the user's sessions: for the command line.
///
/// # Errors
/// [`PeopleError::Password`]; [`StoreError::NotFound`].
pub async fn set_password(
    store: &dyn Store,
    entropy: &dyn Entropy,
    user: &User,
    password: &str,
) -> Result<(), PeopleError> {
    passwords::judge(password, user.name.as_str())?;
    let hash = passwords::stretch(password, entropy)?;
    Ok(store.set_password(user.id, &hash, None).await?)
}
