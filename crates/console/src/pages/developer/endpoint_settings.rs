//! `/manager/developer/{client}/endpoints/{endpoint}/settings`: an endpoint's settings, token and signing secret.

use askama::Template;
use axum::Router;
use axum::extract::Form;
use axum::extract::rejection::FormRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use sfumato_core::audit::{Action, Subject};
use sfumato_core::endpoint::{Credentials, DESCRIPTION_CHARS_MAX};
use sfumato_core::{StoreError, Timestamp};
use sfumato_engine::endpoints::{EndpointWish, NewEndpoint};

use super::at::AtEndpoint;
use super::endpoint_new::{Given, Refusal, refusal};
use super::overlap::{self, Overlap};
use super::{Tab, endpoint_new, words};
use crate::Console;
use crate::error::ConsoleError;
use crate::look::Toast;
use crate::page::{self, Nav};
use crate::visitor::Visitor;

/// What is shown in clear. Each look is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Nothing,
    Token,
    SigningSecret,
}

#[derive(Template)]
#[template(path = "developer/endpoint_settings.html")]
struct SettingsPage<'a> {
    visitor: &'a Visitor,
    here: &'a AtEndpoint,
    tab: Tab,
    now: Timestamp,
    given: &'a Given,
    refusal: Option<Refusal>,
    shown: Shown,
    /// What is shown; `None` where nothing is.
    credentials: Option<Credentials>,
    /// Whether the operator lets answers be kept at all.
    keeping: bool,
}

impl SettingsPage<'_> {
    fn is_refused(&self, field: &str) -> bool {
        endpoint_new::is_refused(self.refusal.as_ref(), field)
    }

    fn refused(&self) -> &str {
        endpoint_new::refused(self.refusal.as_ref())
    }

    fn shown(&self, what: Shown) -> Option<&Credentials> {
        self.credentials.as_ref().filter(|_| self.shown == what)
    }

    /// Until when the old token is sent.
    fn token_overlap(&self) -> Option<Timestamp> {
        self.here.endpoint.token.overlap_until(self.now)
    }

    /// Until when the old secret signs, too.
    fn secret_overlap(&self) -> Option<Timestamp> {
        self.here.endpoint.signing_secret.overlap_until(self.now)
    }
}

pub(super) fn router() -> Router<Console> {
    let at = |rest: &str| format!("/manager/developer/{{client}}/endpoints/{{endpoint}}/{rest}");
    Router::new()
        .route(&at("settings"), get(show).post(save))
        .route(&at("activate"), post(activate))
        .route(&at("deactivate"), post(deactivate))
        .route(&at("delete"), post(delete))
        .route(&at("show-token"), post(show_token))
        .route(&at("rotate-token"), post(rotate_token))
        .route(&at("show-signing-secret"), post(show_signing_secret))
        .route(&at("rotate-signing-secret"), post(rotate_signing_secret))
        .route(&at("end-overlap"), post(end_overlap))
}

async fn settings(
    here: &AtEndpoint,
    given: &Given,
    refusal: Option<Refusal>,
    shown: Shown,
) -> Result<Response, ConsoleError> {
    let status = if refusal.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let visitor = &here.at.visitor;
    let credentials = match shown {
        Shown::Nothing => None,
        Shown::Token | Shown::SigningSecret => Some(here.engine().credentials(&here.endpoint)?),
    };
    let body = SettingsPage {
        visitor,
        here,
        tab: Tab::Settings,
        now: here.at.now(),
        given,
        refusal,
        shown,
        credentials,
        keeping: here.engine().settings().keep_responses,
    };
    let page = page::page(visitor, Nav::Developer, &here.name(), &body)?;
    Ok(page.with_status(status).into_response())
}

async fn show(here: AtEndpoint) -> Result<Response, ConsoleError> {
    settings(&here, &Given::of(&here.endpoint), None, Shown::Nothing).await
}

async fn save(here: AtEndpoint, given: Result<Form<Given>, FormRejection>) -> Result<Response, ConsoleError> {
    let Form(given) = given?;
    let NewEndpoint {
        ack,
        description,
        keep_responses,
    } = match given.settings() {
        Ok(settings) => settings,
        Err(refusal) => return settings(&here, &given, Some(refusal), Shown::Nothing).await,
    };
    let wish = EndpointWish {
        url: Some(given.url.trim()),
        active: None,
        ack: Some(ack),
        description: Some(description),
        keep_responses: Some(keep_responses),
    };
    let (caller, id) = (&here.at.caller, here.endpoint.id);
    match here.engine().update_endpoint(caller, id, wish).await {
        Ok(endpoint) => {
            let particulars = [("url", endpoint.url.as_str()), ("ack", ack.as_str())];
            let subject = Subject::Endpoint(id);
            here.at
                .audit_with(Action::EndpointChanged, subject, &particulars)
                .await;
            Ok(back(&here, "The settings are saved."))
        }
        Err(error) => {
            let refusal = refusal(error)?;
            settings(&here, &given, Some(refusal), Shown::Nothing).await
        }
    }
}

