//! `/manager/sign-in`, `/manager/sign-out`: in and out.

use askama::Template;
use axum::extract::{Form, Query, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Router, extract::rejection::FormRejection};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use sfumato_core::UserName;
use sfumato_core::audit::{Action, Actor};
use sfumato_core::client::Secret;
use sfumato_engine::audit::Deed;
use sfumato_engine::people::PeopleError;

use crate::Console;
use crate::cookies;
use crate::error::ConsoleError;
use crate::look::{Look, Toast};
use crate::page::{self, Page};
use crate::session::is_ours;
use crate::visitor::{FromBrowser, Visitor, deed};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn<'a> {
    entry: &'a Entry<'a>,
    /// Whether people sign in by password.
    passwords: bool,
    /// What the OpenID Connect provider is called, and the way to it.
    provider: Option<(&'a str, String)>,
}

/// The sign-in page as somebody finds it.
pub(super) struct Entry<'a> {
    /// Where the person wants to go.
    pub(super) next: &'a str,
    /// The name that was given.
    pub(super) name: &'a str,
    /// Why the person was not signed in.
    pub(super) error: Option<&'a str>,
}

impl Entry<'_> {
    pub(super) fn page(&self, console: &Console, headers: &HeaderMap) -> Result<Page, ConsoleError> {
        let next = utf8_percent_encode(self.next, NON_ALPHANUMERIC);
        let body = SignIn {
            entry: self,
            passwords: console.engine.settings().password_sign_in,
            provider: console.engine.openid().map(|settings| {
                (
                    settings.name.as_str(),
                    format!("/manager/sign-in/openid?next={next}"),
                )
            }),
        };
        page::door(&Look::of(headers), "Sign in", &body)
    }
}

/// Where the visitor wanted to go.
#[derive(Debug, Default, Deserialize)]
struct Wanted {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
struct Given {
    name: String,
    password: String,
    #[serde(default)]
    next: String,
}

pub(super) fn router() -> Router<Console> {
    Router::new()
        .route("/manager/sign-in", get(show).post(sign_in))
        .route("/manager/sign-out", post(sign_out))
        .route("/manager/sign-out-everywhere", post(sign_out_everywhere))
}

async fn show(
    State(console): State<Console>,
    visitor: Option<Visitor>,
    headers: HeaderMap,
    Query(wanted): Query<Wanted>,
) -> Result<Response, ConsoleError> {
    if visitor.is_some() {
        return Ok(page::redirect(target(&wanted.next), None));
    }
    let entry = Entry {
        next: &wanted.next,
        name: "",
        error: None,
    };
    Ok(entry.page(&console, &headers)?.into_response())
}

async fn sign_in(
    State(console): State<Console>,
    FromBrowser(browser): FromBrowser,
    headers: HeaderMap,
    given: Result<Form<Given>, FormRejection>,
) -> Result<Response, ConsoleError> {
    let Form(given) = given?;
    by_password(&console)?;
    let name = given.name.trim();
    let login = console.failures.login(&name.to_lowercase(), browser.address);
    let begun = console.begin_try(login).await?;
    let address = browser.address;
    match console.engine.sign_in(name, &given.password, browser).await {
        Ok((token, signed_in)) => {
            begun.succeeded();
            console
                .audit(deed(&signed_in.user, address, Action::SignedIn))
                .await;
            let mut response = page::redirect(target(&given.next), None);
            keep_session(&mut response, &console, &headers, &token);
            Ok(response)
        }
        Err(PeopleError::WrongCredentials) => {
            begun.failed();
            // Anything may have been given as a name, a password too; names that cannot be one are not kept.
            let actor = Actor::Stranger {
                name: name
                    .parse()
                    .map_or_else(|_| "?".to_owned(), |name: UserName| name.to_string()),
            };
            console
                .audit_refusal(Deed::new(actor, Action::SignInRefused).from(address))
                .await;
            let entry = Entry {
                next: &given.next,
                name,
                error: Some("The name or the password is wrong."),
            };
            let page = entry.page(&console, &headers)?;
            Ok(page.with_status(StatusCode::UNPROCESSABLE_ENTITY).into_response())
        }
        Err(error) => {
            begun.unheard();
            Err(error.into())
        }
    }
}

/// Refuses what has to do with passwords where nobody signs in by one.
pub(super) fn by_password(console: &Console) -> Result<(), ConsoleError> {
    if console.engine.settings().password_sign_in {
        Ok(())
    } else {
        Err(ConsoleError::refused("Nobody signs in by password here."))
    }
}

pub(super) fn target(next: &str) -> &str {
    if is_ours(next) { next } else { "/manager" }
}

/// Gives the browser its session.
pub(super) fn keep_session(response: &mut Response, console: &Console, headers: &HeaderMap, token: &Secret) {
    let seconds = console.engine.settings().session_lifetime.as_secs();
    let cookie = cookies::set_session(token.expose(), headers, &console.settings, seconds);
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}

/// Leads to the sign-in page without a session.
fn leave(message: String) -> Response {
    let mut response = page::redirect("/manager/sign-in", Some(Toast::success(message)));
    for cookie in cookies::clear_session() {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

async fn sign_out(State(console): State<Console>, visitor: Visitor) -> Result<Response, ConsoleError> {
    console.engine.sign_out(visitor.signed_in()).await?;
    console.audit(visitor.deed(Action::SignedOut)).await;
    Ok(leave("You have signed out.".into()))
}

async fn sign_out_everywhere(
    State(console): State<Console>,
    visitor: Visitor,
) -> Result<Response, ConsoleError> {
    let ended = console.engine.sign_out_everywhere(visitor.id()).await?;
    console.audit(visitor.deed(Action::SignedOutEverywhere)).await;
    let message = match ended {
        1 => "You have signed out. There was no other session.".into(),
        ended => format!("You have signed out of all {ended} sessions."),
    };
    Ok(leave(message))
}
