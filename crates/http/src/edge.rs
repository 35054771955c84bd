//! The outermost layer: the request's identifier, its one access-log line, the rendering of failures, and the headers
//! that every answer carries.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use sfumato_engine::requests::{Requests, X_REQUEST_ID};

use crate::problem;

/// Headers of every answer that has not set them itself. The API's answers are data, never documents.
const HEADERS: [(HeaderName, &str); 5] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (X_FRAME_OPTIONS, "DENY"),
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'",
    ),
    (CACHE_CONTROL, "no-store"),
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
    let cause = problem::render(&mut response, line.id());
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if let Ok(id) = HeaderValue::from_str(line.id()) {
        headers.insert(X_REQUEST_ID, id);
    }
    let status = response.status().as_u16();
    response.map(|body| Body::new(line.answered(status, cause, body)))
}