fn back(here: &AtEndpoint, text: impl Into<String>) -> Response {
    page::redirect(&here.under("settings"), Some(Toast::success(text)))
}

async fn set_active(here: &AtEndpoint, active: bool) -> Result<(), ConsoleError> {
    let wish = EndpointWish {
        active: Some(active),
        ..EndpointWish::default()
    };
    let engine = here.engine();
    match engine
        .update_endpoint(&here.at.caller, here.endpoint.id, wish)
        .await
    {
        Ok(_) => {}
        Err(error) => return Err(ConsoleError::refused(refusal(error)?.text)),
    }
    let particulars = [("active", if active { "true" } else { "false" })];
    let subject = Subject::Endpoint(here.endpoint.id);
    here.at
        .audit_with(Action::EndpointChanged, subject, &particulars)
        .await;
    Ok(())
}

async fn activate(here: AtEndpoint) -> Result<Response, ConsoleError> {
    set_active(&here, true).await?;
    let toast = Toast::success("The endpoint is active. What waited for it goes out.");
    Ok(page::redirect(&here.path(), Some(toast)))
}

async fn deactivate(here: AtEndpoint) -> Result<Response, ConsoleError> {
    set_active(&here, false).await?;
    let toast = Toast::success("The endpoint is switched off. What waits for it is kept for 7 days.");
    Ok(page::redirect(&here.path(), Some(toast)))
}

async fn delete(here: AtEndpoint) -> Result<Response, ConsoleError> {
    let (caller, endpoint) = (&here.at.caller, &here.endpoint);
    here.engine().delete_endpoint(caller, endpoint.id).await?;
    let particulars = [("url", endpoint.url.as_str())];
    let subject = Subject::Endpoint(endpoint.id);
    here.at
        .audit_with(Action::EndpointDeleted, subject, &particulars)
        .await;
    let toast = Toast::success(format!("{} is deleted.", here.name()));
    Ok(page::redirect(&here.at.path(), Some(toast)))
}

async fn show_token(here: AtEndpoint) -> Result<Response, ConsoleError> {
    here.audit(Action::EndpointTokenShown).await;
    settings(&here, &Given::of(&here.endpoint), None, Shown::Token).await
}

async fn show_signing_secret(here: AtEndpoint) -> Result<Response, ConsoleError> {
    here.audit(Action::EndpointSecretShown).await;
    settings(&here, &Given::of(&here.endpoint), None, Shown::SigningSecret).await
}

/// A second overlap would leave a receiver outside that knows only the oldest.
fn under_way(error: StoreError) -> ConsoleError {
    match error {
        StoreError::UnderWay { .. } => ConsoleError::Conflict(
            "A rotation is under way. End its overlap first, or rotate without one.".into(),
        ),
        other => other.into(),
    }
}

async fn rotate_token(
    here: AtEndpoint,
    given: Result<Form<Overlap>, FormRejection>,
) -> Result<Response, ConsoleError> {
    let Form(given) = given?;
    let (caller, id) = (&here.at.caller, here.endpoint.id);
    let rotated = here.engine().rotate_token(caller, id, given.duration()?).await;
    rotated.map_err(under_way)?;
    let particulars = [("overlap_s", &*given.particulars())];
    here.at
        .audit_with(Action::EndpointTokenRotated, Subject::Endpoint(id), &particulars)
        .await;
    Ok(back(
        &here,
        "There is a new token. Show it to put it into your receiver.",
    ))
}

async fn rotate_signing_secret(
    here: AtEndpoint,
    given: Result<Form<Overlap>, FormRejection>,
) -> Result<Response, ConsoleError> {
    let Form(given) = given?;
    let (caller, id) = (&here.at.caller, here.endpoint.id);
    let rotated = here
        .engine()
        .rotate_signing_secret(caller, id, given.duration()?)
        .await;
    rotated.map_err(under_way)?;
    let particulars = [("overlap_s", &*given.particulars())];
    here.at
        .audit_with(Action::EndpointSecretRotated, Subject::Endpoint(id), &particulars)
        .await;
    Ok(back(
        &here,
        "There is a new signing secret. Show it to put it into your receiver.",
    ))
}

async fn end_overlap(here: AtEndpoint) -> Result<Response, ConsoleError> {
    let (caller, id) = (&here.at.caller, here.endpoint.id);
    here.engine().settle_rotations(caller, id).await?;
    here.audit(Action::EndpointOverlapEnded).await;
    Ok(back(&here, "Only the new values count now."))
}
