//! A collector of traces, as far as OTLP over HTTP goes: it decodes what it gets by OpenTelemetry's own messages.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
pub use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

/// A span that has arrived, with who sent it.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// The span.
    pub span: Span,
    /// What its sender says of itself.
    pub resource: BTreeMap<String, String>,
}

impl Arrived {
    /// An attribute as text.
    pub fn attribute(&self, key: &str) -> Option<String> {
        texts(&self.span.attributes).remove(key)
    }
}

#[derive(Debug, Default)]
struct Inner {
    arrived: Vec<Arrived>,
    requests: usize,
    headers: Vec<HeaderMap>,
    answer: StatusCode,
}

/// The collector, listening on loopback until it is dropped.
#[derive(Clone, Debug)]
pub struct Collector {
    /// The base address of OTLP.
    pub url: String,
    inner: Arc<Mutex<Inner>>,
}

impl Collector {
    /// Starts a collector that takes everything.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start() -> Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let inner = Arc::new(Mutex::new(Inner::default()));
        let router = Router::new()
            .route("/v1/traces", post(collect))
            .with_state(Arc::clone(&inner));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, inner })
    }

    /// Answers everything from here on with this status.
    pub fn answer(&self, status: StatusCode) {
        self.inner().answer = status;
    }

    /// How many requests have come.
    pub fn requests(&self) -> usize {
        self.inner().requests
    }

    /// The headers of all requests.
    pub fn headers(&self) -> Vec<HeaderMap> {
        self.inner().headers.clone()
    }

    /// All spans that were taken.
    pub fn spans(&self) -> Vec<Arrived> {
        self.inner().arrived.clone()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |value: &Value| match value {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        Value::DoubleValue(number) => number.to_string(),
        other => format!("{other:?}"),
    };
    attributes
        .iter()
        .filter_map(|pair| Some((pair.key.clone(), text(pair.value.as_ref()?.value.as_ref()?))))
        .collect()
}

async fn collect(State(inner): State<Arc<Mutex<Inner>>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let decoded = ExportTraceServiceRequest::decode(body);
    let mut inner = inner.lock().unwrap_or_else(PoisonError::into_inner);
    inner.requests += 1;
    inner.headers.push(headers);
    let Ok(request) = decoded else {
        return StatusCode::BAD_REQUEST;
    };
    if !inner.answer.is_success() {
        return inner.answer;
    }
    for sent in request.resource_spans {
        let resource = sent.resource.map(|it| texts(&it.attributes)).unwrap_or_default();
        for span in sent.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            inner.arrived.push(Arrived {
                span,
                resource: resource.clone(),
            });
        }
    }
    StatusCode::OK
}
