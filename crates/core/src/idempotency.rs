//! Requests that may be sent twice and happen once (draft-ietf-httpapi-idempotency-key-header).

use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use crate::time::Timestamp;

/// How long a key stands for its request.
pub const KEY_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// Keys that were taken at this time or before stand for nothing any more.
pub fn forgotten(now: Timestamp) -> Timestamp {
    now.before(KEY_KEPT)
}

/// What a client calls a request so that it is carried out once: 1 to 255 printable ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

/// A text that is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("must be 1 to {max} printable ASCII characters, such as a UUID", max = IdempotencyKey::BYTES_MAX)]
pub struct InvalidKey;

impl IdempotencyKey {
    /// Length of the longest in bytes.
    pub const BYTES_MAX: usize = 255;

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IdempotencyKey {
    type Err = InvalidKey;

    /// Takes a key bare or, as the draft has it, as a quoted string of structured fields (RFC 9651).
    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let text = text.trim();
        let quoted = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let key = quoted.unwrap_or(text);
        let printable = key.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if key.is_empty() || key.len() > Self::BYTES_MAX || !printable {
            return Err(InvalidKey);
        }
        Ok(Self(key.to_owned()))
    }
}

/// That a request is carried out once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once {
    /// What the client calls the request.
    pub key: IdempotencyKey,
    /// SHA-256 of everything that makes the request what it is.
    pub request: [u8; 32],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_with_and_without_quotes() {
        let key = |text: &str| text.parse::<IdempotencyKey>();
        assert_eq!(key("\"8e03978e-40d5\""), key("8e03978e-40d5"));
        assert_eq!(key(" a ").unwrap().as_str(), "a");
        for bad in ["", "\"\"", "ä", "a\u{7f}", &"x".repeat(256)] {
            assert_eq!(key(bad), Err(InvalidKey), "{bad:?}");
        }
        assert!(key(&"x".repeat(255)).is_ok());
    }
}
