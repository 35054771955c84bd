//! Where on these pages somebody stands: the client and the endpoint that a path names, where they are the visitor's.

use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use sfumato_core::audit::{Action, Subject};
use sfumato_core::{Client, ClientId, Endpoint, EndpointId, Timestamp};
use sfumato_engine::Engine;
use sfumato_engine::access::Caller;

use crate::Console;
use crate::error::ConsoleError;
use crate::visitor::Visitor;

/// A visitor at one client.
pub(super) struct AtClient {
    pub(super) console: Console,
    pub(super) visitor: Visitor,
    pub(super) client: Client,
    /// The visitor, acting for the client.
    pub(super) caller: Caller,
}

/// A visitor at one endpoint of a client.
pub(super) struct AtEndpoint {
    pub(super) at: AtClient,
    pub(super) endpoint: Endpoint,
}

impl AtClient {
    pub(super) fn engine(&self) -> &Engine {
        &self.console.engine
    }

    pub(super) fn now(&self) -> Timestamp {
        self.console.engine.now()
    }

    /// The client's page.
    pub(super) fn path(&self) -> String {
        client_path(self.client.id)
    }

    /// Writes down what the visitor has done to something of the client.
    pub(super) async fn audit(&self, action: Action, subject: Subject) {
        self.audit_with(action, subject, &[]).await;
    }

    /// The same with particulars.
    pub(super) async fn audit_with(&self, action: Action, subject: Subject, particulars: &[(&str, &str)]) {
        let deed = self.visitor.deed(action);
        let mut deed = deed.to(subject).of(self.client.id);
        for (name, value) in particulars {
            deed = deed.with(name, *value);
        }
        self.console.audit(deed).await;
    }
}

impl AtEndpoint {
    pub(super) fn engine(&self) -> &Engine {
        self.at.engine()
    }

    /// The endpoint's page.
    pub(super) fn path(&self) -> String {
        endpoint_path(&self.endpoint)
    }

    /// A page or an action under it.
    pub(super) fn under(&self, rest: &str) -> String {
        format!("{}/{rest}", self.path())
    }

    /// What the endpoint is called: by its client, or else by its host.
    pub(super) fn name(&self) -> String {
        name(&self.endpoint)
    }

    /// Writes down what the visitor has done to the endpoint.
    pub(super) async fn audit(&self, action: Action) {
        let subject = Subject::Endpoint(self.endpoint.id);
        self.at.audit(action, subject).await;
    }
}

/// The page of a client.
pub(super) fn client_path(client: ClientId) -> String {
    format!("/manager/developer/{client}")
}

/// The page of an endpoint.
pub(super) fn endpoint_path(endpoint: &Endpoint) -> String {
    format!("{}/endpoints/{}", client_path(endpoint.client), endpoint.id)
}

/// What an endpoint is called: by its client, or else by its host.
pub(super) fn name(endpoint: &Endpoint) -> String {
    if let Some(description) = &endpoint.description {
        return description.as_str().to_owned();
    }
    let url = url::Url::parse(endpoint.url.as_str()).ok();
    let host = url.as_ref().and_then(url::Url::host_str);
    host.unwrap_or(endpoint.url.as_str()).to_owned()
}

/// An identifier in the path. What is none names nothing.
pub(super) async fn in_path<T: FromStr>(parts: &mut Parts, name: &str) -> Result<T, ConsoleError> {
    let params = RawPathParams::from_request_parts(parts, &()).await;
    let params = params.map_err(|_| ConsoleError::NotFound)?;
    let found = params.iter().find(|(key, _)| *key == name);
    found
        .and_then(|(_, text)| text.parse().ok())
        .ok_or(ConsoleError::NotFound)
}

impl FromRequestParts<Console> for AtClient {
    type Rejection = ConsoleError;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, ConsoleError> {
        let visitor = <Visitor as FromRequestParts<Console>>::from_request_parts(parts, console).await?;
        let id: ClientId = in_path(parts, "client").await?;
        let caller = visitor.caller_for(id).ok_or(ConsoleError::NotFound)?;
        let client = console.engine.client(id).await?;
        Ok(Self {
            console: console.clone(),
            visitor,
            client,
            caller,
        })
    }
}

impl FromRequestParts<Console> for AtEndpoint {
    type Rejection = ConsoleError;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, ConsoleError> {
        let at = AtClient::from_request_parts(parts, console).await?;
        let id: EndpointId = in_path(parts, "endpoint").await?;
        let endpoint = at.engine().endpoint(&at.caller, id).await?;
        Ok(Self { at, endpoint })
    }
}
