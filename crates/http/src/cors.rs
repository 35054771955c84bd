//! Which web pages may call the API from a browser (Fetch Standard, CORS protocol).
//!
//! The API knows no cookies: a page can do nothing without a token that its user has given it. That is why every origin is
//! allowed unless the operator lists some.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use axum::http::header::{
    ACCEPT_RANGES, AUTHORIZATION, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    IF_MATCH, IF_NONE_MATCH, IF_RANGE, RANGE, RETRY_AFTER,
};
use axum::http::{HeaderName, HeaderValue, Method};
use thiserror::Error;
use tower_http::cors::{AllowOrigin, CorsLayer};

/// How long a browser may remember what is allowed.
const REMEMBERED_FOR: Duration = Duration::from_secs(60 * 60);

/// Origins of web pages that may call the API: `*` for all, else a list parted by commas; empty for none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedOrigins(Origins);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Origins {
    Any,
    Listed(Vec<HeaderValue>),
}

/// A text is no list of origins.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not an origin such as https://app.example.com")]
pub struct InvalidOrigin(String);

impl Default for AllowedOrigins {
    fn default() -> Self {
        Self(Origins::Any)
    }
}

impl FromStr for AllowedOrigins {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        if text.trim() == "*" {
            return Ok(Self(Origins::Any));
        }
        let origins = text.split(',').map(str::trim).filter(|origin| !origin.is_empty());
        origins
            .map(origin)
            .collect::<Result<_, _>>()
            .map(Origins::Listed)
            .map(Self)
    }
}

/// A scheme, a host and perhaps a port, and nothing behind them.
fn origin(text: &str) -> Result<HeaderValue, InvalidOrigin> {
    let wrong = || InvalidOrigin(text.to_owned());
    let authority = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
        .ok_or_else(wrong)?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']');
    if authority.is_empty() || !authority.bytes().all(plain) {
        return Err(wrong());
    }
    HeaderValue::from_str(text).map_err(|_| wrong())
}

impl fmt::Display for AllowedOrigins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Origins::Any => f.write_str("*"),
            Origins::Listed(origins) => {
                let texts: Vec<&str> = origins.iter().filter_map(|origin| origin.to_str().ok()).collect();
                f.write_str(&texts.join(","))
            }
        }
    }
}

/// The layer that answers preflight requests and marks what a page may read.
pub(crate) fn layer(allowed: &AllowedOrigins) -> CorsLayer {
    let origins = match &allowed.0 {
        Origins::Any => AllowOrigin::any(),
        Origins::Listed(origins) => AllowOrigin::list(origins.iter().cloned()),
    };
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::DELETE,
        ])
        .allow_headers([
            AUTHORIZATION,
            CONTENT_TYPE,
            RANGE,
            IF_RANGE,
            IF_MATCH,
            IF_NONE_MATCH,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("traceparent"),
        ])
        .expose_headers([
            ACCEPT_RANGES,
            CONTENT_DISPOSITION,
            CONTENT_LENGTH,
            CONTENT_RANGE,
            ETAG,
            RETRY_AFTER,
            HeaderName::from_static("x-request-id"),
        ])
        .max_age(REMEMBERED_FOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_read_as_they_are_shown() {
        for text in [
            "*",
            "",
            "https://app.example.com",
            "https://a.example,http://localhost:3000,http://[::1]:8080",
        ] {
            assert_eq!(text.parse::<AllowedOrigins>().unwrap().to_string(), text);
        }
        for text in [
            "example.com",
            "https://",
            "https://a.example/path",
            "https://a b",
            "*,https://a.example",
            "null",
        ] {
            assert!(text.parse::<AllowedOrigins>().is_err(), "{text}");
        }
    }
}
