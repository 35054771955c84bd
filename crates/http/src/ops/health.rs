//! `GET /healthz`

use axum::Json;
use axum::extract::{RawQuery, State};
use serde::Serialize;
use sfumato_engine::Engine;
use utoipa::ToSchema;

use crate::query;

/// The answer.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"status": "ok"}))]
pub(crate) struct Health {
    /// Always `ok`.
    status: &'static str,
    /// Only where `challenge` is given: what was sealed in it, or `null` where that was not done by this installation.
    #[schema(value_type = Option<String>, required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<Proof>,
}

/// What shows which installation this is.
#[derive(Serialize)]
#[serde(transparent)]
struct Proof(Option<String>);

/// Is the process alive?
///
/// Answers as long as the process can answer at all, whatever state the database is in: a reason to restart it is only
/// that it does not.
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "getHealth",
    tag = "Operations",
    params(
        ("challenge" = Option<String>, Query, description = "A question of `sfumato doctor`, sealed by the master key: which installation answers here? It tells nothing to whoever has another key."),
    ),
    responses((status = 200, description = "The process lives.", body = Health)),
)]
pub(crate) async fn health(State(engine): State<Engine>, RawQuery(query): RawQuery) -> Json<Health> {
    let challenge = query::first(query.as_deref(), "challenge");
    Json(Health {
        status: "ok",
        proof: challenge.map(|challenge| Proof(engine.answer_challenge(&challenge))),
    })
}
