//! Under which address a browser knows this server.

use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};

use crate::ConsoleSettings;

/// The base of links that are given away, without a slash at the end: the configured one, or what the request says.
pub(crate) fn of(headers: &HeaderMap, settings: &ConsoleSettings) -> String {
    if let Some(url) = &settings.public_url {
        return url.as_str().trim_end_matches('/').to_owned();
    }
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &axum::http::HeaderValue| value.to_str().ok())
    };
    match (text(ORIGIN), text(HOST)) {
        // What changes something comes with its origin, which knows of TLS in front of us; `csrf` has judged it.
        (Some(origin), _) if origin != "null" => origin.to_owned(),
        (_, Some(host)) => format!("http://{host}"),
        _ => String::new(),
    }
}
