//! Pages and fragments: the frame around what a template has filled in, ways to the next page, failures.

use askama::Template;
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};

use crate::assets::{self, Links};
use crate::cookies;
use crate::error::ConsoleError;
use crate::look::{Look, Toast};
use crate::visitor::Visitor;

const HX_RESWAP: HeaderName = HeaderName::from_static("hx-reswap");

/// The entries of the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nav {
    Overview,
    Jobs,
    Upload,
    Developer,
    Settings,
    Audit,
    Users,
    /// The person's own account, which stands apart from the others.
    Account,
    /// A page that is no entry.
    None,
}

/// One entry.
struct NavItem {
    nav: Nav,
    path: &'static str,
    label: &'static str,
    icon: &'static str,
    /// For administrators alone.
    administrators: bool,
}

const fn item(nav: Nav, path: &'static str, label: &'static str, icon: &'static str) -> NavItem {
    NavItem {
        nav,
        path,
        label,
        icon,
        administrators: false,
    }
}

const NAVIGATION: [NavItem; 7] = [
    item(Nav::Overview, "/manager", "Overview", "overview"),
    item(Nav::Jobs, "/manager/jobs", "Jobs", "jobs"),
    item(Nav::Upload, "/manager/upload", "Upload", "upload"),
    item(Nav::Developer, "/manager/developer", "Developer", "developer"),
    item(Nav::Settings, "/manager/settings", "Settings", "settings"),
    NavItem {
        administrators: true,
        ..item(Nav::Audit, "/manager/audit", "Audit", "audit")
    },
    NavItem {
        administrators: true,
        ..item(Nav::Users, "/manager/users", "Users", "users")
    },
];

#[derive(Template)]
#[template(path = "frame.html")]
struct Frame<'a> {
    title: &'a str,
    look: &'a Look,
    links: &'a Links,
    visitor: &'a Visitor,
    nav: Nav,
    body: String,
}

impl Frame<'_> {
    fn entries(&self) -> impl Iterator<Item = &'static NavItem> {
        let all = self.visitor.is_administrator();
        NAVIGATION.iter().filter(move |item| all || !item.administrators)
    }
}

#[derive(Template)]
#[template(path = "door.html")]
struct Door<'a> {
    title: &'a str,
    look: &'a Look,
    links: &'a Links,
    body: String,
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorBody<'a> {
    title: &'a str,
    text: &'a str,
    signed_in: bool,
}

/// A whole page on its way out.
#[derive(Debug)]
pub(crate) struct Page {
    status: StatusCode,
    html: String,
    toast_was_shown: bool,
}

impl Page {
    /// The same page with another status, for a form with errors: 422.
    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let mut response = (self.status, Html(self.html)).into_response();
        if self.toast_was_shown {
            response.headers_mut().append(SET_COOKIE, cookies::clear_toast());
        }
        response
    }
}

/// A page for somebody who is signed in: `body` within the frame with its navigation.
///
/// # Errors
/// [`ConsoleError::Internal`] where a template fails.
pub(crate) fn page(
    visitor: &Visitor,
    nav: Nav,
    title: &str,
    body: &impl Template,
) -> Result<Page, ConsoleError> {
    let look = visitor.look();
    let frame = Frame {
        title,
        look,
        links: assets::links(),
        visitor,
        nav,
        body: body.render()?,
    };
    Ok(Page {
        status: StatusCode::OK,
        html: frame.render()?,
        toast_was_shown: look.toast.is_some(),
    })
}

/// A page for somebody who is not: a card in the middle.
///
/// # Errors
/// [`ConsoleError::Internal`] where a template fails.
pub(crate) fn door(look: &Look, title: &str, body: &impl Template) -> Result<Page, ConsoleError> {
    let door = Door {
        title,
        look,
        links: assets::links(),
        body: body.render()?,
    };
    Ok(Page {
        status: StatusCode::OK,
        html: door.render()?,
        toast_was_shown: look.toast.is_some(),
    })
}

/// Leads on after a plain form, with a message for the next page. Not for htmx, which would put the whole page into its
/// target.
pub(crate) fn redirect(path: &str, toast: Option<Toast>) -> Response {
    let location = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/manager"));
    let mut response = (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response();
    if let Some(cookie) = toast.and_then(|toast| cookies::set_toast(toast.kind, &toast.text)) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// A failure as a page.
pub(crate) fn error(error: &ConsoleError, visitor: Option<&Visitor>, look: &Look) -> Response {
    let message = error.message();
    let body = ErrorBody {
        title: message.title,
        text: &message.text,
        signed_in: visitor.is_some(),
    };
    let made = match visitor {
        Some(visitor) => page(visitor, Nav::None, message.title, &body),
        None => door(look, message.title, &body),
    };
    match made {
        Ok(page) => page.with_status(error.status()).into_response(),
        // The template of failures failed: a sentence without markup is left.
        Err(_) => (error.status(), message.text.into_owned()).into_response(),
    }
}

/// A failure as a toast that leaves the page as it is.
pub(crate) fn error_for_htmx(error: &ConsoleError) -> Response {
    let message = error.message();
    let toast = Toast::failure(message.text);
    let stay = (HX_RESWAP, HeaderValue::from_static("none"));
    (error.status(), [stay, toast.trigger()]).into_response()
}
