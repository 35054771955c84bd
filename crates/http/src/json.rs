//! JSON bodies, whatever the client declares them to be.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment};
use tower_http::timeout::{DeadlineBody, TimeoutError};

use crate::ApiState;
use crate::options;
use crate::problem::Problem;

/// A JSON body. Old clients forget the content type or declare another one; whatever parses is JSON.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<ApiState> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let body = read(&parts.headers, body, state, state.settings.json_bytes_max).await?;
        parse(&parts.headers, &body).map(Self)
    }
}

/// A large JSON body, of at most [`Large::BYTES_MAX`] bytes.
pub(crate) struct LargeJsonBody<T>(pub(crate) T);

/// What may come as a large body.
pub(crate) trait Large: DeserializeOwned + Send + 'static {
    /// Size in bytes that it may have.
    const BYTES_MAX: usize;
}

impl<T: Large> FromRequest<ApiState> for LargeJsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let body = read(&parts.headers, body, state, T::BYTES_MAX).await?;
        // Reading megabytes of JSON takes long enough for other requests to notice.
        let parsed = tokio::task::spawn_blocking(move || parse(&parts.headers, &body));
        parsed.await.map_err(Problem::internal)?.map(Self)
    }
}

/// The same where no body at all means that nothing is said.
pub(crate) struct OptionalJsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned + Default> FromRequest<ApiState> for OptionalJsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let body = read(&parts.headers, body, state, state.settings.json_bytes_max).await?;
        if body.is_empty() {
            return Ok(Self(T::default()));
        }
        parse(&parts.headers, &body).map(Self)
    }
}

async fn read(headers: &HeaderMap, body: Body, state: &ApiState, max: usize) -> Result<Bytes, Problem> {
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
    let message = match serde_path_to_error::deserialize(&mut deserializer) {
        Ok(value) => match deserializer.end() {
            Ok(()) => return Ok(value),
            Err(error) => malformed(headers, &error),
        },
        Err(error) => match error.inner().classify() {
            Category::Data => unexpected(error.path(), error.inner()),
            Category::Syntax | Category::Eof | Category::Io => malformed(headers, error.inner()),
        },
    };
    Err(Problem::bad_request(message))
}

/// What is wrong with a body that is no JSON. The parser words such errors without any of the input.
fn malformed(headers: &HeaderMap, error: &serde_json::Error) -> String {
    if rules_json_out(headers) {
        // Where a form stops being JSON helps nobody.
        "the body must be JSON (application/json)".to_owned()
    } else {
        format!("the body is not valid JSON: {error}")
    }
}

/// What is wrong with JSON of another shape. The error itself quotes the value, which may be a secret, and names types of
/// this program; of its text only the name of a member, which is the program's own, may be told.
fn unexpected(path: &Path, error: &serde_json::Error) -> String {
    let text = error.to_string();
    let member = |prefix| {
        let (name, _) = text.strip_prefix(prefix)?.split_once('`')?;
        Some(match path.iter().next() {
            None => name.to_owned(),
            Some(_) => format!("{path}.{name}"),
        })
    };
    if let Some(member) = member("missing field `") {
        return format!("{member}: is missing");
    }
    if let Some(member) = member("duplicate field `") {
        return format!("{member}: is there more than once");
    }
    // What is allowed is the program's own; what was sent stands before it.
    let allowed = |prefix| {
        let (_, allowed) = text.strip_prefix(prefix)?.rsplit_once("`, expected ")?;
        allowed.split(" at line ").next()
    };
    if let Some(members) = allowed("unknown field `") {
        return unknown_member(path, members.strip_prefix("one of ").unwrap_or(members));
    }
    if let Some(names) = allowed("unknown variant `") {
        return format!("{path}: must be {names}");
    }
    match path.iter().next() {
        None | Some(Segment::Seq { .. }) => "the body must be a JSON object".to_owned(),
        Some(_) => format!("{path}: has the wrong type"),
    }
}

/// What is wrong with an object that has a member too many, which is the last segment of the path.
fn unknown_member(path: &Path, members: &str) -> String {
    let whole = path.to_string();
    let (place, name) = match path.iter().next_back() {
        Some(Segment::Map { key }) => (whole.strip_suffix(key).unwrap_or_default(), options::shown(key)),
        _ => (&*whole, String::new()),
    };
    let wrong = format!("has no member `{name}`; its members are {members}");
    match place.trim_end_matches('.') {
        "" => format!("the body {wrong}"),
        place => format!("{place}: {wrong}"),
    }
}

