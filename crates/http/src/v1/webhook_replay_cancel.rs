//! `DELETE /webhook-url/{uuid}/replay/{replayId}`

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};

use crate::ApiState;
use crate::auth::Authenticated;
use crate::problem::{ErrorBody, Problem};
use crate::v1::endpoint_body::pair_in_path;
use crate::v1::replay_body::ReplayBody;

/// Stop a replay.
///
/// An extension. What it sent again until then stays so; one that is over stays as it is.
#[utoipa::path(
    delete,
    path = "/webhook-url/{uuid}/replay/{replayId}",
    operation_id = "cancelWebhookReplay",
    tag = "Webhooks",
    security(("bearer" = [])),
    params(
        ("uuid" = uuid::Uuid, Path, description = "The endpoint."),
        ("replayId" = uuid::Uuid, Path, description = "The replay."),
    ),
    responses(
        (status = 200, description = "The replay as it is now.", body = ReplayBody),
        (status = 401, description = "No valid access token.", body = ErrorBody),
        (status = 404, description = "No such replay of this endpoint and client.", body = ErrorBody),
    ),
)]
pub(crate) async fn cancel(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Json<ReplayBody>, Problem> {
    let (endpoint, replay) = pair_in_path(path, "replay")?;
    let replay = state.engine.cancel_replay(&caller, endpoint, replay).await?;
    Ok(Json(ReplayBody::from(&replay)))
}
