//! The address guard: which URLs and addresses a webhook may reach.

use thiserror::Error;

/// What the operator allows beyond public addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressPolicy {
    allow_private: bool,
}

impl AddressPolicy {
    /// Also loopback and private addresses and single-label names: for development.
    pub const fn allowing_private() -> Self {
        Self { allow_private: true }
    }
}

/// A URL may not be a webhook endpoint. The message is for the client.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("webhookUrl: {why}")]
pub struct RefusedUrl {
    /// What is wrong and what is allowed.
    pub why: String,
}

/// Judges the syntax of a URL and a literal address in it.
///
/// # Errors
/// [`RefusedUrl`].
pub fn judge_url(url: &str, policy: &AddressPolicy) -> Result<url::Url, RefusedUrl> {
    let _ = policy;
    url.parse().map_err(|_| RefusedUrl {
        why: "is not a URL".into(),
    })
}