/// Whether the declared content type is one that JSON is never sent with on purpose.
fn rules_json_out(headers: &HeaderMap) -> bool {
    let declared = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = declared.and_then(|declared| declared.split(';').next());
    essence.is_some_and(|essence| {
        let essence = essence.trim().to_ascii_lowercase();
        !essence.is_empty() && essence != "text/plain" && !essence.ends_with("json")
    })
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
        #[expect(dead_code, reason = "only its being read matters")]
        proof: Option<Proof>,
    }

    #[derive(Debug, Deserialize)]
    struct Proof {
        #[expect(dead_code, reason = "only its being read matters")]
        code: String,
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
    fn what_does_not_parse_is_400_and_says_where() {
        for (body, expected) in [
            (r#"{"clientId":5}"#, "clientId: has the wrong type"),
            (r#"{"clientId":null}"#, "clientId: has the wrong type"),
            ("{}", "clientId: is missing"),
            (
                r#"{"clientId":"a","clientId":"b"}"#,
                "clientId: is there more than once",
            ),
            (r#"{"clientId":"a","proof":{}}"#, "proof.code: is missing"),
            (
                r#"{"clientId":"a","proof":{"code":[]}}"#,
                "proof.code: has the wrong type",
            ),
            (r#"{"clientId":"a","proof":true}"#, "proof: has the wrong type"),
            ("[]", "the body must be a JSON object"),
            ("[5]", "the body must be a JSON object"),
            ("null", "the body must be a JSON object"),
            (
                "",
                "the body is not valid JSON: EOF while parsing a value at line 1 column 0",
            ),
            (
                "{\n\"clientId\":",
                "the body is not valid JSON: EOF while parsing a value at line 2 column 11",
            ),
            (
                r#"{"clientId":"a"} x"#,
                "the body is not valid JSON: trailing characters at line 1 column 18",
            ),
        ] {
            assert_eq!(parsed(None, body), Err((400, expected.to_owned())), "{body}");
        }
        for declared in [
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=a",
        ] {
            for body in ["clientId=a", "", "{"] {
                let expected = "the body must be JSON (application/json)".to_owned();
                assert_eq!(parsed(Some(declared), body), Err((400, expected)), "{body}");
            }
            let expected = "clientId: is missing".to_owned();
            assert_eq!(parsed(Some(declared), "{}"), Err((400, expected)));
        }
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Strict {
        #[expect(dead_code, reason = "only its being read matters")]
        kind: Option<Kind>,
        #[expect(dead_code, reason = "only its being read matters")]
        inner: Option<Box<Strict>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Face,
        Plate,
    }

    #[test]
    fn a_member_or_a_word_that_does_not_exist_is_named_with_those_that_do() {
        let long = format!(r#"{{"{}":1}}"#, "m".repeat(100_000));
        for (body, expected) in [
            (
                r#"{"knd":"face"}"#,
                "the body has no member `knd`; its members are `kind` or `inner`",
            ),
            (
                r#"{"inner":{"inner":{"a.b":1}}}"#,
                "inner.inner: has no member `a.b`; its members are `kind` or `inner`",
            ),
            (
                r#"{"inner":{"kind":"cat"}}"#,
                "inner.kind: must be `face` or `plate`",
            ),
            (&long, "the body has no member `mmm"),
        ] {
            let refused = parse::<Strict>(&HeaderMap::new(), body.as_bytes());
            let (_, message) = refused.as_ref().unwrap_err().parts();
            assert!(message.starts_with(expected), "{message}");
            assert!(message.len() < 200);
        }
        for word in ["face", "plate"] {
            let body = format!(r#"{{"kind":"{word}"}}"#);
            assert!(parse::<Strict>(&HeaderMap::new(), body.as_bytes()).is_ok());
        }
    }

    #[test]
    fn no_message_holds_what_was_sent_or_names_a_type_of_the_program() {
        for secret in [
            "secret_pT6u",
            "\"secret_pT6u\"",
            "987654321",
            "-98765.4321e3",
            "[987654321]",
        ] {
            for body in [
                secret.to_owned(),
                format!("{secret}, {secret}"),
                format!(r#"{{"clientId":[{secret}]}}"#),
                format!(r#"{{"clientId":{{"a":{secret}}}}}"#),
                format!(r#"{{"clientId":"a","proof":{secret}}}"#),
                format!(r#"{{"clientId":"a","proof":{{"code":{{"b":{secret}}}}}}}"#),
                format!(r#"{{"clientId":"a","secret_pT6u":{secret}"#),
                format!(r#"{{"clientId":"a","secret_pT6u":{{"b":{secret}:1}}}}"#),
                format!(r#"{{{secret}:1}}"#),
            ] {
                let (status, message) = parsed(None, &body).unwrap_err();
                assert_eq!(status, 400, "{body}");
                for piece in ["secret", "pT6u", "98765", "4321", "Login", "Proof", "struct"] {
                    assert!(!message.contains(piece), "{body}: {message}");
                }
            }
        }
    }
}
