//! A webhook receiver that records what it gets and answers as it is told.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::Result;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// One request that arrived.
#[derive(Clone, Debug)]
pub struct Received {
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body as it came.
    pub raw: Vec<u8>,
    /// Its body.
    pub body: Value,
    /// When it had arrived.
    pub at: Instant,
}

impl Received {
    /// The job it speaks of.
    pub fn task(&self) -> &str {
        self.body["taskId"].as_str().unwrap_or_default()
    }

    /// The status it tells.
    pub fn status(&self) -> &str {
        self.body["status"].as_str().unwrap_or_default()
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}

#[derive(Debug, Default)]
struct Inner {
    received: Vec<Received>,
    refusals_left: usize,
}

/// The receiver, listening on loopback until it is dropped.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// Where it listens.
    pub url: String,
    inner: Arc<Mutex<Inner>>,
}

impl Receiver {
    /// Starts a receiver that answers by the contract.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start() -> Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/hook", listener.local_addr()?);
        let inner = Arc::new(Mutex::new(Inner::default()));
        let router = Router::new().fallback(receive).with_state(Arc::clone(&inner));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, inner })
    }

    /// Answers the next `count` requests with 503.
    pub fn refuse(&self, count: usize) {
        lock(&self.inner).refusals_left = count;
    }

    /// All that has arrived, in order.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.inner).received.clone()
    }

    /// How much has arrived.
    pub fn count(&self) -> usize {
        lock(&self.inner).received.len()
    }

    /// What has arrived for one job, in order, repetitions of one `webhook-id` left out.
    pub fn statuses(&self, task: &str) -> Vec<String> {
        let mut seen = std::collections::BTreeSet::new();
        lock(&self.inner)
            .received
            .iter()
            .filter(|r| r.task() == task && seen.insert(r.header("webhook-id").to_owned()))
            .map(|r| r.status().to_owned())
            .collect()
    }
}

fn lock(inner: &Mutex<Inner>) -> std::sync::MutexGuard<'_, Inner> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn receive(State(inner): State<Arc<Mutex<Inner>>>, headers: HeaderMap, raw: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&raw).unwrap_or_default();
    let task = body["taskId"].clone();
    for name in ["x-auth-token", "webhook-signature"] {
        if let Some(value) = headers.get(name).and_then(|value| value.to_str().ok()) {
            sfumato_testkit::secrets::remember(name, value);
        }
    }
    let mut inner = lock(&inner);
    if inner.refusals_left > 0 {
        inner.refusals_left -= 1;
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    inner.received.push(Received {
        headers,
        raw: raw.to_vec(),
        body,
        at: Instant::now(),
    });
    axum::Json(json!({"taskId": task})).into_response()
}
