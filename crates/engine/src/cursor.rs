//! Cursors: positions of events as the outside carries them.
//!
//! A position counts the events of all clients, so that two of them told how busy the others were in between. A cursor is the
//! position and half of the client's identifier in one block of AES-128 under a key of this installation: it tells nothing,
//! another client's opens nothing, and it is the same after a restart. There is nothing to store.

use aws_lc_rs::cipher::{
    AES_128, AES_128_KEY_LEN, DecryptingKey, DecryptionContext, EncryptingKey, UnboundCipherKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sfumato_core::{ClientId, EventPosition};

const BLOCK_BYTES: usize = 16;

/// The key of an installation's cursors.
#[derive(Clone)]
pub(crate) struct CursorKey([u8; AES_128_KEY_LEN]);

impl CursorKey {
    pub(crate) const fn new(key: [u8; AES_128_KEY_LEN]) -> Self {
        Self(key)
    }

    fn cipher(&self) -> UnboundCipherKey {
        UnboundCipherKey::new(&AES_128, &self.0).expect("the key has the length of an AES-128 key")
    }

    /// The position as this client may carry it: 22 characters that fit into a URL.
    pub(crate) fn seal(&self, client: ClientId, position: EventPosition) -> String {
        let mut block = [0; BLOCK_BYTES];
        let (number, owner) = block.split_at_mut(8);
        number.copy_from_slice(&position.get().to_be_bytes());
        owner.copy_from_slice(owner_of(client).as_slice());
        EncryptingKey::ecb(self.cipher())
            .and_then(|key| key.encrypt(&mut block))
            .expect("one whole block is encrypted without a padding");
        URL_SAFE_NO_PAD.encode(block)
    }

    /// The position that a cursor of this client holds; `None` where it is none of this client and installation.
    pub(crate) fn open(&self, client: ClientId, cursor: &str) -> Option<EventPosition> {
        let mut block: [u8; BLOCK_BYTES] = URL_SAFE_NO_PAD.decode(cursor).ok()?.try_into().ok()?;
        DecryptingKey::ecb(self.cipher())
            .and_then(|key| key.decrypt(&mut block, DecryptionContext::None).map(drop))
            .ok()?;
        let (number, owner) = block.split_first_chunk::<8>()?;
        (owner == owner_of(client)).then(|| EventPosition::new(u64::from_be_bytes(*number)))
    }
}

/// The random half of the identifier.
fn owner_of(client: ClientId) -> [u8; 8] {
    let (_, random) = client.as_uuid().as_u64_pair();
    random.to_be_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn client(number: u128) -> ClientId {
        ClientId::from_uuid(Uuid::from_u128(number))
    }

    #[test]
    fn a_cursor_is_the_same_after_a_restart() {
        let seal = || CursorKey::new([7; 16]).seal(client(1), EventPosition::new(42));
        assert_eq!(seal(), seal());
        assert_eq!(seal().len(), 22);
    }

    #[test]
    fn another_clients_or_installations_cursor_opens_nothing() {
        let key = CursorKey::new([7; 16]);
        let cursor = key.seal(client(1), EventPosition::new(42));
        assert_eq!(key.open(client(1), &cursor), Some(EventPosition::new(42)));
        assert_eq!(key.open(client(2), &cursor), None);
        assert_eq!(CursorKey::new([8; 16]).open(client(1), &cursor), None);
    }

    proptest! {
        #[test]
        fn every_position_comes_back_and_nothing_else_is_a_cursor(number: u64, text in ".{0,30}") {
            let key = CursorKey::new([7; 16]);
            let position = EventPosition::new(number);
            prop_assert_eq!(key.open(client(1), &key.seal(client(1), position)), Some(position));
            prop_assert_eq!(key.open(client(1), &text), None);
        }
    }
}
