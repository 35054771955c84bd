//! JSON bodies, whatever the client declares them to be.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use tower_http::timeout::{DeadlineBody, TimeoutError};

use crate::ApiState;
use crate::problem::Problem;

/// A JSON body. Old clients forget the content type or declare another one; whatever parses is JSON.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<ApiState> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let body = read(&parts.headers, body, state).await?;
        parse(&parts.headers, &body).map(Self)
    }
}

async fn read(headers: &HeaderMap, body: Body, state: &ApiState) -> Result<Bytes, Problem> {
    let max = state.settings.json_bytes_max;
    let too_large = || {
        Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body is larger than {max} bytes, which is the most"),
        )
    };
    if content_length(headers).is_some_and(|length| length > max as u64) {
        return Err(too_large());
    }
    let limited = Limited::new(DeadlineBody::new(state.settings.body_timeout, body), max);
    match limited.collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(error) if error.is::<TimeoutError>() => Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "the body did not arrive in time",
        )),
        Err(_) => Err(Problem::bad_request("the body ended too early")),
    }
}

/// The declared length of a body.
pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn parse<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<T, Problem> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let parsed = serde_path_to_error::deserialize(&mut deserializer);
    let error = match parsed {
        Ok(value) => match deserializer.end() {
            Ok(()) => return Ok(value),
            Err(error) => error.to_string(),
        },
        Err(error) if error.path().iter().next().is_none() => error.inner().to_string(),
        Err(error) => error.to_string(),
    };
    match foreign_content_type(headers) {
        Some(declared) => Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!("the body is {declared}; it must be application/json"),
        )),
        None => Err(Problem::bad_request(format!(
            "the body is not as expected: {error}"
        ))),
    }
}

/// The declared content type, where it is one that rules JSON out.
fn foreign_content_type(headers: &HeaderMap) -> Option<String> {
    let declared = headers.get(CONTENT_TYPE)?;
    let essence = declared
        .to_str()
        .ok()?
        .split(';')
        .next()?
        .trim()
        .to_ascii_lowercase();
    let may_be_json = essence.is_empty() || essence == "text/plain" || essence.ends_with("json");
    let printable = essence.bytes().all(|b| b.is_ascii_graphic());
    (!may_be_json && printable).then_some(essence)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Login {
        client_id: String,
    }

    fn parsed(content_type: Option<&'static str>, body: &str) -> Result<String, (u16, String)> {
        let mut headers = HeaderMap::new();
        if let Some(declared) = content_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(declared));
        }
        parse::<Login>(&headers, body.as_bytes())
            .map(|login| login.client_id)
            .map_err(|problem| {
                let (status, message) = problem.parts();
                (status, message.to_owned())
            })
    }

    #[test]
    fn whatever_parses_is_json() {
        let body = r#"{"clientId":"a","more":1}"#;
        for declared in [
            None,
            Some("application/json"),
            Some("application/json; charset=utf-8"),
            Some("text/plain"),
            Some("application/x-www-form-urlencoded"),
        ] {
            assert_eq!(parsed(declared, body).as_deref(), Ok("a"), "{declared:?}");
        }
    }

    #[test]
    fn what_does_not_parse_is_400_or_415_and_says_where() {
        let (status, message) = parsed(Some("application/json"), r#"{"clientId":5}"#).unwrap_err();
        assert_eq!(status, 400);
        assert!(message.contains("clientId: invalid type"), "{message}");
        let (status, message) = parsed(None, "{}").unwrap_err();
        assert_eq!(status, 400);
        assert!(message.contains("missing field `clientId`"), "{message}");
        for body in ["", "{", "[]", "null", r#"{"clientId":"a"} x"#] {
            assert_eq!(parsed(None, body).unwrap_err().0, 400, "{body}");
        }
        let (status, message) = parsed(Some("application/x-www-form-urlencoded"), "clientId=a").unwrap_err();
        assert_eq!(status, 415);
        assert!(message.contains("must be application/json"), "{message}");
    }
}
