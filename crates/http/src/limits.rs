//! How often requests may come: from one address, before anything else is looked at, and of one client, once it is known.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sfumato_core::{ClientId, Timestamp};
use sfumato_engine::failures::network;
use sfumato_engine::rates::Rates;

use crate::ApiState;
use crate::problem::Problem;

/// Longest path and query of a request in bytes.
const URI_BYTES_MAX: usize = 8 * 1024;

/// Requests a minute. All of a minute's may come at once; `None` is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateSettings {
    /// Of one client.
    pub per_client: Option<u32>,
    /// From one address, of which IPv6 counts the /64.
    pub per_address: Option<u32>,
    /// To `/login` and `/token`, from one address.
    pub tokens_per_address: Option<u32>,
}

impl Default for RateSettings {
    fn default() -> Self {
        Self {
            per_client: Some(60_000),
            per_address: Some(60_000),
            tokens_per_address: Some(60),
        }
    }
}

/// The counts.
#[derive(Debug)]
pub(crate) struct Limits {
    clients: Rates,
    addresses: Rates,
    tokens: Rates,
}

impl Limits {
    pub(crate) fn new(settings: RateSettings) -> Self {
        Self {
            clients: Rates::per_minute(settings.per_client),
            addresses: Rates::per_minute(settings.per_address),
            tokens: Rates::per_minute(settings.tokens_per_address),
        }
    }

    /// Counts a request of a client.
    pub(crate) fn client(&self, client: ClientId, now: Timestamp) -> Result<(), Problem> {
        self.clients.take(client, now).map_err(too_many)
    }

    fn address(&self, address: IpAddr, path: &str, now: Timestamp) -> Result<(), Problem> {
        // Whoever is on this machine needs no request to do harm, and a proxy there that is not said to be one must not
        // make all clients wait for each other.
        if address.to_canonical().is_loopback() {
            return Ok(());
        }
        if matches!(path, "/login" | "/token") {
            self.tokens.take(network(address), now).map_err(too_many)?;
        }
        self.addresses.take(network(address), now).map_err(too_many)
    }
}

/// 429, with the time to wait in whole seconds.
pub(crate) fn too_many(wait: Duration) -> Problem {
    let seconds = u64::try_from(wait.as_millis().div_ceil(1000))
        .unwrap_or(u64::MAX)
        .max(1);
    Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        format!("too many requests; try again in {seconds} seconds"),
    )
    .with(RETRY_AFTER, seconds.into())
}

/// The layer. Whoever watches over the server is never made to wait.
pub(crate) async fn by_address(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    if request
        .uri()
        .path_and_query()
        .is_some_and(|target| target.as_str().len() > URI_BYTES_MAX)
    {
        let message =
            format!("the address of the request is longer than {URI_BYTES_MAX} bytes, which is the most");
        return Problem::new(StatusCode::URI_TOO_LONG, message).into_response();
    }
    let path = request.uri().path();
    let sender = request.extensions().get::<ConnectInfo<SocketAddr>>();
    if let Some(ConnectInfo(sender)) = sender
        && !matches!(path, "/healthz" | "/readyz")
        && let Err(problem) = state.limits.address(sender.ip(), path, state.engine.now())
    {
        return problem.into_response();
    }
    next.run(request).await
}
