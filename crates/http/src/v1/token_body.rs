//! The answer of `POST /login` and `POST /token`.

use serde::Serialize;
use sfumato_engine::access::TokenGrant;
use utoipa::ToSchema;

/// A pair of tokens.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "token": "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9…",
    "refreshToken": "rt_4fFq1dXyM0PZ3sQ9b7KcT2hUoWn6RvEaLgJi8YtBmCk",
    "expireTime": 3600,
    "expiresIn": 3600,
}))]
pub(crate) struct TokenBody {
    /// The access token, a JWT: send it as `Authorization: Bearer …`.
    token: String,
    /// Gives the next pair, once, at `POST /token`.
    refresh_token: String,
    /// Lifetime of the access token in seconds.
    expire_time: u64,
    /// The same as `expireTime`.
    expires_in: u64,
}

impl From<TokenGrant> for TokenBody {
    fn from(grant: TokenGrant) -> Self {
        let seconds = grant.expires_in.as_secs();
        Self {
            token: grant.access.expose().to_owned(),
            refresh_token: grant.refresh.expose().to_owned(),
            expire_time: seconds,
            expires_in: seconds,
        }
    }
}
