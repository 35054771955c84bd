//! Spans by OTLP: Protocol Buffers over HTTP, one POST a batch.

mod message;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use hyper::{HeaderMap, Request, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use prost::Message;
use sfumato_core::Timestamp;
use sfumato_engine::traces::{ExportError, Exporter, Kind, RemoteSpan, Span, Value};

use message::{flags, kind};

/// How long one batch may take, from the connection to the end of the answer.
const DEADLINE: Duration = Duration::from_secs(10);

/// Largest answer. A collector has little to say.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// `STATUS_CODE_ERROR`.
const ERROR: i32 = 2;

/// Sends spans to one collector.
pub(crate) struct Otlp {
    url: Uri,
    headers: HeaderMap,
    resource: message::Resource,
    http: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl std::fmt::Debug for Otlp {
    /// Without what may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Otlp").finish_non_exhaustive()
    }
}

impl Otlp {
    /// Sends to exactly this address, with these headers beside OTLP's own. `resource` says of every span who has made it.
    ///
    /// # Errors
    /// The certificate authorities of this machine cannot be read.
    pub(crate) fn new(
        url: Uri,
        headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>,
        resource: &[(String, String)],
    ) -> std::io::Result<Self> {
        let connector = HttpsConnectorBuilder::new()
            .with_native_roots()?
            .https_or_http()
            .enable_http1()
            .build();
        let attributes = resource
            .iter()
            .map(|(key, value)| attribute(key, message::Value::Text(value.clone())));
        let mut headers: HeaderMap = headers.into_iter().collect();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        headers.insert(
            USER_AGENT,
            HeaderValue::from_static(concat!("sfumato/", env!("CARGO_PKG_VERSION"))),
        );
        Ok(Self {
            url,
            headers,
            resource: message::Resource {
                attributes: attributes.collect(),
            },
            http: Client::builder(TokioExecutor::new()).build(connector),
        })
    }

    fn body(&self, spans: &[Span]) -> Vec<u8> {
        let spans = message::ScopeSpans {
            scope: Some(message::InstrumentationScope {
                name: "sfumato".into(),
                version: env!("CARGO_PKG_VERSION").into(),
            }),
            spans: spans.iter().map(span).collect(),
        };
        let traces = message::TracesData {
            resource_spans: vec![message::ResourceSpans {
                resource: Some(self.resource.clone()),
                scope_spans: vec![spans],
            }],
        };
        traces.encode_to_vec()
    }

    async fn post(&self, body: Vec<u8>) -> Result<(StatusCode, Bytes), ExportError> {
        let mut request = Request::post(self.url.clone())
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| ExportError::Refused(error.to_string()))?;
        request.headers_mut().extend(self.headers.clone());
        let unreachable = |error: hyper_util::client::legacy::Error| ExportError::Unreachable(error.into());
        let answer = self.http.request(request).await.map_err(unreachable)?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
        // A collector that has answered has decided.
        Ok((status, body.map(|body| body.to_bytes()).unwrap_or_default()))
    }
}

#[async_trait]
impl Exporter for Otlp {
    async fn export(&self, spans: &[Span]) -> Result<(), ExportError> {
        let asked = tokio::time::timeout(DEADLINE, self.post(self.body(spans)));
        let (status, body) = asked
            .await
            .unwrap_or_else(|late| Err(ExportError::Unreachable(late.into())))?;
        match status {
            status if status.is_success() => {
                // What a collector has refused of a batch it refuses again.
                if let Ok(message::Answer {
                    partial_success: Some(partly),
                }) = message::Answer::decode(body)
                    && partly.rejected_spans > 0
                {
                    tracing::warn!(
                        spans = partly.rejected_spans,
                        reason = printable(&partly.error_message),
                        "the collector of traces refused some spans"
                    );
                }
                Ok(())
            }
            // Those that the standard tells to try again.
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => {
                Err(ExportError::Unreachable(format!("it answers {status}").into()))
            }
            status => Err(ExportError::Refused(status.to_string())),
        }
    }
}

/// Enough of a text from outside for a line of the log.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

fn nanoseconds(at: Timestamp) -> u64 {
    u64::try_from(at.as_micros()).unwrap_or(0).saturating_mul(1000)
}

fn attribute(key: &str, value: message::Value) -> message::KeyValue {
    message::KeyValue {
        key: key.to_owned(),
        value: Some(message::AnyValue { value: Some(value) }),
    }
}

fn link(to: &RemoteSpan) -> message::Link {
    let sampled = if to.sampled { flags::SAMPLED } else { 0 };
    message::Link {
        trace_id: to.trace.bytes().to_vec(),
        span_id: to.span.bytes().to_vec(),
        flags: sampled | flags::HAS_IS_REMOTE | flags::IS_REMOTE,
    }
}

fn span(span: &Span) -> message::Span {
    let remote = if span.parent_is_remote {
        flags::IS_REMOTE
    } else {
        0
    };
    let value = |value: &Value| match value {
        Value::Text(text) => message::Value::Text(text.clone().into_owned()),
        Value::Number(number) => message::Value::Number(*number),
        Value::Real(real) => message::Value::Real(*real),
    };
    message::Span {
        trace_id: span.trace.bytes().to_vec(),
        span_id: span.id.bytes().to_vec(),
        parent_span_id: span
            .parent
            .map(|parent| parent.bytes().to_vec())
            .unwrap_or_default(),
        name: span.name.clone().into_owned(),
        kind: match span.kind {
            Kind::Internal => kind::INTERNAL,
            Kind::Server => kind::SERVER,
            Kind::Client => kind::CLIENT,
        },
        start_time_unix_nano: nanoseconds(span.began),
        end_time_unix_nano: nanoseconds(span.ended),
        attributes: span
            .attributes
            .iter()
            .map(|(key, it)| attribute(key, value(it)))
            .collect(),
        links: span.links.iter().map(link).collect(),
        status: span.error.as_ref().map(|error| message::Status {
            message: error.clone().into_owned(),
            code: ERROR,
        }),
        flags: flags::SAMPLED | flags::HAS_IS_REMOTE | remote,
    }
}
