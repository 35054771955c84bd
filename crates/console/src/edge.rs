//! The outermost layer: one line of the access log a request, and the headers that every answer carries.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use sfumato_engine::requests::{Cause, Requests, X_REQUEST_ID};

use crate::error::ConsoleError;

/// Nothing but this server's own files runs, styles, loads or is asked, and nobody frames a page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
     media-src 'self' blob:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Headers of every answer that has not set them itself.
///
/// The referrer stays within this origin rather than being left out everywhere: without it browsers would also call the
/// origin of our own forms `null`, and they could not be told from foreign ones.
const HEADERS: [(HeaderName, &str); 8] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "same-origin"),
    (CACHE_CONTROL, "no-store"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    ),
];

/// The layer.
pub(crate) async fn edge(State(requests): State<Requests>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let route = parts.extensions.get::<MatchedPath>();
    let line = requests.begin(
        &parts.method,
        &parts.headers,
        route.map(MatchedPath::as_str),
        peer.map(|ConnectInfo(peer)| *peer),
    );
    parts.extensions.insert(line.context());
    let request = Request::from_parts(parts, Body::new(line.received(body)));
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if let Ok(id) = HeaderValue::from_str(line.id()) {
        headers.insert(X_REQUEST_ID, id);
    }
    let status = response.status();
    let failure = response.extensions().get::<Arc<ConsoleError>>().cloned();
    let cause = failure.filter(|_| status.is_server_error());
    response.map(|body| Body::new(line.answered(status.as_u16(), cause.map(|cause| cause as Cause), body)))
}
