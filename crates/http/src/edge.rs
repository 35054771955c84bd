//! The outermost layer: the request's identifier, its one access-log line, the rendering of failures, and the headers
//! that every answer carries.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use sfumato_core::ClientId;
use sfumato_core::time::random;
use sfumato_engine::Engine;
use sfumato_engine::metrics::Surface;
use sfumato_engine::system::SystemEntropy;

use crate::problem;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest request identifier that is taken over from a proxy, in bytes.
const REQUEST_ID_BYTES_MAX: usize = 64;

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

/// Makes request identifiers, a random number of this process and a count, and counts requests.
#[derive(Clone, Debug)]
pub(crate) struct Edge {
    engine: Engine,
    process: Arc<str>,
    requests: Arc<AtomicU64>,
}

impl Edge {
    pub(crate) fn new(engine: Engine) -> Self {
        let process = u64::from_be_bytes(random(&SystemEntropy));
        Self {
            engine,
            process: format!("{process:016x}").into(),
            requests: Arc::default(),
        }
    }

    fn request_id(&self, request: &Request) -> String {
        let given = request
            .headers()
            .get(X_REQUEST_ID)
            .and_then(|id| id.to_str().ok());
        match given {
            Some(id) if is_plain(id) => id.to_owned(),
            _ => {
                let count = self.requests.fetch_add(1, Ordering::Relaxed);
                format!("{}-{count}", self.process)
            }
        }
    }
}

/// Whether an identifier from outside may stand in logs and headers.
fn is_plain(id: &str) -> bool {
    (1..=REQUEST_ID_BYTES_MAX).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// What the layers inside learn about a request and the access log wants to know.
#[derive(Debug, Default)]
pub(crate) struct RequestContext {
    /// Set once the caller is known.
    pub(crate) client: OnceLock<ClientId>,
}

/// One line of the access log. It is written even when the client goes away and the request is dropped half-way.
struct AccessLine {
    begun: Instant,
    request_id: String,
    context: Arc<RequestContext>,
    method: Method,
    /// The pattern and not the path: paths and queries name jobs and results.
    route: Option<MatchedPath>,
    peer: Option<SocketAddr>,
    written: bool,
}

impl AccessLine {
    fn write(&mut self, status: Option<StatusCode>, cause: Option<&dyn std::error::Error>) {
        self.written = true;
        let request = tracing::field::display(&self.request_id);
        let method = self.method.as_str();
        let route = self.route.as_ref().map_or("none", MatchedPath::as_str);
        let status = status.map(|status| status.as_u16());
        let duration_ms = self.begun.elapsed().as_secs_f64() * 1e3;
        let client = self.context.client.get().map(tracing::field::display);
        let peer = self.peer.map(tracing::field::display);
        match (status, cause) {
            (Some(status), Some(cause)) => tracing::error!(
                request.id = request,
                method,
                route,
                status,
                duration_ms,
                client.id = client,
                peer,
                error = sfumato_core::chain(cause),
                "a request failed"
            ),
            (Some(status), None) => tracing::info!(
                request.id = request,
                method,
                route,
                status,
                duration_ms,
                client.id = client,
                peer,
                "a request was answered"
            ),
            (None, _) => tracing::info!(
                request.id = request,
                method,
                route,
                duration_ms,
                client.id = client,
                peer,
                "the client went away before its request was answered"
            ),
        }
    }
}

impl Drop for AccessLine {
    fn drop(&mut self) {
        if !self.written {
            self.write(None, None);
        }
    }
}

/// The layer.
pub(crate) async fn edge(State(edge): State<Edge>, mut request: Request, next: Next) -> Response {
    let context = Arc::new(RequestContext::default());
    request.extensions_mut().insert(context.clone());
    let request_id = edge.request_id(&request);
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let mut line = AccessLine {
        begun: Instant::now(),
        request_id,
        context,
        method: request.method().clone(),
        route: request.extensions().get::<MatchedPath>().cloned(),
        peer: peer.map(|ConnectInfo(peer)| *peer),
        written: false,
    };
    let mut response = next.run(request).await;
    let cause = problem::render(&mut response, &line.request_id);
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if let Ok(id) = HeaderValue::from_str(&line.request_id) {
        headers.insert(X_REQUEST_ID, id);
    }
    edge.engine.metrics().request_answered(
        Surface::Api,
        line.method.as_str(),
        line.route.as_ref().map(MatchedPath::as_str),
        response.status().as_u16(),
        line.begun.elapsed(),
    );
    line.write(
        Some(response.status()),
        cause.as_deref().map(|cause| cause as &dyn std::error::Error),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_from_outside_is_taken_over_only_if_it_is_plain() {
        for good in ["a", "0af7651916cd43dd-8448.eb_1"] {
            assert!(is_plain(good), "{good}");
        }
        for bad in ["", "a b", "a\"b", "ä", "a\u{1b}[31m", &"x".repeat(65)] {
            assert!(!is_plain(bad), "{bad}");
        }
    }
}
