//! `/manager/account`: the person's own password, sessions and theme.

use askama::Template;
use axum::Router;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use sfumato_core::audit::{Action, Subject};
use sfumato_core::{SessionId, Timestamp, UserSession};
use sfumato_engine::passwords::PASSWORD_CHARS_MIN;
use sfumato_engine::people::PeopleError;

use crate::Console;
use crate::cookies;
use crate::error::{ConsoleError, sentence};
use crate::live;
use crate::look::{self, Toast};
use crate::page::{self, Nav};
use crate::visitor::Visitor;

#[derive(Template)]
#[template(path = "account.html")]
struct Account<'a> {
    visitor: &'a Visitor,
    sessions: String,
    error: Option<&'a str>,
    /// Whether the person has a password and signs in by it.
    has_password: bool,
    chars_min: usize,
}

#[derive(Template)]
#[template(path = "sessions.html")]
struct Sessions<'a> {
    visitor: &'a Visitor,
    sessions: Vec<UserSession>,
    now: Timestamp,
}

impl Sessions<'_> {
    fn is_this(&self, session: &SessionId) -> bool {
        self.visitor.signed_in().session.id == *session
    }
}

#[derive(Deserialize)]
struct Passwords {
    present: String,
    new: String,
    repeated: String,
}

#[derive(Deserialize)]
struct OneSession {
    session: String,
}

#[derive(Deserialize)]
struct Theme {
    theme: String,
}

pub(super) fn router() -> Router<Console> {
    Router::new()
        .route("/manager/account", get(show))
        .route("/manager/account/password", post(change_password))
        .route("/manager/account/sessions/live", get(live_sessions))
        .route("/manager/account/sessions/end", post(end_session))
        .route("/manager/account/theme", post(set_theme))
}

async fn show(State(console): State<Console>, visitor: Visitor) -> Result<Response, ConsoleError> {
    account(&console, &visitor, None).await
}

async fn account(
    console: &Console,
    visitor: &Visitor,
    error: Option<&str>,
) -> Result<Response, ConsoleError> {
    let body = Account {
        visitor,
        sessions: sessions(console.clone(), visitor.clone()).await?,
        error,
        has_password: console.engine.settings().password_sign_in
            && visitor.signed_in().user.password.is_some(),
        chars_min: PASSWORD_CHARS_MIN,
    };
    let page = page::page(visitor, Nav::Account, "Your account", &body)?;
    Ok(match error {
        None => page.into_response(),
        Some(_) => page.with_status(StatusCode::UNPROCESSABLE_ENTITY).into_response(),
    })
}

/// The list of sessions, as the page holds it at first and as it is kept up to date.
async fn sessions(console: Console, visitor: Visitor) -> Result<String, ConsoleError> {
    let list = Sessions {
        visitor: &visitor,
        sessions: console.engine.sessions(visitor.id()).await?,
        now: console.engine.now(),
    };
    Ok(list.render()?)
}

async fn live_sessions(
    State(console): State<Console>,
    visitor: Visitor,
    headers: HeaderMap,
) -> Result<Response, ConsoleError> {
    live::live(&console, visitor, &headers, sessions).await
}

async fn change_password(
    State(console): State<Console>,
    visitor: Visitor,
    given: Result<Form<Passwords>, FormRejection>,
) -> Result<Response, ConsoleError> {
    let Form(given) = given?;
    if given.new != given.repeated {
        return account(&console, &visitor, Some("The two new passwords differ.")).await;
    }
    // Whoever sits at somebody's open session must not be able to try passwords without end.
    let pair = console.failures.pair(visitor.name(), None);
    let begun = console.begin_try(pair).await?;
    let changed = console
        .engine
        .change_password(visitor.signed_in(), &given.present, &given.new)
        .await;
    match changed {
        Ok(()) => {
            begun.succeeded();
            let changed = visitor.deed(Action::PasswordChanged);
            console.audit(changed.to(Subject::User(visitor.id()))).await;
            let toast = Toast::success("Your password is changed. Your other sessions have ended.");
            Ok(page::redirect("/manager/account", Some(toast)))
        }
        Err(error @ (PeopleError::WrongPassword | PeopleError::Password(_))) => {
            match error {
                PeopleError::WrongPassword => begun.failed(),
                _ => begun.unheard(),
            }
            account(&console, &visitor, Some(&sentence(&error.to_string()))).await
        }
        Err(error) => {
            begun.unheard();
            Err(error.into())
        }
    }
}

async fn end_session(
    State(console): State<Console>,
    visitor: Visitor,
    given: Result<Form<OneSession>, FormRejection>,
) -> Result<Response, ConsoleError> {
    let Form(given) = given?;
    let session = given.session.parse().map_err(|_| ConsoleError::NotFound)?;
    console.engine.end_session(visitor.id(), session).await?;
    let ended = visitor.deed(Action::SignedOut).with("session", given.session);
    console.audit(ended).await;
    let toast = Toast::success("The session has ended.");
    Ok(page::redirect("/manager/account", Some(toast)))
}

async fn set_theme(_: Visitor, given: Result<Form<Theme>, FormRejection>) -> Result<Response, ConsoleError> {
    let Form(given) = given?;
    let mut response = page::redirect("/manager/account", None);
    if let Some(cookie) = cookies::set_theme(look::theme(&given.theme)) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}
