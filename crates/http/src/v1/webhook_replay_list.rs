//! `GET /webhook-url/{uuid}/replay`

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};

use crate::ApiState;
use crate::auth::Authenticated;
use crate::problem::{ErrorBody, Problem};
use crate::v1::endpoint_body::endpoint_in_path;
use crate::v1::replay_body::ReplayBody;

/// List the replays of a webhook endpoint.
///
/// An extension. The newest 20, newest first.
#[utoipa::path(
    get,
    path = "/webhook-url/{uuid}/replay",
    operation_id = "listWebhookReplays",
    tag = "Webhooks",
    security(("bearer" = [])),
    params(("uuid" = uuid::Uuid, Path, description = "The endpoint.")),
    responses(
        (status = 200, description = "The replays.", body = Vec<ReplayBody>),
        (status = 401, description = "No valid access token.", body = ErrorBody),
        (status = 404, description = "No such endpoint of this client.", body = ErrorBody),
    ),
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<Vec<ReplayBody>>, Problem> {
    let id = endpoint_in_path(path)?;
    let replays = state.engine.replays(&caller, id).await?;
    Ok(Json(replays.iter().map(ReplayBody::from).collect()))
}
