//! `POST /token`

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::BearerToken;
use crate::json::JsonBody;
use crate::problem::{ErrorBody, Problem};
use crate::v1::token_body::TokenBody;

/// The refresh token of the last login or refresh.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"refreshToken": "rt_4fFq1dXyM0PZ3sQ9b7KcT2hUoWn6RvEaLgJi8YtBmCk"}))]
pub(crate) struct RefreshRequest {
    /// `rt_…`
    refresh_token: String,
}

/// Get the next pair of tokens.
///
/// Send the old access token in `Authorization`; it may have expired but must be authentic and of the same client. Each
/// refresh token works once. Using one a second time ends the login it belongs to, because somebody else has a copy.
#[utoipa::path(
    post,
    path = "/token",
    operation_id = "refreshTokens",
    tag = "Authentication",
    security(("bearer" = [])),
    request_body = RefreshRequest,
    responses(
        (status = 200, description = "A new pair; the old refresh token is used up.", body = TokenBody),
        (status = 400, description = "The body is not as described.", body = ErrorBody),
        (status = 401, description = "One of the tokens is missing, not authentic, used before, expired (the refresh token) or of an ended login.", body = ErrorBody),
        (status = 403, description = "The two tokens belong to different clients.", body = ErrorBody),
        (status = 429, description = "Too many requests for tokens from this address.", body = ErrorBody,
            headers(("Retry-After" = u32, description = "Seconds to wait."))),
    ),
)]
pub(crate) async fn refresh(
    State(state): State<ApiState>,
    BearerToken(access): BearerToken,
    JsonBody(request): JsonBody<RefreshRequest>,
) -> Result<Json<TokenBody>, Problem> {
    let grant = state.engine.refresh(&access, &request.refresh_token).await?;
    Ok(Json(grant.into()))
}
