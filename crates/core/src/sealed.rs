//! Secrets that must be readable again, as the database holds them: sealed with a key that it does not hold.
//!
//! Who may look into a copy of the database, a backup or a disk that was thrown away learns nothing from them. The store
//! carries these bytes and never opens them; the engine's vault does.

use std::fmt;
use std::marker::PhantomData;

use thiserror::Error;

/// Names the key that a secret is sealed with, and says nothing of the key itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; Self::BYTES]);

impl KeyId {
    /// Bytes of a name.
    pub const BYTES: usize = 8;

    /// Takes the bytes of a name.
    pub const fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    pub const fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// Bytes are no sealed secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{bytes} bytes that begin otherwise than a sealed secret")]
pub struct NotSealed {
    /// How many there are.
    pub bytes: usize,
}

/// Bytes of a nonce.
pub const NONCE_BYTES: usize = 12;

/// Bytes of a tag.
pub const TAG_BYTES: usize = 16;

/// The first byte of every sealed secret.
const VERSION: u8 = 1;

/// Version and name of the key: what comes before the nonce.
const HEAD: usize = 1 + KeyId::BYTES;

/// A secret `T` that is sealed: a version, the name of the key, a nonce, the ciphertext and its tag.
pub struct Sealed<T> {
    bytes: Vec<u8>,
    of: PhantomData<fn() -> T>,
}

impl<T> Sealed<T> {
    /// Puts the parts together. `text` is the ciphertext with its tag.
    pub fn from_parts(key: KeyId, nonce: &[u8; NONCE_BYTES], text: &[u8]) -> Self {
        Self {
            bytes: [&[VERSION], &key.0[..], nonce, text].concat(),
            of: PhantomData,
        }
    }

    /// Takes bytes from the database.
    ///
    /// # Errors
    /// [`NotSealed`].
    pub fn from_stored(bytes: Vec<u8>) -> Result<Self, NotSealed> {
        if bytes.first() == Some(&VERSION) && bytes.len() > HEAD + NONCE_BYTES + TAG_BYTES {
            Ok(Self {
                bytes,
                of: PhantomData,
            })
        } else {
            Err(NotSealed { bytes: bytes.len() })
        }
    }

    /// The bytes to store.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Which key it is sealed with.
    pub fn key(&self) -> KeyId {
        let name = self.bytes[1..].first_chunk();
        KeyId(*name.expect("both constructors put a name behind the version"))
    }

    /// Its nonce.
    pub fn nonce(&self) -> [u8; NONCE_BYTES] {
        let nonce = self.bytes[HEAD..].first_chunk();
        *nonce.expect("both constructors put a nonce behind the head")
    }

    /// Its ciphertext with the tag.
    pub fn text(&self) -> &[u8] {
        &self.bytes[HEAD + NONCE_BYTES..]
    }
}

impl<T> Clone for Sealed<T> {
    fn clone(&self) -> Self {
        Self {
            bytes: self.bytes.clone(),
            of: PhantomData,
        }
    }
}

impl<T> PartialEq for Sealed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl<T> Eq for Sealed<T> {}

impl<T> fmt::Debug for Sealed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({}, …)", self.key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_secret_is_taken_apart_as_it_was_put_together() {
        let sealed: Sealed<()> = Sealed::from_parts(KeyId([7; 8]), &[9; NONCE_BYTES], &[5; 17]);
        let stored = Sealed::<()>::from_stored(sealed.as_bytes().to_vec()).unwrap();
        assert_eq!(stored, sealed);
        assert_eq!(stored.key().to_string(), "07".repeat(8));
        assert_eq!((stored.nonce(), stored.text()), ([9; 12], &[5; 17][..]));
        assert!(!format!("{sealed:?}").contains("0505"));
    }

    #[test]
    fn what_is_too_short_or_begins_otherwise_is_no_sealed_secret() {
        let mut bytes = vec![VERSION; HEAD + NONCE_BYTES + TAG_BYTES];
        assert_eq!(
            Sealed::<()>::from_stored(bytes.clone()),
            Err(NotSealed { bytes: 37 }),
            "nothing is sealed in it"
        );
        bytes.push(0);
        assert!(Sealed::<()>::from_stored(bytes.clone()).is_ok());
        bytes[0] = 2;
        assert!(Sealed::<()>::from_stored(bytes).is_err());
        assert!(Sealed::<()>::from_stored(b"wis-wht_IYXYVOI2ZP2C3CXOCP0K4M7Q".to_vec()).is_err());
    }
}
