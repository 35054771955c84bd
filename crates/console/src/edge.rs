//! The outermost layer: one line of the access log a request, and the headers that every answer carries.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use sfumato_core::{UserId, chain};
use sfumato_engine::metrics::Surface;

use crate::Console;
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

/// What the layers inside learn about a request and the access log wants to know.
#[derive(Debug, Default)]
pub(crate) struct RequestContext {
    /// Set once the visitor is known.
    pub(crate) user: OnceLock<UserId>,
}

/// The layer.
pub(crate) async fn edge(State(console): State<Console>, mut request: Request, next: Next) -> Response {
    let context = Arc::new(RequestContext::default());
    request.extensions_mut().insert(context.clone());
    let begun = Instant::now();
    let method = request.method().clone();
    // The pattern and not the path: paths hold setup links and name jobs.
    let route = request.extensions().get::<MatchedPath>().cloned();
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map(|ConnectInfo(peer)| *peer);
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    let status = response.status().as_u16();
    let route = route.as_ref().map(MatchedPath::as_str);
    let method = method.as_str();
    let duration = begun.elapsed();
    console
        .engine
        .metrics()
        .request_answered(Surface::Manager, method, route, status, duration);
    let route = route.unwrap_or("none");
    let duration_ms = duration.as_secs_f64() * 1e3;
    let user = context.user.get().map(tracing::field::display);
    let peer = peer.map(tracing::field::display);
    let failure = response.extensions().get::<Arc<ConsoleError>>();
    match failure.filter(|_| status >= 500) {
        Some(error) => tracing::error!(
            method,
            route,
            status,
            duration_ms,
            user.id = user,
            peer,
            error = chain(&**error),
            "a page failed"
        ),
        None => tracing::info!(
            method,
            route,
            status,
            duration_ms,
            user.id = user,
            peer,
            "a page was answered"
        ),
    }
    response
}
