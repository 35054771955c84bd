//! What the command line needs of the API of a server elsewhere: a login and the events.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::{Method, Request, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sfumato_core::{EventId, Timestamp};
use thiserror::Error;
use url::Url;

/// Seconds for which one request waits for an event.
const WAIT_SECONDS: u64 = 25;

/// A request takes no longer: what the server waits, and time for the way.
const DEADLINE: Duration = Duration::from_secs(WAIT_SECONDS + 20);

/// Largest answer: a thousand events are some hundred kilobytes.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Events of one request.
const EVENTS_AT_ONCE: usize = 100;

/// Why the server did not give what was asked for.
#[derive(Debug, Error)]
pub(crate) enum ApiError {
    /// The address is none.
    #[error("`{given}` is not an http or https address of a server")]
    Address {
        /// What was given.
        given: String,
    },
    /// The certificates of this machine cannot be read.
    #[error("the certificate authorities of this machine cannot be read")]
    Certificates(#[source] std::io::Error),
    /// No answer came.
    #[error("the server {server} cannot be reached")]
    Unreachable {
        /// Scheme and host.
        server: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server refused.
    #[error("the server answered {status}: {message}")]
    Refused {
        /// The status code.
        status: StatusCode,
        /// What it says.
        message: String,
    },
    /// The answer is not what this API answers.
    #[error("{server} is not the API of Sfumato")]
    Foreign {
        /// Scheme and host.
        server: String,
        /// What is wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl ApiError {
    /// Whether trying again later can help.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { status, .. } => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
            Self::Address { .. } | Self::Certificates(_) | Self::Foreign { .. } => false,
        }
    }
}

/// One event as the API shows it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApiEvent {
    pub(crate) id: EventId,
    pub(crate) task_id: String,
    pub(crate) status: String,
    pub(crate) sequence: u32,
    pub(crate) at: Timestamp,
    pub(crate) cursor: String,
}

/// Some events.
#[derive(Debug, Deserialize)]
pub(crate) struct ApiEvents {
    pub(crate) events: Vec<ApiEvent>,
    pub(crate) next: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Login<'a> {
    client_id: &'a str,
    secret_id: &'a str,
}

#[derive(Deserialize)]
struct Grant {
    token: String,
}

#[derive(Deserialize)]
struct Failure {
    message: String,
}

/// A client of one server, with the credentials of one of its clients.
pub(crate) struct ApiClient {
    server: Url,
    client_id: String,
    secret_id: String,
    token: Option<String>,
    http: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl ApiClient {
    /// Speaks with the server at this address. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ApiError::Address`], [`ApiError::Certificates`].
    pub(crate) fn new(server: &str, client_id: String, secret_id: String) -> Result<Self, ApiError> {
        let wrong = || ApiError::Address { given: server.into() };
        let mut server = Url::parse(server).map_err(|_| wrong())?;
        if !matches!(server.scheme(), "http" | "https") || !server.has_host() || server.query().is_some() {
            return Err(wrong());
        }
        if !server.path().ends_with('/') {
            server.set_path(&format!("{}/", server.path()));
        }
        let connector = HttpsConnectorBuilder::new()
            .with_native_roots()
            .map_err(ApiError::Certificates)?
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self {
            server,
            client_id,
            secret_id,
            token: None,
            http: Client::builder(TokioExecutor::new()).build(connector),
        })
    }

    /// Scheme, host and path of the server.
    pub(crate) fn server(&self) -> &str {
        self.server.as_str()
    }

    /// The events after a cursor, or `latest`; waits for one where there is none. Logs in where that is needed.
    ///
    /// # Errors
    /// [`ApiError`].
    pub(crate) async fn events(&mut self, after: &str) -> Result<ApiEvents, ApiError> {
        self.read_events(after, WAIT_SECONDS).await
    }

    /// Where the events end now.
    ///
    /// # Errors
    /// [`ApiError`].
    pub(crate) async fn latest(&mut self) -> Result<String, ApiError> {
        Ok(self.read_events("latest", 0).await?.next)
    }

    async fn read_events(&mut self, after: &str, wait: u64) -> Result<ApiEvents, ApiError> {
        let mut url = self.url("events");
        let (limit, wait) = (EVENTS_AT_ONCE.to_string(), wait.to_string());
        url.query_pairs_mut()
            .append_pair("after", after)
            .append_pair("limit", &limit)
            .append_pair("wait", &wait);
        if let Some(token) = self.token.clone() {
            match self.send(Method::GET, &url, Some(&token), Bytes::new()).await {
                // The token has had its hour.
                Err(ApiError::Refused { status, .. }) if status == StatusCode::UNAUTHORIZED => {}
                answer => return answer,
            }
        }
        let token = self.log_in().await?;
        self.send(Method::GET, &url, Some(&token), Bytes::new()).await
    }

    async fn log_in(&mut self) -> Result<String, ApiError> {
        let body = Login {
            client_id: &self.client_id,
            secret_id: &self.secret_id,
        };
        let body = serde_json::to_vec(&body).expect("two texts under constant names are always JSON");
        let url = self.url("login");
        let grant: Grant = self.send(Method::POST, &url, None, body.into()).await?;
        self.token = Some(grant.token.clone());
        Ok(grant.token)
    }

    fn url(&self, route: &str) -> Url {
        let mut url = self.server.clone();
        url.set_path(&format!("{}{route}", self.server.path()));
        url
    }

    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        url: &Url,
        token: Option<&str>,
        body: Bytes,
    ) -> Result<T, ApiError> {
        let server = || self.server.origin().ascii_serialization();
        let unreachable = |source: Box<dyn std::error::Error + Send + Sync>| ApiError::Unreachable {
            server: server(),
            source,
        };
        let mut request = Request::builder()
            .method(method)
            .uri(url.as_str())
            .header(CONTENT_TYPE, "application/json");
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request
            .body(Full::new(body))
            .map_err(|error| unreachable(error.into()))?;
        let exchange = async {
            let answer = self
                .http
                .request(request)
                .await
                .map_err(|error| unreachable(error.into()))?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
            Ok((status, body.map_err(unreachable)?.to_bytes()))
        };
        let (status, body) = match tokio::time::timeout(DEADLINE, exchange).await {
            Ok(answer) => answer?,
            Err(elapsed) => return Err(unreachable(elapsed.into())),
        };
        let foreign = |source: serde_json::Error| ApiError::Foreign {
            server: server(),
            source: source.into(),
        };
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(foreign);
        }
        let failure: Failure = serde_json::from_slice(&body).map_err(foreign)?;
        Err(ApiError::Refused {
            status,
            message: failure.message,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(server: &str) -> Result<ApiClient, ApiError> {
        ApiClient::new(server, "client_a".into(), "secret_a".into())
    }

    #[test]
    fn a_server_is_an_http_or_https_address_perhaps_with_a_path() {
        for (given, url) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/events"),
            ("https://blur.example.com/", "https://blur.example.com/events"),
            ("https://example.com/blur", "https://example.com/blur/events"),
        ] {
            assert_eq!(client(given).unwrap().url("events").as_str(), url);
        }
        for given in ["", "example.com", "ftp://example.com/", "http://", "https://a/?b"] {
            assert!(matches!(client(given), Err(ApiError::Address { .. })), "{given}");
        }
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_may_come_back() {
        let nobody = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let error = client(&format!("http://{nobody}"))
            .unwrap()
            .latest()
            .await
            .unwrap_err();
        assert!(error.is_passing(), "{error}");
    }
}
