//! Under which address the outside knows this server.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use thiserror::Error;
use url::Url;

use crate::ApiState;

/// The address under which clients reach the API: `http` or `https`, a host, perhaps a path; nothing behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(Url);

impl PublicUrl {
    /// The URL.
    pub fn to_url(&self) -> Url {
        self.0.clone()
    }
}

/// A text is not a public URL.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{given}` is not an http or https URL without user, query and fragment")]
pub struct InvalidPublicUrl {
    /// The text.
    pub given: String,
}

impl FromStr for PublicUrl {
    type Err = InvalidPublicUrl;

    fn from_str(text: &str) -> Result<Self, InvalidPublicUrl> {
        let invalid = || InvalidPublicUrl {
            given: text.to_owned(),
        };
        let url = Url::parse(text).map_err(|_| invalid())?;
        let plain = matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if !plain {
            return Err(invalid());
        }
        Ok(Self(url))
    }
}

impl fmt::Display for PublicUrl {
    /// Without a slash at the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

/// The base of URLs in an answer, without a slash at the end: the configured one, or what the request says of itself.
pub(crate) struct BaseUrl(String);

impl BaseUrl {
    /// The URL of a result's file.
    pub(crate) fn of_result(&self, id: sfumato_core::ResultId, extension: &str) -> String {
        format!("{}/innovation-service/result/{id}.{extension}", self.0)
    }
}

impl FromRequestParts<ApiState> for BaseUrl {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Infallible> {
        if let Some(configured) = &state.settings.public_url {
            return Ok(Self(configured.to_string()));
        }
        let authority = parts.uri.authority().cloned().or_else(|| {
            let host = parts.headers.get(HOST)?;
            Authority::try_from(host.as_bytes()).ok()
        });
        Ok(Self(match authority {
            Some(authority) if !authority.as_str().contains('@') => format!("http://{authority}"),
            // Without a host the best that can be said is a reference relative to the request.
            _ => String::new(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_has_a_host_and_nothing_behind_its_path() {
        for (text, shown) in [
            ("https://blur.example.com/", "https://blur.example.com"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("https://example.com/blur/", "https://example.com/blur"),
        ] {
            assert_eq!(text.parse::<PublicUrl>().unwrap().to_string(), shown);
        }
        for text in [
            "",
            "example.com",
            "ftp://example.com",
            "https://u:p@example.com",
            "https://example.com/?a",
            "https://example.com/#a",
        ] {
            assert!(text.parse::<PublicUrl>().is_err(), "{text}");
        }
    }
}
