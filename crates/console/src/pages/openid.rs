//! `/manager/sign-in/openid`: to the OpenID Connect provider, and back from it.

use std::borrow::Cow;

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use sfumato_core::audit::{Action, Actor, Subject};
use sfumato_core::{UserName, chain};
use sfumato_engine::audit::Deed;
use sfumato_engine::openid::{Arrival, Change, FLOW_LIFETIME, OpenIdError, Return};
use url::Url;

use super::sign_in::{Entry, keep_session, target};
use super::users::described;
use crate::error::ConsoleError;
use crate::page;
use crate::visitor::{FromBrowser, deed};
use crate::{Console, cookies, origin};

const RETURN: &str = "/manager/sign-in/openid/return";

#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    next: String,
}

/// What the provider has the browser bring back.
#[derive(Deserialize)]
struct Answer {
    code: Option<String>,
    #[serde(default)]
    state: String,
    iss: Option<String>,
    error: Option<String>,
}

pub(super) fn router() -> Router<Console> {
    Router::new()
        .route("/manager/sign-in/openid", get(begin))
        .route(RETURN, get(finish))
}

/// Where the provider sends the browser back to, as the operator has told it there.
fn redirect_address(console: &Console, headers: &HeaderMap) -> Result<Url, ConsoleError> {
    let address = format!("{}{RETURN}", origin::of(headers, &console.settings));
    Url::parse(&address).map_err(|_| ConsoleError::refused("The request does not name this server."))
}

async fn begin(
    State(console): State<Console>,
    FromBrowser(browser): FromBrowser,
    headers: HeaderMap,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response, ConsoleError> {
    let Query(wanted) = wanted?;
    let redirect = redirect_address(&console, &headers)?;
    match console.engine.begin_openid(&redirect, &wanted.next).await {
        Ok(departure) => {
            let there = HeaderValue::from_str(departure.url.as_str()).map_err(ConsoleError::internal)?;
            let mut response = (StatusCode::SEE_OTHER, [(LOCATION, there)]).into_response();
            let seconds = FLOW_LIFETIME.as_secs();
            let cookie = cookies::set_flow(departure.flow.expose(), &headers, &console.settings, seconds);
            if let Some(cookie) = cookie {
                response.headers_mut().append(SET_COOKIE, cookie);
            }
            Ok(response)
        }
        Err(error) => refused(&console, &headers, browser.address, &wanted.next, error).await,
    }
}

async fn finish(
    State(console): State<Console>,
    FromBrowser(browser): FromBrowser,
    headers: HeaderMap,
    answer: Result<Query<Answer>, QueryRejection>,
) -> Result<Response, ConsoleError> {
    let Query(answer) = answer?;
    let address = browser.address;
    // Each return has this server ask the provider: nobody should make it ask without end.
    let pair = console.failures.pair("openid", address);
    let begun = console.begin_try(pair).await?;
    let back = Return {
        code: answer.code,
        state: answer.state,
        issuer: answer.iss,
        error: answer.error,
    };
    let redirect = redirect_address(&console, &headers)?;
    let flow = cookies::flow(&headers).unwrap_or_default();
    let mut response = match console.engine.finish_openid(flow, back, &redirect, browser).await {
        Ok(arrival) => {
            begun.unheard();
            note(&console, address, &arrival).await;
            let mut response = page::redirect(target(&arrival.next), None);
            keep_session(&mut response, &console, &headers, &arrival.token);
            response
        }
        Err(error) => {
            begun.failed();
            refused(&console, &headers, address, "", error).await?
        }
    };
    for cookie in cookies::clear_flow() {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Writes down who has come, and what was changed for that.
async fn note(console: &Console, address: Option<std::net::IpAddr>, arrival: &Arrival) {
    let user = &arrival.signed_in.user;
    let by = provider(console);
    for change in &arrival.changes {
        let action = match change {
            Change::Created => Action::UserCreated,
            Change::Linked => Action::UserLinked,
            Change::Role => Action::UserChanged,
        };
        let made = described(deed(user, address, action), user).with("by", by);
        console.audit(made).await;
    }
    let signed_in = deed(user, address, Action::SignedIn).to(Subject::User(user.id));
    console.audit(signed_in.with("by", by)).await;
}

fn provider(console: &Console) -> &str {
    console
        .engine
        .openid()
        .map_or("?", |settings| settings.name.as_str())
}

/// The sign-in page with the reason, which the audit log and the server's log have too.
async fn refused(
    console: &Console,
    headers: &HeaderMap,
    address: Option<std::net::IpAddr>,
    next: &str,
    error: OpenIdError,
) -> Result<Response, ConsoleError> {
    let error = match error {
        OpenIdError::Off => return Err(ConsoleError::NotFound),
        OpenIdError::Store(error) => return Err(error.into()),
        error => error,
    };
    let reason = chain(&error);
    tracing::warn!(reason, "nobody was signed in by OpenID Connect");
    let name = error.called().and_then(|called| called.parse().ok());
    let actor = Actor::Stranger {
        name: name.map_or_else(|| "?".to_owned(), |name: UserName| name.to_string()),
    };
    let by = provider(console);
    let refusal = Deed::new(actor, Action::SignInRefused).from(address);
    console
        .audit_refusal(refusal.with("by", by).with("reason", error.to_string()))
        .await;
    let (status, text) = message(&error, by);
    let entry = Entry {
        next,
        name: "",
        error: Some(&text),
    };
    Ok(entry.page(console, headers)?.with_status(status).into_response())
}

/// What the person reads: what to do, and nothing of the inside.
fn message(error: &OpenIdError, by: &str) -> (StatusCode, Cow<'static, str>) {
    let text = match error {
        OpenIdError::Unreachable(_) => {
            let text = format!("{by} does not answer. Try again in a moment.");
            return (StatusCode::SERVICE_UNAVAILABLE, text.into());
        }
        OpenIdError::Provider(_) | OpenIdError::Off | OpenIdError::Store(_) => {
            let text = format!(
                "What {by} answered cannot be trusted, and you are not signed in. Tell the operator if it happens again."
            );
            return (StatusCode::BAD_GATEWAY, text.into());
        }
        OpenIdError::Refused(_) => format!("{by} did not sign you in."),
        OpenIdError::Code => format!("{by} does not take this sign-in any more. Sign in again."),
        OpenIdError::NotBegun => {
            "This sign-in was begun in another browser, or too long ago. Sign in again.".to_owned()
        }
        OpenIdError::Unknown { called } => {
            format!("{by} knows you as {called}, but there is no such user here. Ask an administrator.")
        }
        OpenIdError::NoRole { called } => {
            format!("{by} knows you as {called}, but gives you no role here. Ask an administrator.")
        }
        OpenIdError::NameTaken { called } => format!(
            "There is a user with your name, {called}, and {by} does not prove that it is you. Ask an administrator."
        ),
        OpenIdError::NoName { called } => format!(
            "{by} knows you as {called}, but gives neither a verified e-mail address nor a user name. Ask an administrator."
        ),
        OpenIdError::Disabled { .. } => "Your user is disabled. Ask an administrator.".to_owned(),
    };
    (StatusCode::UNPROCESSABLE_ENTITY, text.into())
}
