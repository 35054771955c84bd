//! `/manager/users`: who may sign in. For administrators alone.

use std::str::FromStr;

use askama::Template;
use axum::Router;
use axum::extract::rejection::{FormRejection, PathRejection};
use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use sfumato_core::audit::{Action, Subject};
use sfumato_core::client::{Client, Secret};
use sfumato_core::store::UserChange;
use sfumato_core::{ClientId, Role, StoreError, Timestamp, User, UserId, UserState};
use sfumato_engine::audit::Deed;
use sfumato_engine::people::PeopleError;

use super::sign_in::by_password;
use crate::error::{ConsoleError, sentence};
use crate::look::Toast;
use crate::page::{self, Nav};
use crate::visitor::Visitor;
use crate::{Console, once, origin};

/// What was given for a new user.
#[derive(Debug, Default, Deserialize)]
struct NewUser {
    name: String,
    /// `administrator`, or the client of a member.
    role: String,
}

#[derive(Deserialize)]
struct NewRole {
    role: String,
}

/// A link that the page shows once, and whom it is for.
#[derive(Serialize, Deserialize)]
struct SetupLink {
    name: String,
    link: String,
}

#[derive(Template)]
#[template(path = "users.html")]
struct Users<'a> {
    visitor: &'a Visitor,
    users: Vec<User>,
    clients: Vec<Client>,
    now: Timestamp,
    given: &'a NewUser,
    error: Option<&'a str>,
    /// Whether people sign in by password, for which a link is made.
    passwords: bool,
    /// Whom the link is for, and the link, where one was just made.
    link: Option<(&'a str, &'a str)>,
}

impl Users<'_> {
    fn is_self(&self, user: &User) -> bool {
        user.id == self.visitor.id()
    }

    fn client_name(&self, role: &Role) -> &str {
        match role {
            Role::Administrator => "All clients",
            Role::Member(id) => self
                .clients
                .iter()
                .find(|client| client.id == *id)
                .map_or("a client that is gone", |client| client.name.as_str()),
        }
    }

    fn is_role(&self, user: &User, client: &ClientId) -> bool {
        user.role == Role::Member(*client)
    }
}

const PATH: &str = "/manager/users";

pub(super) fn router() -> Router<Console> {
    Router::new()
        .route(PATH, get(show).post(create))
        .route("/manager/users/{user}/link", post(new_link))
        .route("/manager/users/{user}/role", post(set_role))
        .route("/manager/users/{user}/disable", post(disable))
        .route("/manager/users/{user}/enable", post(enable))
        .route("/manager/users/{user}/delete", post(delete))
}

/// What the page says beside the list.
#[derive(Default)]
struct Said<'a> {
    given: NewUser,
    error: Option<&'a str>,
    link: Option<(&'a str, &'a str)>,
}

async fn users(console: &Console, visitor: &Visitor, said: Said<'_>) -> Result<Response, ConsoleError> {
    let body = Users {
        visitor,
        users: console.engine.users().await?,
        clients: console.engine.clients().await?,
        now: console.engine.now(),
        given: &said.given,
        error: said.error,
        passwords: console.engine.settings().password_sign_in,
        link: said.link,
    };
    let page = page::page(visitor, Nav::Users, "Users", &body)?;
    Ok(match said.error {
        None => page.into_response(),
        Some(_) => page.with_status(StatusCode::UNPROCESSABLE_ENTITY).into_response(),
    })
}

async fn show(
    State(console): State<Console>,
    visitor: Visitor,
    headers: HeaderMap,
) -> Result<Response, ConsoleError> {
    visitor.administrator()?;
    let Some(text) = once::take(&console, &visitor, &headers, PATH) else {
        return users(&console, &visitor, Said::default()).await;
    };
    let shown: SetupLink = serde_json::from_str(&text).map_err(ConsoleError::internal)?;
    let said = Said {
        link: Some((shown.name.as_str(), shown.link.as_str())),
        ..Said::default()
    };
    let mut response = users(&console, &visitor, said).await?;
    once::forget(&mut response, PATH);
    Ok(response)
}

