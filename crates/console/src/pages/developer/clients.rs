//! `/manager/developer`: every client, for administrators. Members are led to their own.

use askama::Template;
use axum::Router;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use sfumato_core::audit::{Action, Subject};
use sfumato_core::{Client, ClientId, Endpoint, Role, Scope, Timestamp};
use sfumato_engine::clients::{CLIENT_NAME_CHARS_MAX, ClientError};

use super::{at, client, words};
use crate::Console;
use crate::error::{ConsoleError, sentence};
use crate::page::{self, Nav};
use crate::visitor::Visitor;

#[derive(Debug, Default, Deserialize)]
struct NewClient {
    name: String,
}

#[derive(Template)]
#[template(path = "developer/clients.html")]
struct Clients<'a> {
    visitor: &'a Visitor,
    clients: Vec<Client>,
    /// Endpoints that are held or failing, of all clients.
    troubled: Vec<Endpoint>,
    now: Timestamp,
    given: &'a str,
    error: Option<String>,
}

impl Clients<'_> {
    fn client_name(&self, id: &ClientId) -> &str {
        let client = self.clients.iter().find(|client| client.id == *id);
        client.map_or("a client that is gone", |client| client.name.as_str())
    }
}

pub(super) fn router() -> Router<Console> {
    Router::new().route("/manager/developer", get(show).post(create))
}

async fn clients(
    console: &Console,
    visitor: &Visitor,
    given: &str,
    error: Option<String>,
) -> Result<Response, ConsoleError> {
    let status = if error.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let body = Clients {
        visitor,
        clients: console.engine.clients().await?,
        troubled: console.engine.overview(Scope::All).await?.troubled,
        now: console.engine.now(),
        given,
        error,
    };
    let page = page::page(visitor, Nav::Developer, "Developer", &body)?;
    Ok(page.with_status(status).into_response())
}

async fn show(State(console): State<Console>, visitor: Visitor) -> Result<Response, ConsoleError> {
    match visitor.signed_in().user.role {
        Role::Administrator => clients(&console, &visitor, "", None).await,
        Role::Member(client) => Ok(page::redirect(&at::client_path(client), None)),
    }
}

async fn create(
    State(console): State<Console>,
    visitor: Visitor,
    headers: HeaderMap,
    given: Result<Form<NewClient>, FormRejection>,
) -> Result<Response, ConsoleError> {
    visitor.administrator()?;
    let Form(given) = given?;
    match console.engine.create_client(&given.name).await {
        Ok((made, secret)) => {
            tracing::info!(user.id = %visitor.id(), client.id = %made.id, "a client was created");
            let deed = visitor.deed(Action::ClientCreated);
            let deed = deed.to(Subject::Client(made.id)).of(made.id);
            console.audit(deed.with("name", made.name.as_str())).await;
            Ok(client::with_secret(&console, &visitor, &headers, &made, &secret))
        }
        Err(error @ ClientError::Name) => {
            let text = sentence(&error.to_string());
            clients(&console, &visitor, &given.name, Some(text)).await
        }
        Err(error) => Err(error.into()),
    }
}

impl From<ClientError> for ConsoleError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Store(source) => source.into(),
            other => Self::refused(sentence(&other.to_string())),
        }
    }
}
