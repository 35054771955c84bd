//! How pages look to whoever sends a request: the theme, and the message that the page before has left.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::cookies;

const HX_TRIGGER: HeaderName = HeaderName::from_static("hx-trigger");

/// How pages look to whoever sends a request, signed in or not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Look {
    /// `light`, `dark`, or empty: as the device has it.
    pub(crate) theme: &'static str,
    pub(crate) toast: Option<Toast>,
}

impl Look {
    /// What the cookies of a request say.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let toast = cookies::toast(headers).map(|(kind, text)| match kind {
            "failure" => Toast::failure(text),
            _ => Toast::success(text),
        });
        Self {
            theme: theme(cookies::theme(headers).unwrap_or_default()),
            toast,
        }
    }
}

/// A theme by its name; whatever is none is empty.
pub(crate) fn theme(name: &str) -> &'static str {
    match name {
        "light" => "light",
        "dark" => "dark",
        _ => "",
    }
}

/// A message that appears for a moment: what has just been done, or why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Toast {
    pub(crate) kind: &'static str,
    pub(crate) text: String,
}

impl Toast {
    /// Something was done.
    pub(crate) fn success(text: impl Into<String>) -> Self {
        Self {
            kind: "success",
            text: text.into(),
        }
    }

    /// Something was not done.
    pub(crate) fn failure(text: impl Into<String>) -> Self {
        Self {
            kind: "failure",
            text: text.into(),
        }
    }

    /// The same for an answer to htmx: a header that makes `app.js` show it.
    pub(crate) fn trigger(&self) -> (HeaderName, HeaderValue) {
        let detail = serde_json::json!({ "toast": { "kind": self.kind, "text": self.text } });
        // Headers are read as Latin-1: whatever is not ASCII goes out as JSON escapes.
        let mut ascii = String::new();
        for unit in detail.to_string().encode_utf16() {
            match u8::try_from(unit) {
                Ok(byte) if byte.is_ascii() => ascii.push(char::from(byte)),
                _ => ascii.push_str(&format!("\\u{unit:04x}")),
            }
        }
        let value = HeaderValue::from_str(&ascii).unwrap_or(HeaderValue::from_static("toast"));
        (HX_TRIGGER, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_toast_for_htmx_is_plain_ascii_json() {
        let (_, value) = Toast::failure("Größe “x” 🎉").trigger();
        let text = value.to_str().unwrap();
        let read: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(read["toast"]["text"], "Größe “x” 🎉");
    }

    #[test]
    fn a_theme_is_one_of_two_or_the_devices() {
        assert_eq!(
            [theme("dark"), theme("light"), theme("<x>")],
            ["dark", "light", ""]
        );
    }
}
