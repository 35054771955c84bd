//! Who sends a request, as handlers ask for it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, OptionalFromRequestParts};
use axum::http::Extensions;
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;
use sfumato_core::audit::{Action, Actor};
use sfumato_core::{ClientId, Role, Scope, User, UserId};
use sfumato_engine::access::{Caller, Via};
use sfumato_engine::audit::Deed;
use sfumato_engine::people::{Browser, SignedIn};
use sha2::{Digest, Sha256};

use crate::Console;
use crate::error::ConsoleError;
use crate::look::Look;

/// A person who is signed in, as handlers and templates see it.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    signed_in: Arc<SignedIn>,
    csrf: Arc<str>,
    look: Look,
    address: Option<IpAddr>,
}

impl Visitor {
    pub(crate) fn new(signed_in: SignedIn, token: &str, look: Look, address: Option<IpAddr>) -> Self {
        Self {
            signed_in: Arc::new(signed_in),
            csrf: csrf_token(token).into(),
            look,
            address,
        }
    }

    /// The person's identifier.
    pub(crate) fn id(&self) -> UserId {
        self.signed_in.user.id
    }

    /// What the person signs in with.
    pub(crate) fn name(&self) -> &str {
        self.signed_in.user.name.as_str()
    }

    /// The user and the session.
    pub(crate) fn signed_in(&self) -> &SignedIn {
        &self.signed_in
    }

    /// Whose things the person may see.
    pub(crate) fn scope(&self) -> Scope {
        self.signed_in.user.role.scope()
    }

    /// Whether the person is an administrator, for templates.
    pub(crate) fn is_administrator(&self) -> bool {
        self.signed_in.user.role == Role::Administrator
    }

    /// For what administrators alone may see; for others it does not exist.
    pub(crate) fn administrator(&self) -> Result<(), ConsoleError> {
        if self.is_administrator() {
            Ok(())
        } else {
            Err(ConsoleError::NotFound)
        }
    }

    /// The caller to act for a client; `None` where the client is not the person's.
    pub(crate) fn caller_for(&self, client: ClientId) -> Option<Caller> {
        self.scope().contains(client).then_some(Caller {
            client,
            via: Via::User(self.id()),
        })
    }

    /// What the person does, for the audit log.
    pub(crate) fn deed(&self, action: Action) -> Deed {
        deed(&self.signed_in.user, self.address, action)
    }

    /// What every form and request that changes something must bring.
    pub(crate) fn csrf(&self) -> &str {
        &self.csrf
    }

    /// How pages look to the person.
    pub(crate) fn look(&self) -> &Look {
        &self.look
    }
}

/// What a person does from an address, for the audit log.
pub(crate) fn deed(user: &User, address: Option<IpAddr>, action: Action) -> Deed {
    let actor = Actor::User {
        id: user.id,
        name: user.name.to_string(),
    };
    Deed::new(actor, action).from(address)
}

impl FromRequestParts<Console> for Visitor {
    type Rejection = ConsoleError;

    async fn from_request_parts(parts: &mut Parts, _: &Console) -> Result<Self, ConsoleError> {
        let visitor = parts.extensions.get::<Self>().cloned();
        visitor.ok_or(ConsoleError::SignedOut)
    }
}

impl OptionalFromRequestParts<Console> for Visitor {
    type Rejection = ConsoleError;

    async fn from_request_parts(parts: &mut Parts, _: &Console) -> Result<Option<Self>, ConsoleError> {
        Ok(parts.extensions.get::<Self>().cloned())
    }
}

/// Derived from the session's token, so that it need not be stored and ends with it. It tells nothing of the token.
fn csrf_token(token: &str) -> String {
    let hash = Sha256::new()
        .chain_update(b"sfumato csrf 1\0")
        .chain_update(token)
        .finalize();
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The browser of a request, as a session remembers it.
pub(crate) struct FromBrowser(pub(crate) Browser);

impl FromRequestParts<Console> for FromBrowser {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Console) -> Result<Self, std::convert::Infallible> {
        let user_agent = parts.headers.get(USER_AGENT);
        Ok(Self(Browser {
            user_agent: user_agent
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
                .unwrap_or_default(),
            address: address(&parts.extensions),
        }))
    }
}

/// Where a request comes from.
pub(crate) fn address(extensions: &Extensions) -> Option<IpAddr> {
    extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map(|ConnectInfo(peer)| peer.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_csrf_token_tells_nothing_of_the_session_and_differs_from_sessions_of_others() {
        assert_eq!(csrf_token("a").len(), 64);
        assert_ne!(csrf_token("a"), csrf_token("b"));
    }
}
