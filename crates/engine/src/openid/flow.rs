//! What a sign-in that has begun must be ended with. It travels in a cookie of the browser that began it, encrypted and
//! bound to this installation: there is nothing to store, and nobody can end in another browser what was begun in this one.

use std::time::Duration;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sfumato_core::time::random;
use sfumato_core::{Entropy, Secret, Timestamp};

/// How long a person has for the way to the provider and back.
pub const FLOW_LIFETIME: Duration = Duration::from_secs(15 * 60);

/// Bytes at most of where to go afterwards: the cookie must fit into a browser.
const NEXT_BYTES_MAX: usize = 1_000;

const PURPOSE: &[u8] = b"sfumato openid flow 1";

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

    /// Whether it may still be ended.
    pub(super) fn is_open(&self, now: Timestamp) -> bool {
        now.since(Timestamp::from_micros(self.begun_at_us)) <= FLOW_LIFETIME
    }
}

/// The key of an installation's flows.
#[derive(Clone)]
pub(crate) struct FlowKey([u8; 32]);

impl FlowKey {
    pub(crate) const fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    fn cipher(&self) -> LessSafeKey {
        let key = UnboundKey::new(&AES_256_GCM, &self.0);
        LessSafeKey::new(key.expect("the key has the length of an AES-256 key"))
    }

    /// The flow as a browser may carry it.
    pub(super) fn seal(&self, flow: &Flow, entropy: &dyn Entropy) -> String {
        let nonce: [u8; NONCE_LEN] = random(entropy);
        let mut text = serde_json::to_vec(flow).expect("strings and a number are JSON");
        self.cipher()
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(PURPOSE), &mut text)
            .expect("the text is far shorter than AES-GCM allows");
        URL_SAFE_NO_PAD.encode([&nonce[..], &text].concat())
    }

    /// The flow that was sealed; `None` for whatever else a browser brings.
    pub(super) fn open(&self, sealed: &str) -> Option<Flow> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, text) = bytes.split_first_chunk::<NONCE_LEN>()?;
        let mut text = text.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self.cipher().open_in_place(nonce, Aad::from(PURPOSE), &mut text);
        serde_json::from_slice(opened.ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use sfumato_testkit::SimEntropy;

    use super::*;

    #[test]
    fn a_flow_comes_back_from_its_own_installation_only_and_never_changed() {
        let entropy = SimEntropy::new(7);
        let key = FlowKey::new([7; 32]);
        let flow = Flow::begin(&entropy, Timestamp::from_seconds(0), "/manager/jobs");
        let sealed = key.seal(&flow, &entropy);
        assert_eq!(key.open(&sealed), Some(flow.clone()));
        assert_eq!(FlowKey::new([8; 32]).open(&sealed), None);
        for wrong in ["", "AAAA", &sealed[1..], &format!("{sealed}AAAA")] {
            assert_eq!(key.open(wrong), None, "{wrong}");
        }
        assert_ne!(key.seal(&flow, &entropy), sealed, "each with a nonce of its own");
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
