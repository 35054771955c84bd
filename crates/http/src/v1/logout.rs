//! `POST /logout`

use axum::extract::State;
use axum::http::StatusCode;

use crate::ApiState;
use crate::auth::Authenticated;
use crate::problem::{ErrorBody, Problem};

/// Log out.
///
/// Ends the login that the access token belongs to: its access and refresh tokens stop working at once. Other logins of
/// the client go on.
#[utoipa::path(
    post,
    path = "/logout",
    operation_id = "logOut",
    tag = "Authentication",
    security(("bearer" = [])),
    responses(
        (status = 204, description = "The login has ended."),
        (status = 401, description = "No valid access token.", body = ErrorBody),
    ),
)]
pub(crate) async fn log_out(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
) -> Result<StatusCode, Problem> {
    state.engine.log_out(&caller).await?;
    Ok(StatusCode::NO_CONTENT)
}
