//! Refuses requests that a page of somebody else had the browser send (CSRF; the layers that OWASP's cheat sheet names).
//!
//! What changes something must come from a page of this origin by the word of the browser, where it gives one
//! (`Sec-Fetch-Site`, else `Origin`), and, once somebody is signed in, bring a token that only pages of the same session
//! hold: as a header, as a field of a plain form, or as the first part of a form with files. Before that there is no session to misuse; that nobody is signed in unawares is left to the origin.

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, Method, Uri};
use axum::middleware::Next;
use axum::response::Response;
use futures::{StreamExt, stream};
use http_body_util::{BodyExt, Limited};
use subtle::ConstantTimeEq;
use url::{Url, form_urlencoded};

use crate::error::ConsoleError;
use crate::visitor::Visitor;
use crate::{Console, ConsoleSettings};

const X_CSRF_TOKEN: HeaderName = HeaderName::from_static("x-csrf-token");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Within how many bytes a form with files must have brought its token.
const FIRST_PART_BYTES_MAX: usize = 4096;

/// The layer.
pub(crate) async fn csrf(
    State(console): State<Console>,
    request: Request,
    next: Next,
) -> Result<Response, ConsoleError> {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(next.run(request).await);
    }
    if !is_same_origin(request.headers(), request.uri(), &console.settings) {
        return Err(ConsoleError::Forgery);
    }
    let Some(expected) = request
        .extensions()
        .get::<Visitor>()
        .map(|visitor| visitor.csrf().to_owned())
    else {
        return Ok(next.run(request).await);
    };
    let (request, given) = match text(request.headers(), X_CSRF_TOKEN) {
        Some(given) => {
            let given = given.to_owned();
            (request, Some(given))
        }
        None if has_files(request.headers()) => token_of_parts(request).await?,
        None => token_of_form(request, console.settings.form_bytes_max).await?,
    };
    let given = given.unwrap_or_default();
    if bool::from(given.as_bytes().ct_eq(expected.as_bytes())) {
        Ok(next.run(request).await)
    } else {
        Err(ConsoleError::Forgery)
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// What the browser says of where the request comes from. What says nothing is no browser of this decade, and nobody can
/// have it send anything.
fn is_same_origin(headers: &HeaderMap, uri: &Uri, settings: &ConsoleSettings) -> bool {
    if let Some(site) = text(headers, SEC_FETCH_SITE) {
        return matches!(site, "same-origin" | "none");
    }
    let Some(origin) = text(headers, ORIGIN) else {
        return !headers.contains_key(ORIGIN);
    };
    let Ok(origin) = Url::parse(origin) else {
        return false;
    };
    let public = settings.public_url.as_ref();
    if public.is_some_and(|public| public.origin() == origin.origin()) {
        return true;
    }
    let host = uri.authority().map(|authority| authority.as_str());
    let host = host.or_else(|| text(headers, HOST));
    let named = host.and_then(|host| Url::parse(&format!("{}://{host}", origin.scheme())).ok());
    named.is_some_and(|named| named.origin() == origin.origin())
}

fn is_of_kind(headers: &HeaderMap, kind: &str) -> bool {
    text(headers, CONTENT_TYPE).is_some_and(|given| given.starts_with(kind))
}

/// Whether a request brings a form that may have files in it.
pub(crate) fn has_files(headers: &HeaderMap) -> bool {
    is_of_kind(headers, "multipart/form-data")
}

/// Reads a form with files as far as its first part, which must be the token, and gives the request back whole. What
/// follows may be large, and is its handler's to read.
async fn token_of_parts(request: Request) -> Result<(Request, Option<String>), ConsoleError> {
    let (parts, body) = request.into_parts();
    let mut body = body.into_data_stream();
    let mut begun = Vec::new();
    let mut token = None;
    while token.is_none() && begun.len() < FIRST_PART_BYTES_MAX {
        let Some(chunk) = body.next().await else { break };
        let chunk = chunk.map_err(|error| ConsoleError::of_body(&error))?;
        begun.extend_from_slice(&chunk);
        token = token_of_first_part(&begun);
    }
    let begun = stream::once(async { Ok(Bytes::from(begun)) });
    let body = Body::from_stream(begun.chain(body));
    Ok((Request::from_parts(parts, body), token))
}

/// The token where a form with files begins with it and that part has come whole.
fn token_of_first_part(begun: &[u8]) -> Option<String> {
    let (head, rest) = split_at(begun, b"\r\n\r\n")?;
    let (value, _) = split_at(rest, b"\r\n")?;
    let head = std::str::from_utf8(head).ok()?;
    let is_token = head.contains("; name=\"csrf\"");
    is_token.then(|| String::from_utf8_lossy(value).into_owned())
}

/// What stands before and behind the first place of `mark`.
fn split_at<'a>(bytes: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes.windows(mark.len()).position(|window| window == mark)?;
    Some((&bytes[..at], &bytes[at + mark.len()..]))
}

