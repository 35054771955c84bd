//! Signing in by OpenID Connect: the authorization code flow with PKCE, state and nonce (OpenID Connect Core 1.0), and what a
//! person whom the provider knows becomes here.
//!
//! A person is known by the provider's subject once it has been seen. Before that, a user whose name is the verified e-mail
//! address is the same person. Whoever is neither is refused, unless a rule or the settings say what newcomers become.

mod claims;
mod flow;
mod http;
mod provider;

use std::fmt;

use sfumato_core::store::UserChange;
use sfumato_core::user::Identity;
use sfumato_core::{ClientKey, Role, Secret, StoreError, Timestamp, User, UserState};
use subtle::ConstantTimeEq;
use thiserror::Error;
use url::Url;

use crate::Engine;
use crate::people::{Browser, PeopleError, SignedIn, new_user};

pub use claims::{Grant, RoleRule};
pub use flow::FLOW_LIFETIME;
pub use http::HttpError;
pub(crate) use provider::Provider;

use claims::Claims;
use flow::Flow;

/// Letters that are kept of the provider's word for why it refused.
const REFUSAL_CHARS_MAX: usize = 100;

/// A provider, and what becomes of the people whom it knows.
#[derive(Clone, Debug)]
pub struct OpenIdSettings {
    /// What the sign-in page calls the provider.
    pub name: String,
    /// The provider's issuer identifier, exactly as it writes it.
    pub issuer: Issuer,
    /// What the provider knows this server by.
    pub client_id: String,
    /// What proves it; `None` for a public client, which PKCE alone protects.
    pub client_secret: Option<Secret>,
    /// What is asked for beside `openid`.
    pub scopes: Vec<String>,
    /// The claim that says what a person becomes.
    pub role_claim: String,
    /// What becomes of whom. Where there is a rule at all, the rules decide at each sign-in.
    pub roles: Vec<RoleRule>,
    /// Whose members people become whom no rule names; `None`: they are refused.
    pub newcomers: Option<ClientKey>,
}

/// An issuer identifier: an https address, or an http one on this machine, without query and fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer(String);

/// A text is not an issuer identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not an https address without query and fragment")]
pub struct InvalidIssuer;

impl Issuer {
    /// As it was written: providers compare it letter by letter.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Issuer {
    type Err = InvalidIssuer;