async fn create(
    State(console): State<Console>,
    visitor: Visitor,
    headers: HeaderMap,
    given: Result<Form<NewUser>, FormRejection>,
) -> Result<Response, ConsoleError> {
    visitor.administrator()?;
    let Form(given) = given?;
    let role = role(&console, &given.role).await?;
    match console.engine.create_user(&given.name, role).await {
        Ok((user, token)) => {
            note(&console, &visitor, Action::UserCreated, &user).await;
            if !console.engine.settings().password_sign_in {
                return Ok(done(format!("{} may sign in.", user.name)));
            }
            with_link(&console, &visitor, &headers, &user, &token)
        }
        Err(error @ (PeopleError::Name(_) | PeopleError::Store(StoreError::AlreadyExists { .. }))) => {
            let text = sentence(&error.to_string());
            let said = Said {
                given,
                error: Some(&text),
                link: None,
            };
            users(&console, &visitor, said).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Leads on to the page, which shows a link this once.
fn with_link(
    console: &Console,
    visitor: &Visitor,
    headers: &HeaderMap,
    user: &User,
    token: &Secret,
) -> Result<Response, ConsoleError> {
    let origin = origin::of(headers, &console.settings);
    let shown = SetupLink {
        name: user.name.to_string(),
        link: format!("{origin}/manager/setup/{}", token.expose()),
    };
    let text = serde_json::to_string(&shown).map_err(ConsoleError::internal)?;
    Ok(once::redirect(console, visitor, headers, PATH, &text))
}

/// A role by its name in a form: `administrator`, or the client of a member.
async fn role(console: &Console, text: &str) -> Result<Role, ConsoleError> {
    if text == "administrator" {
        return Ok(Role::Administrator);
    }
    let unknown = || ConsoleError::refused("Choose a role and, for a member, an existing client.");
    let client = ClientId::from_str(text).map_err(|_| unknown())?;
    let clients = console.engine.clients().await?;
    let known = clients.iter().any(|one| one.id == client);
    known.then_some(Role::Member(client)).ok_or_else(unknown)
}

/// Another user, whom an administrator changes. Nobody changes the own user here: the last administrator must not be able
/// to lock everybody out.
async fn other(
    console: &Console,
    visitor: &Visitor,
    user: Result<Path<String>, PathRejection>,
) -> Result<User, ConsoleError> {
    visitor.administrator()?;
    let Path(text) = user?;
    let id = UserId::from_str(&text).map_err(|_| ConsoleError::NotFound)?;
    if id == visitor.id() {
        return Err(ConsoleError::refused(
            "You cannot change your own user here; another administrator can.",
        ));
    }
    console.engine.user(id).await?.ok_or(ConsoleError::NotFound)
}

async fn new_link(
    State(console): State<Console>,
    visitor: Visitor,
    headers: HeaderMap,
    user: Result<Path<String>, PathRejection>,
) -> Result<Response, ConsoleError> {
    let user = other(&console, &visitor, user).await?;
    by_password(&console)?;
    let token = console.engine.new_setup_link(user.id).await?;
    note(&console, &visitor, Action::PasswordLinkCreated, &user).await;
    with_link(&console, &visitor, &headers, &user, &token)
}

async fn set_role(
    State(console): State<Console>,
    visitor: Visitor,
    user: Result<Path<String>, PathRejection>,
    given: Result<Form<NewRole>, FormRejection>,
) -> Result<Response, ConsoleError> {
    let user = other(&console, &visitor, user).await?;
    let Form(given) = given?;
    let change = UserChange {
        role: Some(role(&console, &given.role).await?),
        state: None,
    };
    let user = console.engine.update_user(user.id, change).await?;
    note(&console, &visitor, Action::UserChanged, &user).await;
    Ok(done(format!("{} has another role.", user.name)))
}

async fn set_state(
    console: &Console,
    visitor: &Visitor,
    user: Result<Path<String>, PathRejection>,
    state: UserState,
) -> Result<User, ConsoleError> {
    let user = other(console, visitor, user).await?;
    let change = UserChange {
        role: None,
        state: Some(state),
    };
    let user = console.engine.update_user(user.id, change).await?;
    let action = match state {
        UserState::Active => Action::UserEnabled,
        UserState::Disabled => Action::UserDisabled,
    };
    note(console, visitor, action, &user).await;
    Ok(user)
}

async fn disable(
    State(console): State<Console>,
    visitor: Visitor,
    user: Result<Path<String>, PathRejection>,
) -> Result<Response, ConsoleError> {
    let user = set_state(&console, &visitor, user, UserState::Disabled).await?;
    Ok(done(format!(
        "{} is disabled. All sessions have ended.",
        user.name
    )))
}

async fn enable(
    State(console): State<Console>,
    visitor: Visitor,
    user: Result<Path<String>, PathRejection>,
) -> Result<Response, ConsoleError> {
    let user = set_state(&console, &visitor, user, UserState::Active).await?;
    Ok(done(format!("{} may sign in again.", user.name)))
}

async fn delete(
    State(console): State<Console>,
    visitor: Visitor,
    user: Result<Path<String>, PathRejection>,
) -> Result<Response, ConsoleError> {
    let user = other(&console, &visitor, user).await?;
    console.engine.delete_user(user.id).await?;
    note(&console, &visitor, Action::UserDeleted, &user).await;
    Ok(done(format!("{} is deleted.", user.name)))
}

/// Writes down what was done to a user, who may be gone later.
async fn note(console: &Console, visitor: &Visitor, action: Action, user: &User) {
    console.audit(described(visitor.deed(action), user)).await;
}

/// The same deed with the user to whom it was done.
pub(super) fn described(deed: Deed, user: &User) -> Deed {
    let role = match user.role {
        Role::Administrator => "administrator".to_owned(),
        Role::Member(client) => client.to_string(),
    };
    deed.to(Subject::User(user.id))
        .with("name", user.name.as_str())
        .with("role", role)
}

fn done(message: String) -> Response {
    page::redirect(PATH, Some(Toast::success(message)))
}