/// Reads a plain form for its token and gives the request back whole. Other bodies must bring it as a header.
async fn token_of_form(
    request: Request,
    bytes_max: usize,
) -> Result<(Request, Option<String>), ConsoleError> {
    if !is_of_kind(request.headers(), "application/x-www-form-urlencoded") {
        return Ok((request, None));
    }
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, bytes_max).collect().await;
    let bytes = body.map_err(|error| ConsoleError::of_body(&*error))?.to_bytes();
    let token =
        form_urlencoded::parse(&bytes).find_map(|(name, value)| (name == "csrf").then(|| value.into_owned()));
    Ok((Request::from_parts(parts, Body::from(bytes)), token))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn judged(pairs: &[(HeaderName, &'static str)], public: Option<&str>) -> bool {
        let headers = pairs
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)))
            .collect();
        let settings = ConsoleSettings {
            public_url: public.map(|url| url.parse().unwrap()),
            ..ConsoleSettings::default()
        };
        is_same_origin(&headers, &Uri::from_static("/manager/x"), &settings)
    }

    #[test]
    fn the_browsers_own_word_decides() {
        assert!(judged(&[(SEC_FETCH_SITE, "same-origin")], None));
        assert!(!judged(&[(SEC_FETCH_SITE, "same-site")], None));
        assert!(!judged(
            &[(SEC_FETCH_SITE, "cross-site"), (ORIGIN, "http://a"), (HOST, "a")],
            None
        ));
    }

    #[test]
    fn without_it_the_origin_must_be_the_host_or_the_public_address() {
        assert!(judged(
            &[(ORIGIN, "http://a.example:8080"), (HOST, "a.example:8080")],
            None
        ));
        assert!(judged(
            &[(ORIGIN, "https://a.example"), (HOST, "a.example")],
            None
        ));
        assert!(judged(
            &[(ORIGIN, "https://a.example"), (HOST, "127.0.0.1:8080")],
            Some("https://a.example")
        ));
        for foreign in ["http://b.example", "null", "http://a.example:8081", "nonsense"] {
            assert!(
                !judged(&[(ORIGIN, foreign), (HOST, "a.example:8080")], None),
                "{foreign}"
            );
        }
        assert!(judged(&[(HOST, "a.example")], None), "no browser at all");
    }

    #[test]
    fn a_form_with_files_begins_with_its_token() {
        let first = |name: &str, rest: &str| {
            let form = format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n0123{rest}");
            token_of_first_part(form.as_bytes())
        };
        assert_eq!(first("csrf", "\r\n--b\r\n").as_deref(), Some("0123"));
        assert_eq!(first("csrf", ""), None, "the rest of it may still come");
        assert_eq!(first("input_media", "\r\n--b\r\n"), None);
        assert_eq!(token_of_first_part(b"--b"), None);
    }
}
