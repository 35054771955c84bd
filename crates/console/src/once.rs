//! What the next page shows and no page after it: a secret that was just made. The answer to a form leads on to that page, so
//! that loading it again repeats nothing. Until then the browser keeps it, sealed for this user and this page.

use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;

use crate::visitor::Visitor;
use crate::{Console, cookies, page};

fn purpose(visitor: &Visitor, path: &str) -> String {
    format!("shown once 1\0{}\0{path}", visitor.id())
}

/// Leads on to the page at `path`, which shows `text` once.
pub(crate) fn redirect(
    console: &Console,
    visitor: &Visitor,
    headers: &HeaderMap,
    path: &str,
    text: &str,
) -> Response {
    let sealed = console.engine.seal(&purpose(visitor, path), text);
    let mut response = page::redirect(path, None);
    if let Some(cookie) = cookies::set_once(&sealed, headers, &console.settings, path) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// What the page at `path` shows this time.
pub(crate) fn take(console: &Console, visitor: &Visitor, headers: &HeaderMap, path: &str) -> Option<String> {
    let sealed = cookies::once(headers)?;
    console.engine.unseal(&purpose(visitor, path), sealed)
}

/// Has the browser forget it, with the answer that shows it.
pub(crate) fn forget(response: &mut Response, path: &str) {
    let cookie: Option<HeaderValue> = cookies::clear_once(path);
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}
