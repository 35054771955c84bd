//! The cookies of the Manager: reading them, and writing them with the attributes that each must have.

use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::header::{COOKIE, ORIGIN};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::ConsoleSettings;

/// The session's token where the browser uses TLS. The prefix makes browsers refuse it from anybody but this very host.
const SECURE_SESSION: &str = "__Host-sfumato-session";

/// The session's token where it does not: in development, or within a trusted network.
const PLAIN_SESSION: &str = "sfumato-session";

/// A sign-in by OpenID Connect that has begun, where the browser uses TLS, and where it does not.
const SECURE_FLOW: &str = "__Secure-sfumato-openid";
const PLAIN_FLOW: &str = "sfumato-openid";

/// What the next page shows once.
const ONCE: &str = "sfumato-once";

/// A message for the next page.
const TOAST: &str = "sfumato-toast";

/// The theme that the visitor has chosen; read and written by `app.js` too.
const THEME: &str = "sfumato-theme";

const TOAST_BYTES: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// The value of a cookie of this name.
fn read<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

/// The session's token.
pub(crate) fn session(headers: &HeaderMap) -> Option<&str> {
    read(headers, SECURE_SESSION).or_else(|| read(headers, PLAIN_SESSION))
}

/// Whether the browser reaches this server by https: the operator says so, or the browser itself, which names the origin of
/// every form that it sends.
fn is_secure(headers: &HeaderMap, settings: &ConsoleSettings) -> bool {
    let configured = settings
        .public_url
        .as_ref()
        .is_some_and(|url| url.scheme() == "https");
    let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok());
    configured || origin.is_some_and(|origin| origin.starts_with("https://"))
}

/// Sets the session's token. The cookie lives as long as the browser is open, and at most as long as the session.
pub(crate) fn set_session(
    token: &str,
    headers: &HeaderMap,
    settings: &ConsoleSettings,
    seconds: u64,
) -> Option<HeaderValue> {
    let text = if is_secure(headers, settings) {
        format!("{SECURE_SESSION}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax; Secure")
    } else {
        format!("{PLAIN_SESSION}={token}; Path=/manager; Max-Age={seconds}; HttpOnly; SameSite=Lax")
    };
    HeaderValue::from_str(&text).ok()
}

/// Removes the session's token, by whichever name it is known.
pub(crate) fn clear_session() -> [HeaderValue; 2] {
    [
        HeaderValue::from_static(
            "__Host-sfumato-session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure",
        ),
        HeaderValue::from_static("sfumato-session=; Path=/manager; Max-Age=0; HttpOnly; SameSite=Lax"),
    ]
}

/// Keeps a sign-in that has begun for the way back. The provider's redirect brings it along, because `SameSite=Lax` lets
/// cookies through where the whole page changes.
pub(crate) fn set_flow(
    flow: &str,
    headers: &HeaderMap,
    settings: &ConsoleSettings,
    seconds: u64,
) -> Option<HeaderValue> {
    let (name, secure) = if is_secure(headers, settings) {
        (SECURE_FLOW, "; Secure")
    } else {
        (PLAIN_FLOW, "")
    };
    HeaderValue::from_str(&format!(
        "{name}={flow}; Path=/manager/sign-in/openid; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"
    ))
    .ok()
}

/// The sign-in that has begun.
pub(crate) fn flow(headers: &HeaderMap) -> Option<&str> {
    read(headers, SECURE_FLOW).or_else(|| read(headers, PLAIN_FLOW))
}

/// Forgets it: it can be ended once.
pub(crate) const fn clear_flow() -> [HeaderValue; 2] {
    [
        HeaderValue::from_static(
            "__Secure-sfumato-openid=; Path=/manager/sign-in/openid; Max-Age=0; HttpOnly; SameSite=Lax; Secure",
        ),
        HeaderValue::from_static(
            "sfumato-openid=; Path=/manager/sign-in/openid; Max-Age=0; HttpOnly; SameSite=Lax",
        ),
    ]
}

