//! The layer that looks the session of a request up and turns failures into pages.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{LOCATION, RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sfumato_engine::requests::RequestContext;

use crate::Console;
use crate::cookies;
use crate::error::ConsoleError;
use crate::look::Look;
use crate::page;
use crate::visitor::{Visitor, address};

const HX_REQUEST: HeaderName = HeaderName::from_static("hx-request");
const HX_REDIRECT: HeaderName = HeaderName::from_static("hx-redirect");

/// Whether htmx asks, which wants a fragment and not a page.
pub(crate) fn is_htmx(headers: &HeaderMap) -> bool {
    headers.contains_key(HX_REQUEST)
}

/// The layer.
pub(crate) async fn session(State(console): State<Console>, mut request: Request, next: Next) -> Response {
    let headers = request.headers().clone();
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let look = Look::of(&headers);
    let address = address(request.extensions());
    let visitor = match visitor(&console, &headers, &look, address).await {
        Ok(visitor) => visitor,
        Err(error) => return failed(error.into_response(), None, &look, &headers, &method, &uri),
    };
    if let Some(visitor) = &visitor {
        if let Some(context) = request.extensions().get::<Arc<RequestContext>>() {
            let _ = context.user.set(visitor.id());
        }
        request.extensions_mut().insert(visitor.clone());
    }
    let response = next.run(request).await;
    failed(response, visitor.as_ref(), &look, &headers, &method, &uri)
}

async fn visitor(
    console: &Console,
    headers: &HeaderMap,
    look: &Look,
    address: Option<IpAddr>,
) -> Result<Option<Visitor>, ConsoleError> {
    let Some(token) = cookies::session(headers) else {
        return Ok(None);
    };
    let signed_in = console.engine.identify(token).await?;
    Ok(signed_in.map(|signed_in| Visitor::new(signed_in, token, look.clone(), address)))
}

/// The answer to a request that is refused before anybody asks who sends it.
pub(crate) fn refused(error: ConsoleError, request: &Request) -> Response {
    let headers = request.headers();
    let response = error.into_response();
    failed(
        response,
        None,
        &Look::of(headers),
        headers,
        request.method(),
        request.uri(),
    )
}

/// Gives a failed answer its body. Other answers pass.
fn failed(
    mut response: Response,
    visitor: Option<&Visitor>,
    look: &Look,
    headers: &HeaderMap,
    method: &Method,
    uri: &Uri,
) -> Response {
    let error = match response.extensions_mut().remove::<Arc<ConsoleError>>() {
        Some(error) => error,
        // Whatever axum refuses by itself; its plain text is no page.
        None if response.status() == StatusCode::METHOD_NOT_ALLOWED => Arc::new(ConsoleError::NotFound),
        None => return response,
    };
    let mut rendered = match &*error {
        ConsoleError::SignedOut => to_sign_in(headers, method, uri),
        _ if is_htmx(headers) => page::error_for_htmx(&error),
        _ => page::error(&error, visitor, look),
    };
    if let Some(seconds) = error.retry_after() {
        rendered.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    for cookie in response.headers().get_all(SET_COOKIE) {
        rendered.headers_mut().append(SET_COOKIE, cookie.clone());
    }
    rendered.extensions_mut().insert(error);
    rendered
}

/// Leads to the sign-in page, and from there back to where the visitor wanted to go.
fn to_sign_in(headers: &HeaderMap, method: &Method, uri: &Uri) -> Response {
    let wanted = if is_htmx(headers) {
        let current = headers.get("hx-current-url").and_then(|url| url.to_str().ok());
        current
            .and_then(|url| url::Url::parse(url).ok())
            .map(|url| url.path().to_owned())
    } else if method == Method::GET {
        uri.path_and_query().map(|wanted| wanted.as_str().to_owned())
    } else {
        None
    };
    let wanted = wanted.filter(|wanted| is_ours(wanted) && wanted != "/manager");
    let target = match wanted {
        Some(wanted) => format!(
            "/manager/sign-in?next={}",
            utf8_percent_encode(&wanted, NON_ALPHANUMERIC)
        ),
        None => "/manager/sign-in".to_owned(),
    };
    let target = HeaderValue::from_str(&target).unwrap_or(HeaderValue::from_static("/manager/sign-in"));
    if is_htmx(headers) {
        (StatusCode::UNAUTHORIZED, [(HX_REDIRECT, target)]).into_response()
    } else {
        (StatusCode::SEE_OTHER, [(LOCATION, target)]).into_response()
    }
}

/// Whether a path leads to a page of ours: a link to the sign-in page must not lead anywhere else afterwards.
pub(crate) fn is_ours(path: &str) -> bool {
    let rest = path.strip_prefix("/manager");
    let under = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
    under && !path.contains('\\') && !path.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_ours_are_gone_to_after_signing_in() {
        for ours in ["/manager", "/manager/jobs?status=failed", "/manager?x"] {
            assert!(is_ours(ours), "{ours}");
        }
        for foreign in [
            "",
            "/",
            "//evil.example",
            "https://evil.example",
            "/managers",
            "/manager\\@evil.example",
            "/manager/\r\nx",
        ] {
            assert!(!is_ours(foreign), "{foreign}");
        }
    }
}
