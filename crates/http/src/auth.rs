//! Who calls: the bearer token of a request (RFC 6750) and the client that it stands for.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use sfumato_engine::access::Caller;
use sfumato_engine::requests::RequestContext;

use crate::ApiState;
use crate::limits::too_many;
use crate::problem::Problem;

/// The access token of a request, not yet verified.
pub(crate) struct BearerToken(pub(crate) String);

fn bearer_token(headers: &HeaderMap) -> Result<&str, Problem> {
    let missing = || {
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "the header `Authorization: Bearer <access token>` is missing; POST /login gives a token",
        )
        .with(
            WWW_AUTHENTICATE,
            HeaderValue::from_static(r#"Bearer realm="sfumato""#),
        )
    };
    let value = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let (scheme, token) = value
        .and_then(|value| value.trim().split_once(' '))
        .ok_or_else(missing)?;
    let token = token.trim();
    if scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() {
        Ok(token)
    } else {
        Err(missing())
    }
}

impl FromRequestParts<ApiState> for BearerToken {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &ApiState) -> Result<Self, Problem> {
        bearer_token(&parts.headers).map(|token| Self(token.to_owned()))
    }
}

/// The caller of a request, verified.
pub(crate) struct Authenticated(pub(crate) Caller);

impl FromRequestParts<ApiState> for Authenticated {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let caller = state.engine.authenticate(bearer_token(&parts.headers)?).await?;
        if let Some(context) = parts.extensions.get::<Arc<RequestContext>>() {
            // A second extractor of the same request finds the same client.
            let _ = context.client.set(caller.client);
        }
        state.engine.admit_client(caller.client).map_err(too_many)?;
        Ok(Self(caller))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token_of(value: &'static str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_static(value));
        bearer_token(&headers).ok().map(str::to_owned)
    }

    #[test]
    fn the_scheme_is_read_in_any_case_and_nothing_else_is_a_token() {
        for value in ["Bearer abc", "bearer abc", "BEARER  abc "] {
            assert_eq!(token_of(value).as_deref(), Some("abc"), "{value}");
        }
        for value in ["abc", "Basic abc", "Bearer", "Bearer ", ""] {
            assert_eq!(token_of(value), None, "{value}");
        }
        assert_eq!(bearer_token(&HeaderMap::new()).unwrap_err().parts().0, 401);
    }
}
