//! `/manager`: where one arrives.

use askama::Template;
use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::Console;
use crate::error::ConsoleError;
use crate::page::{self, Nav};
use crate::session::Visitor;

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview<'a> {
    visitor: &'a Visitor,
}

pub(super) fn router() -> Router<Console> {
    Router::new().route("/manager", get(show))
}

async fn show(visitor: Visitor) -> Result<Response, ConsoleError> {
    let body = Overview { visitor: &visitor };
    Ok(page::page(&visitor, Nav::Overview, "Overview", &body)?.into_response())
}
