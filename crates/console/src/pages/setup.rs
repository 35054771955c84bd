//! `/manager/setup/…`: what a setup link leads to. It works once: the first administrator is made with it, or a password is
//! chosen.

use askama::Template;
use axum::Router;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use sfumato_core::audit::{Action, Subject};
use sfumato_engine::passwords::PASSWORD_CHARS_MIN;
use sfumato_engine::people::{PeopleError, Setup};

use super::sign_in::{by_password, keep_session};
use crate::Console;
use crate::error::{ConsoleError, sentence};
use crate::look::{Look, Toast};
use crate::page;
use crate::visitor::{FromBrowser, deed};

#[derive(Template)]
#[template(path = "setup.html")]
struct SetupBody<'a> {
    token: &'a str,
    /// Whose password is chosen; `None`: the first administrator's name is chosen too.
    user: Option<&'a str>,
    name: &'a str,
    error: Option<&'a str>,
    chars_min: usize,
}

#[derive(Deserialize)]
struct Given {
    #[serde(default)]
    name: String,
    password: String,
    repeated: String,
}

pub(super) fn router() -> Router<Console> {
    Router::new().route("/manager/setup/{token}", get(show).post(set_up))
}

async fn show(
    State(console): State<Console>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ConsoleError> {
    let setup = working(&console, &token).await?;
    form(&headers, &token, &setup, "", None)
}

async fn working(console: &Console, token: &str) -> Result<Setup, ConsoleError> {
    by_password(console)?;
    let setup = console.engine.setup(token).await?;
    setup.ok_or_else(over)
}

fn over() -> ConsoleError {
    ConsoleError::refused(
        "This link has been used, was replaced by a newer one, or has expired. Ask an administrator for another, or \
         start the server again for the first one.",
    )
}

fn form(
    headers: &HeaderMap,
    token: &str,
    setup: &Setup,
    name: &str,
    error: Option<&str>,
) -> Result<Response, ConsoleError> {
    let (user, title) = match setup {
        Setup::FirstAdministrator => (None, "Set up"),
        Setup::Password(user) => (Some(user.name.as_str()), "Choose a password"),
    };
    let body = SetupBody {
        token,
        user,
        name,
        error,
        chars_min: PASSWORD_CHARS_MIN,
    };
    let page = page::door(&Look::of(headers), title, &body)?;
    Ok(match error {
        None => page.into_response(),
        Some(_) => page.with_status(StatusCode::UNPROCESSABLE_ENTITY).into_response(),
    })
}

async fn set_up(
    State(console): State<Console>,
    Path(token): Path<String>,
    FromBrowser(browser): FromBrowser,
    headers: HeaderMap,
    given: Result<Form<Given>, FormRejection>,
) -> Result<Response, ConsoleError> {
    let Form(given) = given?;
    let setup = working(&console, &token).await?;
    let again = |text: &str| form(&headers, &token, &setup, &given.name, Some(text));
    if given.password != given.repeated {
        return again("The two passwords differ.");
    }
    let engine = &console.engine;
    let address = browser.address;
    let done = match &setup {
        Setup::FirstAdministrator => engine
            .create_first_administrator(&token, &given.name, &given.password, browser)
            .await
            .map(Some),
        Setup::Password(_) => engine
            .choose_password(&token, &given.password)
            .await
            .map(|()| None),
    };
    match done {
        Ok(Some((session, signed_in))) => {
            let user = &signed_in.user;
            for action in [Action::UserCreated, Action::SignedIn] {
                let made = deed(user, address, action).to(Subject::User(user.id));
                console.audit(made).await;
            }
            let mut response = page::redirect("/manager", Some(Toast::success("Welcome to Sfumato.")));
            keep_session(&mut response, &console, &headers, &session);
            Ok(response)
        }
        Ok(None) => {
            if let Setup::Password(user) = &setup {
                let chosen = deed(user, address, Action::PasswordChanged);
                console.audit(chosen.to(Subject::User(user.id))).await;
            }
            let toast = Toast::success("Your password is set. Sign in with it.");
            Ok(page::redirect("/manager/sign-in", Some(toast)))
        }
        Err(error @ (PeopleError::Name(_) | PeopleError::Password(_))) => {
            again(&sentence(&error.to_string()))
        }
        Err(PeopleError::LinkIsOver) => Err(over()),
        Err(error) => Err(error.into()),
    }
}
