//! Small things that a browser keeps for this installation without being able to read or change them: a sign-in that has
//! begun, a secret that the next page shows once. There is nothing to store and nothing to clean up.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sfumato_core::Entropy;
use sfumato_core::time::random;

use crate::Engine;

/// The key of an installation's seals.
#[derive(Clone)]
pub(crate) struct SealKey([u8; 32]);

impl SealKey {
    pub(crate) const fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    fn cipher(&self) -> LessSafeKey {
        let key = UnboundKey::new(&AES_256_GCM, &self.0);
        LessSafeKey::new(key.expect("the key has the length of an AES-256 key"))
    }

    /// The bytes in letters that fit into a cookie. They are opened by the same purpose alone.
    pub(crate) fn seal(&self, purpose: &str, mut bytes: Vec<u8>, entropy: &dyn Entropy) -> String {
        let nonce: [u8; NONCE_LEN] = random(entropy);
        self.cipher()
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(purpose.as_bytes()),
                &mut bytes,
            )
            .expect("the bytes are far fewer than AES-GCM allows");
        URL_SAFE_NO_PAD.encode([&nonce[..], &bytes].concat())
    }

    /// The bytes that were sealed; `None` for whatever else a browser brings.
    pub(crate) fn open(&self, purpose: &str, sealed: &str) -> Option<Vec<u8>> {
        let mut bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, text) = bytes.split_first_chunk_mut::<NONCE_LEN>()?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self
            .cipher()
            .open_in_place(nonce, Aad::from(purpose.as_bytes()), text);
        opened.ok().map(|opened| opened.to_vec())
    }
}

impl Engine {
    /// A text as a browser may keep it; only this installation opens it, and for the same purpose alone.
    pub fn seal(&self, purpose: &str, text: &str) -> String {
        let inner = self.inner();
        inner
            .keys
            .seals
            .seal(purpose, text.as_bytes().to_vec(), &*inner.entropy)
    }

    /// The text that was sealed for this purpose; `None` for whatever else a browser brings.
    pub fn unseal(&self, purpose: &str, sealed: &str) -> Option<String> {
        let bytes = self.inner().keys.seals.open(purpose, sealed)?;
        String::from_utf8(bytes).ok()
    }
}

#[cfg(test)]
mod tests {
    use sfumato_testkit::SimEntropy;

    use super::*;

    #[test]
    fn what_is_sealed_opens_here_for_its_purpose_and_never_changed() {
        let entropy = SimEntropy::new(7);
        let key = SealKey::new([7; 32]);
        let sealed = key.seal("a", b"text".to_vec(), &entropy);
        assert_eq!(key.open("a", &sealed).as_deref(), Some(&b"text"[..]));
        assert_eq!(key.open("b", &sealed), None);
        assert_eq!(SealKey::new([8; 32]).open("a", &sealed), None);
        for wrong in ["", "AAAA", &sealed[1..], &format!("{sealed}AAAA")] {
            assert_eq!(key.open("a", wrong), None, "{wrong}");
        }
        let again = key.seal("a", b"text".to_vec(), &entropy);
        assert_ne!(again, sealed, "each with a nonce of its own");
    }
}
