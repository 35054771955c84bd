//! Requests to the provider. It is the operator's choice, so that no guard judges its addresses; but what comes from it is
//! bounded in time and size, is never led elsewhere by a redirect, and travels in TLS unless it stays on this machine.

use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use http_body_util::{BodyExt, Full, Limited};
use hyper::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use thiserror::Error;
use url::{Host, Url};

use crate::outbound;

/// How long one request may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// Bytes of an answer at most: discovery documents and key sets have some thousand.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// Why a request to the provider failed.
#[derive(Debug, Error)]
pub enum HttpError {
    /// The address is neither https nor on this machine.
    #[error("the address {0} is neither https nor on this machine")]
    NotSafe(Uri),
    /// Nothing came in time.
    #[error("there was no answer within {} s", DEADLINE.as_secs())]
    Late,
    /// No connection, or it broke.
    #[error("the connection failed")]
    Connection(#[source] hyper_util::client::legacy::Error),
    /// The answer broke off or is larger than any that a provider gives.
    #[error("the answer did not come whole")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Whether secrets may travel to an address: in TLS, or without leaving this machine.
pub(super) fn is_safe(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && loopback)
}

/// The client.
#[derive(Clone, Debug)]
pub(super) struct Http(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl Http {
    pub(super) fn new() -> Self {
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(outbound::tls_of_this_machine())
            .https_or_http()
            .enable_http1()
            .build();
        Self(Client::builder(TokioExecutor::new()).build(connector))
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let safe = Url::parse(&request.uri().to_string()).is_ok_and(|url| is_safe(&url));
        if !safe {
            return Err(HttpError::NotSafe(request.uri().clone()));
        }
        let answer = self.0.request(request.map(|body| Full::new(body.into())));
        let answer = answer.await.map_err(HttpError::Connection)?;
        let (parts, body) = answer.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(HttpError::Body)?.to_bytes();
        Ok(HttpResponse::from_parts(parts, body.into()))
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = HttpError;
    type Future = BoxFuture<'c, Result<HttpResponse, HttpError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        async {
            let answer = tokio::time::timeout(DEADLINE, self.send(request)).await;
            answer.unwrap_or(Err(HttpError::Late))
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_travel_in_tls_or_stay_on_this_machine() {
        for safe in [
            "https://id.example.com",
            "http://127.0.0.1:9000/a",
            "http://[::1]/",
            "http://localhost:1",
        ] {
            assert!(is_safe(&safe.parse().unwrap()), "{safe}");
        }
        for unsafe_one in [
            "http://id.example.com",
            "http://10.0.0.1",
            "http://localhost.example.com",
            "ftp://localhost",
        ] {
            assert!(!is_safe(&unsafe_one.parse().unwrap()), "{unsafe_one}");
        }
    }
}
