//! `/manager/developer/{client}/endpoints`: another webhook endpoint.

use askama::Template;
use axum::Router;
use axum::extract::Form;
use axum::extract::rejection::FormRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use sfumato_core::audit::{Action, Subject};
use sfumato_core::endpoint::{AckPolicy, DESCRIPTION_CHARS_MAX, Description, ENDPOINTS_PER_CLIENT_MAX};
use sfumato_core::{Endpoint, StoreError};
use sfumato_engine::endpoints::{EndpointError, NewEndpoint};

use super::at::{AtClient, endpoint_path};
use crate::Console;
use crate::error::{ConsoleError, sentence};
use crate::look::Toast;
use crate::page::{self, Nav};
use crate::visitor::Visitor;

/// What a form says of an endpoint.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Given {
    pub(super) url: String,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) ack: String,
    /// Comes only where the box is ticked.
    keep_responses: Option<String>,
}

/// A form that cannot be followed: what to show beside which field.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// `url` or `description`.
    pub(super) field: &'static str,
    /// A sentence.
    pub(super) text: String,
}

impl Given {
    /// What a form shows at first.
    fn fresh() -> Self {
        Self {
            keep_responses: Some("on".to_owned()),
            ..Self::default()
        }
    }

    /// What it shows of an endpoint.
    pub(super) fn of(endpoint: &Endpoint) -> Self {
        let description = endpoint.description.as_ref();
        Self {
            url: endpoint.url.as_str().to_owned(),
            description: description.map_or_else(String::new, |text| text.as_str().to_owned()),
            ack: endpoint.ack.as_str().to_owned(),
            keep_responses: endpoint.keep_responses.then(|| "on".to_owned()),
        }
    }

    /// Whether the first bytes of answers are to be kept.
    pub(super) fn keeps(&self) -> bool {
        self.keep_responses.is_some()
    }

    /// Whether any 2xx acknowledges.
    pub(super) fn takes_status(&self) -> bool {
        self.ack == AckPolicy::Status.as_str()
    }

    /// What is asked for beside the URL.
    pub(super) fn settings(&self) -> Result<NewEndpoint, Refusal> {
        let description = match self.description.trim() {
            "" => None,
            text => Some(text.parse::<Description>().map_err(|error| Refusal {
                field: "description",
                text: format!("The description {error}."),
            })?),
        };
        let ack = if self.takes_status() {
            AckPolicy::Status
        } else {
            AckPolicy::Strict
        };
        Ok(NewEndpoint {
            ack,
            description,
            keep_responses: self.keeps(),
        })
    }
}

/// What to say of a URL that may not be called; other failures are no matter of the form.
pub(super) fn refusal(error: EndpointError) -> Result<Refusal, ConsoleError> {
    match error {
        EndpointError::Url(refused) => Ok(Refusal {
            field: "url",
            text: sentence(&refused.to_string().replace("webhookUrl: ", "the URL ")),
        }),
        EndpointError::Store(source) => Err(source.into()),
    }
}

#[derive(Template)]
#[template(path = "developer/endpoint_new.html")]
struct NewPage<'a> {
    visitor: &'a Visitor,
    at: &'a AtClient,
    given: &'a Given,
    refusal: Option<Refusal>,
    /// How many there are already.
    count: usize,
}

impl NewPage<'_> {
    fn is_refused(&self, field: &str) -> bool {
        is_refused(self.refusal.as_ref(), field)
    }

    fn refused(&self) -> &str {
        refused(self.refusal.as_ref())
    }
}

/// Whether this field cannot be followed, for templates.
pub(super) fn is_refused(refusal: Option<&Refusal>, field: &str) -> bool {
    refusal.is_some_and(|refusal| refusal.field == field)
}

/// Why a field cannot be followed, for templates.
pub(super) fn refused(refusal: Option<&Refusal>) -> &str {
    refusal.map_or("", |refusal| refusal.text.as_str())
}

pub(super) fn router() -> Router<Console> {
    Router::new().route("/manager/developer/{client}/endpoints", get(show).post(create))
}

async fn new_page(at: &AtClient, given: &Given, refusal: Option<Refusal>) -> Result<Response, ConsoleError> {
    let status = if refusal.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let body = NewPage {
        visitor: &at.visitor,
        at,
        given,
        refusal,
        count: at.engine().endpoints(&at.caller).await?.len(),
    };
    let page = page::page(&at.visitor, Nav::Developer, "Add a webhook endpoint", &body)?;
    Ok(page.with_status(status).into_response())
}

async fn show(at: AtClient) -> Result<Response, ConsoleError> {
    new_page(&at, &Given::fresh(), None).await
}

async fn create(at: AtClient, given: Result<Form<Given>, FormRejection>) -> Result<Response, ConsoleError> {
    let Form(given) = given?;
    let url = given.url.trim();
    let settings = match given.settings() {
        Ok(settings) => settings,
        Err(refusal) => return new_page(&at, &given, Some(refusal)).await,
    };
    match at.engine().create_endpoint_with(&at.caller, url, settings).await {
        Ok(endpoint) => {
            let particulars = [("url", endpoint.url.as_str())];
            let subject = Subject::Endpoint(endpoint.id);
            at.audit_with(Action::EndpointCreated, subject, &particulars)
                .await;
            let path = format!("{}/settings", endpoint_path(&endpoint));
            let toast = Toast::success(
                "The endpoint is active. Put its token and signing secret into your receiver.",
            );
            Ok(page::redirect(&path, Some(toast)))
        }
        Err(EndpointError::Store(StoreError::LimitReached { .. })) => Err(ConsoleError::Conflict(
            format!("A client has {ENDPOINTS_PER_CLIENT_MAX} webhook endpoints at most.").into(),
        )),
        Err(error) => {
            let refusal = refusal(error)?;
            new_page(&at, &given, Some(refusal)).await
        }
    }
}
