//! `/manager/developer/{client}`: one client's credentials and its webhook endpoints.

use askama::Template;
use axum::Router;
use axum::extract::Form;
use axum::extract::rejection::FormRejection;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use sfumato_core::audit::{Action, Subject};
use sfumato_core::client::Secret;
use sfumato_core::endpoint::ENDPOINTS_PER_CLIENT_MAX;
use sfumato_core::store::{AttemptActivity, Stretches};
use sfumato_core::{Client, ClientState, Endpoint, Timestamp};

use super::at::{self, AtClient};
use super::overlap::{self, Overlap};
use super::words;
use crate::error::ConsoleError;
use crate::look::Toast;
use crate::page::{self, Nav, Page};
use crate::visitor::Visitor;
use crate::{Console, once};

/// Hours over which an endpoint is summed up.
const SUMMED_HOURS: u32 = 7 * 24;

#[derive(Template)]
#[template(path = "developer/client.html")]
struct ClientPage<'a> {
    visitor: &'a Visitor,
    client: &'a Client,
    /// Each with how it went in the last week.
    endpoints: Vec<(Endpoint, AttemptActivity)>,
    now: Timestamp,
    /// A secret that was just made.
    secret: Option<&'a str>,
}

impl ClientPage<'_> {
    fn path(&self) -> String {
        at::client_path(self.client.id)
    }

    fn is_full(&self) -> bool {
        self.endpoints.len() >= ENDPOINTS_PER_CLIENT_MAX
    }

    /// Until when the secret before the present one still works.
    fn overlap_until(&self) -> Option<Timestamp> {
        let previous = self.client.previous_secret.as_ref();
        previous
            .map(|(_, until)| *until)
            .filter(|until| self.now < *until)
    }

    fn rate(&self, activity: &AttemptActivity) -> String {
        let rate = activity.success_rate();
        rate.map_or_else(|| "no attempts".to_owned(), |rate| words::percent(&rate))
    }

    fn latency(&self, activity: &AttemptActivity) -> String {
        let median = activity.latency_quantile_ms(0.5);
        median.map_or_else(|| "–".to_owned(), |ms| words::milliseconds(&ms))
    }
}

pub(super) fn router() -> Router<Console> {
    Router::new()
        .route("/manager/developer/{client}", get(show))
        .route("/manager/developer/{client}/rotate-secret", post(rotate))
        .route("/manager/developer/{client}/disable", post(disable))
        .route("/manager/developer/{client}/enable", post(enable))
}

async fn client_page(
    console: &Console,
    visitor: &Visitor,
    client: &Client,
    secret: Option<&str>,
) -> Result<Page, ConsoleError> {
    let engine = &console.engine;
    let caller = visitor.caller_for(client.id).ok_or(ConsoleError::NotFound)?;
    let now = engine.now();
    let stretches = Stretches::until(now, 1, SUMMED_HOURS);
    let mut endpoints = Vec::new();
    for endpoint in engine.endpoints(&caller).await? {
        let mut sum = AttemptActivity::default();
        for stretch in engine.attempt_activity(client.id, endpoint.id, stretches).await? {
            sum.add(&stretch);
        }
        endpoints.push((endpoint, sum));
    }
    let body = ClientPage {
        visitor,
        client,
        endpoints,
        now,
        secret,
    };
    page::page(visitor, Nav::Developer, &client.name, &body)
}

/// Leads on to the page of a client, which shows a secret this once.
pub(super) fn with_secret(
    console: &Console,
    visitor: &Visitor,
    headers: &HeaderMap,
    client: &Client,
    secret: &Secret,
) -> Response {
    let path = at::client_path(client.id);
    once::redirect(console, visitor, headers, &path, secret.expose())
}

async fn show(at: AtClient, headers: HeaderMap) -> Result<Response, ConsoleError> {
    let path = at.path();
    let secret = once::take(&at.console, &at.visitor, &headers, &path);
    let page = client_page(&at.console, &at.visitor, &at.client, secret.as_deref()).await?;
    let mut response = page.into_response();
    if secret.is_some() {
        once::forget(&mut response, &path);
    }
    Ok(response)
}

async fn rotate(
    at: AtClient,
    headers: HeaderMap,
    given: Result<Form<Overlap>, FormRejection>,
) -> Result<Response, ConsoleError> {
    let Form(given) = given?;
    let overlap = given.duration()?;
    let secret = at.engine().rotate_client_secret(&at.client.key, overlap).await?;
    let particulars = [("overlap_s", &*given.particulars())];
    at.audit_with(
        Action::ClientSecretRotated,
        Subject::Client(at.client.id),
        &particulars,
    )
    .await;
    Ok(with_secret(
        &at.console,
        &at.visitor,
        &headers,
        &at.client,
        &secret,
    ))
}

async fn set_state(at: &AtClient, state: ClientState, action: Action) -> Result<(), ConsoleError> {
    at.visitor.administrator()?;
    at.engine().set_client_state(&at.client.key, state).await?;
    at.audit(action, Subject::Client(at.client.id)).await;
    Ok(())
}

async fn disable(at: AtClient) -> Result<Response, ConsoleError> {
    set_state(&at, ClientState::Disabled, Action::ClientDisabled).await?;
    let text = format!("{} is shut out. Its logins have ended.", at.client.name);
    Ok(page::redirect(&at.path(), Some(Toast::success(text))))
}

async fn enable(at: AtClient) -> Result<Response, ConsoleError> {
    set_state(&at, ClientState::Active, Action::ClientEnabled).await?;
    let text = format!("{} may log in again.", at.client.name);
    Ok(page::redirect(&at.path(), Some(Toast::success(text))))
}