    fn from_str(text: &str) -> Result<Self, InvalidIssuer> {
        let url = Url::parse(text).map_err(|_| InvalidIssuer)?;
        if http::is_safe(&url) && url.query().is_none() && url.fragment().is_none() {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidIssuer)
        }
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Asks the provider for its document and keys, as the first sign-in does: for whoever looks whether people will get in.
///
/// # Errors
/// [`OpenIdError::Unreachable`], [`OpenIdError::Provider`].
pub async fn reach(settings: OpenIdSettings, now: Timestamp) -> Result<(), OpenIdError> {
    Provider::new(settings).reach(now).await
}

/// Why what the provider sent is not taken.
#[derive(Debug, Error)]
pub enum ProviderFault {
    /// The signature of the ID token fits none of the provider's keys.
    #[error("the signature of the ID token is not one of the provider's")]
    Signature(#[source] openidconnect::SignatureVerificationError),
    /// Issuer, audience, time or nonce of the ID token is wrong.
    #[error("the ID token is not for this sign-in")]
    Claims(#[source] openidconnect::ClaimsVerificationError),
    /// There is no ID token.
    #[error("there is no ID token")]
    NoIdToken,
    /// The access token is another than the ID token speaks of.
    #[error("the access token does not belong to the ID token")]
    AccessTokenHash,
    /// Another issuer answered than the one that was asked.
    #[error("the answer names another issuer")]
    Issuer,
    /// The subject cannot be one.
    #[error("the subject cannot be one")]
    Subject(#[from] sfumato_core::user::InvalidSubject),
    /// The client that newcomers or a rule name does not exist.
    #[error("the settings make people members of the client `{0}`, which does not exist")]
    NoSuchClient(ClientKey),
    /// The answer is not what the standard says.
    #[error("the answer is not what OpenID Connect says")]
    Malformed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl ProviderFault {
    fn new(cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Malformed(Box::new(cause))
    }
}

impl From<openidconnect::ClaimsVerificationError> for ProviderFault {
    fn from(error: openidconnect::ClaimsVerificationError) -> Self {
        match error {
            openidconnect::ClaimsVerificationError::SignatureVerification(source) => Self::Signature(source),
            other => Self::Claims(other),
        }
    }
}

/// Why somebody was not signed in by the provider.
#[derive(Debug, Error)]
pub enum OpenIdError {
    /// No provider is set up.
    #[error("no OpenID Connect provider is set up")]
    Off,
    /// The provider does not answer.
    #[error("the OpenID Connect provider does not answer")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What the provider, or somebody in its name, sent is not taken.
    #[error("the answer of the OpenID Connect provider is not taken")]
    Provider(#[from] ProviderFault),
    /// The provider did not sign the person in, by its word for why.
    #[error("the OpenID Connect provider refused: {0:?}")]
    Refused(String),
    /// The provider does not take the code: it was used, or is too old.
    #[error("the OpenID Connect provider does not take the code")]
    Code,
    /// The sign-in was begun in another browser, or too long ago.
    #[error("the sign-in was not begun in this browser, or too long ago")]
    NotBegun,
    /// Nobody here is the person, and newcomers are not made users.
    #[error("{called} is not known here")]
    Unknown {
        /// Whom the provider means.
        called: String,
    },
    /// No rule gives the person a role.
    #[error("no rule gives {called} a role")]
    NoRole {
        /// Whom the provider means.
        called: String,
    },
    /// A user has the person's name, and nothing proves that it is the same person.
    #[error("the name of {called} is another user's")]
    NameTaken {
        /// Whom the provider means.
        called: String,
    },
    /// The provider says nothing that the person could be called by.
    #[error("the provider gives {called} neither a verified e-mail address nor a name")]
    NoName {
        /// Whom the provider means.
        called: String,
    },
    /// An administrator has shut the person out.
    #[error("{called} is shut out")]
    Disabled {
        /// Whom the provider means.
        called: String,
    },
    /// The database refused or cannot answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl OpenIdError {
    /// Whom the provider means, where it has proven that it means anybody.
    pub fn called(&self) -> Option<&str> {
        match self {
            Self::Unknown { called }
            | Self::NoRole { called }
            | Self::NameTaken { called }
            | Self::NoName { called }
            | Self::Disabled { called } => Some(called),
            _ => None,
        }
    }
}

/// The beginning of a sign-in.
#[derive(Clone, Debug)]
pub struct Departure {
    /// Where the browser goes.
    pub url: Url,
    /// What it keeps until it comes back.
    pub flow: Secret,
}

/// What a browser brings back from the provider.
#[derive(Clone, Debug, Default)]
pub struct Return {
    /// The code, where the provider has signed the person in.
    pub code: Option<String>,
    /// What the provider was given to give back.
    pub state: String,
    /// Who answers, where the provider says so (RFC 9207).
    pub issuer: Option<String>,
    /// Why the person was not signed in.
    pub error: Option<String>,
}

/// Somebody whom the provider has signed in.
#[derive(Debug)]
pub struct Arrival {
    /// The session's token.
    pub token: Secret,
    /// The session.
    pub signed_in: SignedIn,
    /// Where the person wanted to go.
    pub next: String,
    /// What was changed here to let the person in.
    pub changes: Vec<Change>,
}

/// What a sign-in by the provider changes beside the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The user was made.
    Created,
    /// The user was found by the verified e-mail address and is known by the provider's subject from then on.
    Linked,
    /// The user has another role than before.
    Role,
}

impl Engine {
    /// The provider by which people sign in; `None` where there is none.
    pub fn openid(&self) -> Option<&OpenIdSettings> {
        self.inner().openid.as_ref().map(|provider| &provider.settings)
    }

    fn provider(&self) -> Result<&Provider, OpenIdError> {
        self.inner().openid.as_ref().ok_or(OpenIdError::Off)
    }

    /// Begins a sign-in, after which the person goes to `next`. The provider sends the browser back to `redirect`.
    ///
    /// # Errors
    /// [`OpenIdError::Off`], [`OpenIdError::Unreachable`], [`OpenIdError::Provider`].
    pub async fn begin_openid(&self, redirect: &Url, next: &str) -> Result<Departure, OpenIdError> {
        let inner = self.inner();
        let now = inner.clock.now();
        let flow = Flow::begin(&*inner.entropy, now, next);
        let url = self.provider()?.way(&flow, redirect, now).await?;
        let flow = flow.seal(&inner.keys.seals, &*inner.entropy);
        Ok(Departure {
            url,
            flow: Secret::from_clear_text(flow),
        })
    }

    /// Ends a sign-in: judges what the browser brings back, asks the provider who the person is, and opens a session.
    ///
    /// # Errors
    /// Every [`OpenIdError`].
    pub async fn finish_openid(
        &self,
        flow: &str,
        back: Return,
        redirect: &Url,
        browser: Browser,
    ) -> Result<Arrival, OpenIdError> {
        let inner = self.inner();
        let now = inner.clock.now();
        let provider = self.provider()?;
        let flow = Flow::open(&inner.keys.seals, flow).filter(|flow| {
            flow.is_open(now) && bool::from(flow.state.as_bytes().ct_eq(back.state.as_bytes()))
        });
        let flow = flow.ok_or(OpenIdError::NotBegun)?;
        if back
            .issuer
            .is_some_and(|issuer| issuer != provider.settings.issuer.as_str())
        {
            return Err(ProviderFault::Issuer.into());
        }
        let code = match (back.error, back.code) {
            (Some(error), _) => {
                let word = error.chars().take(REFUSAL_CHARS_MAX).collect();
                return Err(OpenIdError::Refused(word));
            }
            (None, Some(code)) => code,
            (None, None) => return Err(OpenIdError::NotBegun),
        };
        let (subject, claims) = provider.claims(&flow, &code, redirect, now).await?;
        let identity =
            Identity::new(provider.settings.issuer.as_str(), subject).map_err(ProviderFault::Subject)?;
        let (user, changes) = self.admit(&provider.settings, &identity, &claims).await?;
        match self.open_session(user, browser).await {
            Ok((token, signed_in)) => Ok(Arrival {
                token,
                signed_in,
                next: flow.next,
                changes,
            }),
            Err(PeopleError::Store(error)) => Err(error.into()),
            // Shut out or deleted at this very moment.
            Err(_) => Err(disabled(&claims)),
        }
    }

    /// The user whom the provider means, with the role that the rules give.
    async fn admit(
        &self,
        settings: &OpenIdSettings,
        identity: &Identity,
        claims: &Claims,
    ) -> Result<(User, Vec<Change>), OpenIdError> {
        let store = &self.inner().store;
        if let Some(user) = store.user_by_identity(identity).await? {
            let role = self.role_of_known(settings, &user, claims).await?;
            return self.with_role(user, role, vec![]).await;
        }
        if let Some(email) = claims.verified_email()
            && let Some(user) = store.user_by_name(&email).await?
        {
            let role = self.role_of_known(settings, &user, claims).await?;
            let linked = store.link_identity(user.id, identity).await;
            // The address was somebody else's before: the subject says that it is not the same person.
            linked.map_err(|error| name_taken(error, claims))?;
            return self.with_role(user, role, vec![Change::Linked]).await;
        }
        let called = || claims.called().to_owned();
        let role = self.granted(settings, claims).await?;
        let role = role.ok_or_else(|| OpenIdError::Unknown { called: called() })?;
        let name = claims
            .name()
            .ok_or_else(|| OpenIdError::NoName { called: called() })?;
        let inner = self.inner();
        let user = new_user(&*inner.clock, &*inner.entropy, name, role);
        let created = store.create_user_with_identity(&user, identity).await;
        created.map_err(|error| name_taken(error, claims))?;
        Ok((user, vec![Change::Created]))
    }

    /// The role of a user who is here already. Without rules the administrators here give it.
    async fn role_of_known(
        &self,
        settings: &OpenIdSettings,
        user: &User,
        claims: &Claims,
    ) -> Result<Role, OpenIdError> {
        if user.state == UserState::Disabled {
            return Err(disabled(claims));
        }
        if settings.roles.is_empty() {
            return Ok(user.role);
        }
        let role = self.granted(settings, claims).await?;
        role.ok_or_else(|| OpenIdError::NoRole {
            called: claims.called().to_owned(),
        })
    }

    async fn with_role(
        &self,
        user: User,
        role: Role,
        mut changes: Vec<Change>,
    ) -> Result<(User, Vec<Change>), OpenIdError> {
        if user.role == role {
            return Ok((user, changes));
        }
        let change = UserChange {
            role: Some(role),
            state: None,
        };
        let user = self.inner().store.update_user(user.id, change).await?;
        changes.push(Change::Role);
        Ok((user, changes))
    }

    /// What the rules, or else the settings for newcomers, make of the person.
    async fn granted(&self, settings: &OpenIdSettings, claims: &Claims) -> Result<Option<Role>, OpenIdError> {
        let granted = claims.granted(&settings.role_claim, &settings.roles);
        let key = match granted {
            Some(Grant::Administrator) => return Ok(Some(Role::Administrator)),
            Some(Grant::Member(key)) => key,
            None => match &settings.newcomers {
                Some(key) => key.clone(),
                None => return Ok(None),
            },
        };
        match self.inner().store.client_by_key(&key).await? {
            Some(client) => Ok(Some(Role::Member(client.id))),
            None => Err(ProviderFault::NoSuchClient(key).into()),
        }
    }
}

fn name_taken(error: StoreError, claims: &Claims) -> OpenIdError {
    match error {
        StoreError::AlreadyExists { .. } => OpenIdError::NameTaken {
            called: claims.called().to_owned(),
        },
        other => other.into(),
    }
}

fn disabled(claims: &Claims) -> OpenIdError {
    OpenIdError::Disabled {
        called: claims.called().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_written_as_the_provider_writes_it() {
        for text in [
            "https://id.example.com",
            "https://id.example.com/realms/a/",
            "http://127.0.0.1:9000",
        ] {
            assert_eq!(text.parse::<Issuer>().unwrap().as_str(), text);
        }
        for wrong in [
            "",
            "id.example.com",
            "http://id.example.com",
            "https://id.example.com?a",
            "https://a#b",
        ] {
            assert_eq!(wrong.parse::<Issuer>(), Err(InvalidIssuer), "{wrong}");
        }
    }
}
