//! `GET /readyz`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::ApiState;
use crate::problem::{ErrorBody, Problem};

/// The answer.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"status": "ready"}))]
pub(crate) struct Ready {
    /// Always `ready`.
    status: &'static str,
}

/// Can it do its work?
///
/// Reads from the database and the storage. A load balancer sends requests only while the answer is 200. A full disk leaves it so:
/// results are handed out all the same.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "getReadiness",
    tag = "Operations",
    responses(
        (status = 200, description = "Database and storage answer.", body = Ready),
        (status = 503, description = "One of them does not.", body = ErrorBody),
    ),
)]
pub(crate) async fn ready(State(state): State<ApiState>) -> Result<Json<Ready>, Problem> {
    match state.engine.ready().await {
        Ok(()) => Ok(Json(Ready { status: "ready" })),
        Err(error) => Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string()).because(error)),
    }
}
