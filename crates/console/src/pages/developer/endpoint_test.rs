//! `/manager/developer/{client}/endpoints/{endpoint}/test`: one made-up event now, and the whole exchange.

use askama::Template;
use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sfumato_core::audit::{Action, Subject};
use sfumato_core::{Outcome, Timestamp};
use sfumato_engine::endpoints::EndpointTest;

use super::at::AtEndpoint;
use super::phases::{self, Phase};
use super::{Tab, words};
use crate::Console;
use crate::error::{ConsoleError, sentence};
use crate::page::{self, Nav};
use crate::visitor::Visitor;

/// The header whose value is a secret that others may have looked over the shoulder for.
const TOKEN_HEADER: &str = "x-auth-token";

#[derive(Template)]
#[template(path = "developer/endpoint_test.html")]
struct TestPage<'a> {
    visitor: &'a Visitor,
    here: &'a AtEndpoint,
    tab: Tab,
    now: Timestamp,
    test: Option<&'a EndpointTest>,
}

impl TestPage<'_> {
    fn is_kept(&self, test: &EndpointTest) -> bool {
        test.exchange.outcome == Outcome::Ok
    }

    fn verdict(&self, test: &EndpointTest) -> String {
        sentence(&test.exchange.explanation)
    }

    fn phases(&self, test: &EndpointTest) -> Vec<Phase> {
        let phases = &test.exchange.phases;
        let in_order = [
            phases.dns_ms,
            phases.connect_ms,
            phases.tls_ms,
            phases.headers_ms,
            phases.body_ms,
        ];
        phases::phases(in_order, phases.total_ms)
    }

    /// What was sent: the token is not shown again, for it has a page of its own.
    fn request_headers<'t>(&self, test: &'t EndpointTest) -> Vec<(&'t str, &'t str)> {
        let headers = test.request.headers.iter();
        headers
            .map(|(name, value)| match *name {
                TOKEN_HEADER => (*name, "••••••••"),
                _ => (*name, value.as_str()),
            })
            .collect()
    }
}

pub(super) fn router() -> Router<Console> {
    let path = "/manager/developer/{client}/endpoints/{endpoint}/test";
    Router::new().route(path, get(show).post(test))
}

fn test_page(here: &AtEndpoint, test: Option<&EndpointTest>) -> Result<Response, ConsoleError> {
    let visitor = &here.at.visitor;
    let body = TestPage {
        visitor,
        here,
        tab: Tab::Test,
        now: here.at.now(),
        test,
    };
    Ok(page::page(visitor, Nav::Developer, &here.name(), &body)?.into_response())
}

async fn show(here: AtEndpoint) -> Result<Response, ConsoleError> {
    test_page(&here, None)
}

async fn test(here: AtEndpoint) -> Result<Response, ConsoleError> {
    let (caller, id) = (&here.at.caller, here.endpoint.id);
    let test = here.engine().test_endpoint(caller, id).await?;
    let particulars = [("outcome", test.exchange.outcome.as_str())];
    here.at
        .audit_with(Action::EndpointTested, Subject::Endpoint(id), &particulars)
        .await;
    test_page(&here, Some(&test))
}
