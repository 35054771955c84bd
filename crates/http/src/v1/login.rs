//! `POST /login`

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, State};
use axum::{Extension, Json};
use serde::Deserialize;
use sfumato_engine::access::AccessError;
use utoipa::ToSchema;

use crate::ApiState;
use crate::json::JsonBody;
use crate::limits::wait_for;
use crate::problem::{ErrorBody, Problem};
use crate::v1::token_body::TokenBody;

/// A client's pair of identifier and secret, as the operator made it.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "clientId": "client_8Kd2mQzX41LrTvYp0aSe",
    "secretId": "secret_pT6uVbN3xJ9cRq1LwZ8mKfYsA5dHgEo2iU7tXnBvMCk",
}))]
pub(crate) struct LoginRequest {
    /// `client_…`
    client_id: String,
    /// `secret_…`
    secret_id: String,
}

/// Log in.
///
/// Gives an access token for an hour and a refresh token. A client may be logged in any number of times. An unknown
/// client id and a wrong secret are answered alike. After ten failures with one client id from one address, that address
/// waits for a minute before it may try that client id again, and with each further failure for twice as long, up to 15
/// minutes. In the same way an address waits after 50 failures under any client ids, and a client id after 100 failures from
/// anywhere, but not a client id that has logged in from that address before.
#[utoipa::path(
    post,
    path = "/login",
    operation_id = "logIn",
    tag = "Authentication",
    request_body = LoginRequest,
    responses(
        (status = 200, description = "Logged in.", body = TokenBody),
        (status = 400, description = "The body is not as described.", body = ErrorBody),
        (status = 401, description = "The client id or the secret id is wrong, or the client is disabled.", body = ErrorBody),
        (status = 429, description = "Too many failed logins, or too many requests for tokens from this address.", body = ErrorBody,
            headers(("Retry-After" = u32, description = "Seconds to wait."))),
    ),
)]
pub(crate) async fn log_in(
    State(state): State<ApiState>,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    JsonBody(request): JsonBody<LoginRequest>,
) -> Result<Json<TokenBody>, Problem> {
    let address = peer.map(|Extension(ConnectInfo(peer))| peer.ip());
    let login = state.login_failures.login(&request.client_id, address);
    let begun = state.login_failures.begin(login, state.engine.clock()).await;
    let begun = begun.map_err(|wait| wait_for("too many failed logins", wait))?;
    match state.engine.log_in(&request.client_id, &request.secret_id).await {
        Ok(grant) => {
            begun.succeeded();
            Ok(Json(grant.into()))
        }
        Err(error) => {
            match error {
                AccessError::WrongCredentials => begun.failed(),
                _ => begun.unheard(),
            }
            Err(error.into())
        }
    }
}
