//! What a sign-in that has begun must be ended with. It travels in a cookie of the browser that began it, encrypted and
//! bound to this installation: there is nothing to store, and nobody can end in another browser what was begun in this one.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sfumato_core::{Entropy, Secret, Timestamp};

use crate::seal::SealKey;

/// How long a person has for the way to the provider and back.
pub const FLOW_LIFETIME: Duration = Duration::from_secs(15 * 60);

/// Bytes at most of where to go afterwards: the cookie must fit into a browser.
const NEXT_BYTES_MAX: usize = 1_000;

const PURPOSE: &str = "openid flow 1";

/// A sign-in that has begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Flow {
    /// Comes back with the browser.
    pub(super) state: String,
    /// Comes back in the ID token.
    pub(super) nonce: String,
    /// Proves to the provider that whoever exchanges the code began the sign-in (PKCE, RFC 7636).
    pub(super) verifier: String,
    /// Where the person wants to go.
    pub(super) next: String,
    begun_at_us: i64,
}

impl Flow {
    /// A fresh one. Where to go is forgotten if it is too long to be carried.
    pub(super) fn begin(entropy: &dyn Entropy, now: Timestamp, next: &str) -> Self {
        let fresh = || Secret::generate("", entropy).expose().to_owned();
        Self {
            state: fresh(),
            nonce: fresh(),
            verifier: fresh(),
            next: if next.len() <= NEXT_BYTES_MAX { next } else { "" }.to_owned(),
            begun_at_us: now.as_micros(),
        }
    }

    /// The flow as a browser may carry it.
    pub(super) fn seal(&self, key: &SealKey, entropy: &dyn Entropy) -> String {
        let text = serde_json::to_vec(self).expect("strings and a number are JSON");
        key.seal(PURPOSE, text, entropy)
    }

    /// The flow that was sealed; `None` for whatever else a browser brings.
    pub(super) fn open(key: &SealKey, sealed: &str) -> Option<Self> {
        serde_json::from_slice(&key.open(PURPOSE, sealed)?).ok()
    }

    /// Whether it may still be ended.
    pub(super) fn is_open(&self, now: Timestamp) -> bool {
        now.since(Timestamp::from_micros(self.begun_at_us)) <= FLOW_LIFETIME
    }
}

#[cfg(test)]
mod tests {
    use sfumato_testkit::SimEntropy;

    use super::*;

    #[test]
    fn a_flow_comes_back_as_it_was() {
        let entropy = SimEntropy::new(7);
        let key = SealKey::new([7; 32]);
        let flow = Flow::begin(&entropy, Timestamp::from_seconds(0), "/manager/jobs");
        let sealed = flow.seal(&key, &entropy);
        assert_eq!(Flow::open(&key, &sealed), Some(flow));
        assert_eq!(Flow::open(&SealKey::new([8; 32]), &sealed), None);
    }

    #[test]
    fn a_flow_is_open_for_a_quarter_of_an_hour() {
        let begun = Timestamp::from_seconds(1_000);
        let flow = Flow::begin(&SimEntropy::new(7), begun, "");
        assert!(flow.is_open(begun.after(FLOW_LIFETIME)));
        assert!(!flow.is_open(begun.after(FLOW_LIFETIME + Duration::from_micros(1))));
    }

    #[test]
    fn a_place_that_is_too_long_to_be_carried_is_forgotten() {
        let long = format!("/manager/jobs?q={}", "x".repeat(NEXT_BYTES_MAX));
        let flow = Flow::begin(&SimEntropy::new(7), Timestamp::from_seconds(0), &long);
        assert_eq!(flow.next, "");
    }
}
