//! People who use the Manager, what they may see, and their sessions. Programs are [clients](crate::client) instead.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use subtle::ConstantTimeEq;
use thiserror::Error;

use crate::client::SecretHash;
use crate::id::{ClientId, SessionId, UserId};
use crate::time::Timestamp;

/// Characters of a name at most.
pub const NAME_CHARS_MAX: usize = 254;

/// A person who may sign in to the Manager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Identifier.
    pub id: UserId,
    /// What the person signs in with; names one user only.
    pub name: UserName,
    /// What the person may do.
    pub role: Role,
    /// Whether the person may sign in.
    pub state: UserState,
    /// `None` until the person has chosen a password.
    pub password: Option<PasswordHash>,
    /// When the user was created.
    pub created_at: Timestamp,
    /// When the person last signed in.
    pub last_sign_in_at: Option<Timestamp>,
    /// When the password was last chosen.
    pub password_changed_at: Option<Timestamp>,
}

/// Whether a user may sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserState {
    /// The person may.
    Active,
    /// An administrator has shut the person out.
    Disabled,
}

impl UserState {
    /// The word for it, in databases and on pages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }
}

/// What a person signs in with: an e-mail address or any other word. Letters are kept in lower case, so that nobody has to
/// remember how it was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(String);

/// A text is not a user's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("must have 1 to {NAME_CHARS_MAX} characters, without spaces")]
pub struct InvalidUserName;

impl UserName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserName {
    type Err = InvalidUserName;

    fn from_str(text: &str) -> Result<Self, InvalidUserName> {
        let name = text.trim().to_lowercase();
        let plain = |c: char| !c.is_whitespace() && !c.is_control();
        if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || !name.chars().all(plain) {
            return Err(InvalidUserName);
        }
        Ok(Self(name))
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A stretched password in the PHC string format, with algorithm, parameters and salt. `Debug` does not show it.
#[derive(Clone, Eq)]
pub struct PasswordHash(String);

/// In constant time, so that no comparison tells where it ended.
impl PartialEq for PasswordHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl PasswordHash {
    /// Takes what a hash function or the database gives.
    pub fn from_phc(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The PHC string.
    pub fn as_phc(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// Characters of a subject at most (OpenID Connect Core 1.0, section 2).
pub const SUBJECT_CHARS_MAX: usize = 255;

/// Who a person is at an OpenID Connect provider. It stays the same when the name or the e-mail address changes there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    issuer: String,
    subject: String,
}

/// A text is not a provider's subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a subject must have 1 to {SUBJECT_CHARS_MAX} characters")]
pub struct InvalidSubject;

impl Identity {
    /// The identity of a provider's subject.
    ///
    /// # Errors
    /// [`InvalidSubject`] where the subject is empty or too long.
    pub fn new(issuer: impl Into<String>, subject: impl Into<String>) -> Result<Self, InvalidSubject> {
        let (issuer, subject) = (issuer.into(), subject.into());
        if subject.is_empty() || subject.chars().count() > SUBJECT_CHARS_MAX {
            return Err(InvalidSubject);
        }
        Ok(Self { issuer, subject })
    }

    /// The provider's issuer identifier, an address.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// What the provider calls the person, unique there and never given to anybody else.
    pub fn subject(&self) -> &str {
        &self.subject
    }
}

/// A browser in which a person has signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserSession {
    /// Identifier; unlike the token it may stand on a page.
    pub id: SessionId,
    /// The hash of the token that the browser holds.
    pub token: SecretHash,
    /// Who has signed in.
    pub user: UserId,
    /// When.
    pub created_at: Timestamp,
    /// When a request last came with it, give or take a minute.
    pub last_seen_at: Timestamp,
    /// When it ends, however much it is used.
    pub expires_at: Timestamp,
    /// What the browser says of itself; shown to its owner.
    pub user_agent: String,
    /// From where the person signed in.
    pub address: Option<IpAddr>,
}

/// A link that works once, for whoever was given it: to make the first administrator, or to choose a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetupLink {
    /// The hash of the token in the link.
    pub token: SecretHash,
    /// Whose password is chosen with it; `None`: the first administrator is made with it.
    pub user: Option<UserId>,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// What a person may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Everything, for all clients.
    Administrator,
    /// What belongs to one client.
    Member(ClientId),
}

impl Role {
    /// Whose things the person may see.
    pub const fn scope(self) -> Scope {
        match self {
            Self::Administrator => Scope::All,
            Self::Member(client) => Scope::Client(client),
        }
    }
}

/// Whose things are meant or may be seen. What lies outside behaves exactly as what does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those of every client.
    All,
    /// Those of one client.
    Client(ClientId),
}

impl Scope {
    /// Whether what belongs to `client` lies inside.
    pub fn contains(self, client: ClientId) -> bool {
        match self {
            Self::All => true,
            Self::Client(own) => own == client,
        }
    }

    /// What lies inside both: a list narrowed to one client by somebody who may see others too. `None`: nothing does.
    pub fn narrowed_to(self, client: ClientId) -> Option<Self> {
        self.contains(client).then_some(Self::Client(client))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_member_sees_one_client_and_cannot_be_narrowed_to_another() {
        let [own, other] = [1, 2].map(|n| ClientId::from_uuid(Uuid::from_u128(n)));
        let member = Role::Member(own).scope();
        assert!(member.contains(own) && !member.contains(other));
        assert_eq!(member.narrowed_to(own), Some(Scope::Client(own)));
        assert_eq!(member.narrowed_to(other), None);
        assert_eq!(
            Role::Administrator.scope().narrowed_to(other),
            Some(Scope::Client(other))
        );
    }

    #[test]
    fn a_name_is_one_word_in_lower_case() {
        let name: UserName = " Ada@Example.COM ".parse().unwrap();
        assert_eq!(name.as_str(), "ada@example.com");
        for wrong in ["", "  ", "a b", "a\u{0}", &"x".repeat(NAME_CHARS_MAX + 1)] {
            assert_eq!(wrong.parse::<UserName>(), Err(InvalidUserName), "{wrong}");
        }
    }

    #[test]
    fn a_subject_is_neither_empty_nor_longer_than_the_standard_allows() {
        let longest = "x".repeat(SUBJECT_CHARS_MAX);
        let identity = Identity::new("https://id.example.com", longest.clone()).unwrap();
        assert_eq!(identity.subject(), longest);
        for wrong in ["", &"x".repeat(SUBJECT_CHARS_MAX + 1)] {
            assert_eq!(
                Identity::new("https://id.example.com", wrong),
                Err(InvalidSubject)
            );
        }
    }

    #[test]
    fn debug_output_never_shows_a_password_hash() {
        let hash = PasswordHash::from_phc("$argon2id$v=19$m=1,t=1,p=1$c2FsdA$aGFzaA");
        assert!(!format!("{hash:?}").contains("aGFzaA"));
    }
}
