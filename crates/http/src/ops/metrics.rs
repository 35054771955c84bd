//! `GET /metrics`, on an address of its own

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use sfumato_engine::Engine;
use sfumato_engine::metrics::METRICS_CONTENT_TYPE;

/// All metrics, in Prometheus' text format. Not an operation of the API: it is not for clients.
pub(crate) async fn metrics(State(engine): State<Engine>) -> impl IntoResponse {
    (
        [(CONTENT_TYPE, METRICS_CONTENT_TYPE)],
        engine.metrics_text().await,
    )
}