/// Keeps what the page at `path` shows once, for a minute and for that page alone.
pub(crate) fn set_once(
    sealed: &str,
    headers: &HeaderMap,
    settings: &ConsoleSettings,
    path: &str,
) -> Option<HeaderValue> {
    let secure = if is_secure(headers, settings) {
        "; Secure"
    } else {
        ""
    };
    HeaderValue::from_str(&format!(
        "{ONCE}={sealed}; Path={path}; Max-Age=60; HttpOnly; SameSite=Strict{secure}"
    ))
    .ok()
}

/// What this page shows once.
pub(crate) fn once(headers: &HeaderMap) -> Option<&str> {
    read(headers, ONCE)
}

/// Removes it.
pub(crate) fn clear_once(path: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!(
        "{ONCE}=; Path={path}; Max-Age=0; HttpOnly; SameSite=Strict"
    ))
    .ok()
}

/// The message for this page, and its kind.
pub(crate) fn toast(headers: &HeaderMap) -> Option<(&str, String)> {
    let (kind, text) = read(headers, TOAST)?.split_once(':')?;
    Some((kind, percent_decode_str(text).decode_utf8().ok()?.into_owned()))
}

/// Keeps a message for the next page.
pub(crate) fn set_toast(kind: &str, text: &str) -> Option<HeaderValue> {
    let text = utf8_percent_encode(text, TOAST_BYTES);
    HeaderValue::from_str(&format!(
        "{TOAST}={kind}:{text}; Path=/manager; Max-Age=60; HttpOnly; SameSite=Lax"
    ))
    .ok()
}

/// Removes the message once it is shown.
pub(crate) const fn clear_toast() -> HeaderValue {
    HeaderValue::from_static("sfumato-toast=; Path=/manager; Max-Age=0; HttpOnly; SameSite=Lax")
}

/// The theme that the visitor has chosen.
pub(crate) fn theme(headers: &HeaderMap) -> Option<&str> {
    read(headers, THEME)
}

/// Keeps a theme for a year; an empty one is forgotten.
pub(crate) fn set_theme(theme: &'static str) -> Option<HeaderValue> {
    let seconds = if theme.is_empty() { 0 } else { 31_536_000 };
    HeaderValue::from_str(&format!(
        "{THEME}={theme}; Path=/manager; Max-Age={seconds}; SameSite=Lax"
    ))
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: axum::http::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let sent = headers(
            COOKIE,
            "x-sfumato-session=a; sfumato-session=b; sfumato-theme=dark",
        );
        assert_eq!(session(&sent), Some("b"));
        assert_eq!(theme(&sent), Some("dark"));
        assert_eq!(session(&HeaderMap::new()), None);
    }

    #[test]
    fn a_session_is_bound_to_the_host_where_there_is_tls() {
        let settings = ConsoleSettings::default();
        let text = |headers: &HeaderMap, settings: &ConsoleSettings| {
            let value = set_session("t", headers, settings, 60).unwrap();
            value.to_str().unwrap().to_owned()
        };
        let secure = "__Host-sfumato-session=t; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure";
        let plain = "sfumato-session=t; Path=/manager; Max-Age=60; HttpOnly; SameSite=Lax";
        assert_eq!(text(&HeaderMap::new(), &settings), plain);
        assert_eq!(text(&headers(ORIGIN, "http://a"), &settings), plain);
        assert_eq!(text(&headers(ORIGIN, "https://a"), &settings), secure);
        let https = ConsoleSettings {
            public_url: Some("https://blur.example.com".parse().unwrap()),
            ..settings
        };
        assert_eq!(text(&HeaderMap::new(), &https), secure);
    }

    #[test]
    fn a_message_survives_its_cookie() {
        let set = set_toast("success", "Ünïcode; and \"quotes\", 50 %").unwrap();
        let pair = set.to_str().unwrap().split(';').next().unwrap();
        let sent = headers(COOKIE, pair);
        assert_eq!(
            toast(&sent),
            Some(("success", "Ünïcode; and \"quotes\", 50 %".to_owned()))
        );
    }
}
