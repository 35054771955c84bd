//! The master keys that wrap the data keys of blobs.

use std::fmt;

use hkdf::Hkdf;
use sha2::Sha256;
use thiserror::Error;

/// Which master key a blob's data key is wrapped with. It says nothing of the key itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId([u8; Self::BYTES]);

impl KeyId {
    pub(super) const BYTES: usize = 8;

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        bytes.first_chunk().copied().map(Self)
    }

    pub(super) const fn as_bytes(&self) -> &[u8; Self::BYTES] {
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

/// One master key, as what is derived from it.
#[derive(Clone)]
pub(super) struct MasterKey {
    id: KeyId,
    wrapping: [u8; 32],
}

impl MasterKey {
    fn derive(key: &[u8; 32]) -> Self {
        let derived = Hkdf::<Sha256>::new(None, key);
        let (mut id, mut wrapping) = ([0; KeyId::BYTES], [0; 32]);
        for (purpose, bytes) in [
            ("sfumato storage key id 1", id.as_mut_slice()),
            ("sfumato storage key wrapping 1", wrapping.as_mut_slice()),
        ] {
            derived
                .expand(purpose.as_bytes(), bytes)
                .expect("32 bytes are fewer than HKDF's 255 blocks");
        }
        Self {
            id: KeyId(id),
            wrapping,
        }
    }

    pub(super) const fn id(&self) -> &KeyId {
        &self.id
    }

    pub(super) const fn wrapping(&self) -> &[u8; 32] {
        &self.wrapping
    }
}

/// Why a text names no keys.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyRingError {
    /// There is none in it.
    #[error("there is no key in it; `openssl rand -hex 32` makes one")]
    Empty,
    /// One is none.
    #[error("line {line} is no key of 64 hexadecimal digits; `openssl rand -hex 32` makes one")]
    NoKey {
        /// Counted from 1.
        line: usize,
    },
}

/// Master keys: the first wraps what is written, all of them read.
#[derive(Clone)]
pub struct KeyRing {
    first: MasterKey,
    others: Vec<MasterKey>,
}

impl KeyRing {
    /// Reads one key a line, in 64 hexadecimal digits. Empty lines and those that begin with `#` are passed over.
    ///
    /// # Errors
    /// [`KeyRingError`], which names no digit.
    pub fn parse(text: &str) -> Result<Self, KeyRingError> {
        let mut keys = text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line.trim()))
            .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
            .map(|(line, digits)| {
                let key = hexadecimal(digits).ok_or(KeyRingError::NoKey { line })?;
                Ok(MasterKey::derive(&key))
            });
        let first = keys.next().ok_or(KeyRingError::Empty)??;
        Ok(Self {
            first,
            others: keys.collect::<Result<_, _>>()?,
        })
    }

    /// Which key wraps what is written.
    pub const fn current_id(&self) -> KeyId {
        self.first.id
    }

    pub(super) const fn current(&self) -> &MasterKey {
        &self.first
    }

    pub(super) fn find(&self, id: KeyId) -> Option<&MasterKey> {
        std::iter::once(&self.first)
            .chain(&self.others)
            .find(|key| key.id == id)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyRing({}, …)", self.first.id)
    }
}

fn hexadecimal(digits: &str) -> Option<[u8; 32]> {
    let mut key = [0; 32];
    if digits.len() != 64 || !digits.is_ascii() {
        return None;
    }
    for (byte, pair) in key.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        let [high, low] = pair else { return None };
        let digit = |digit: u8| char::from(digit).to_digit(16);
        *byte = u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_line_by_line_and_never_shown() {
        let (a, b) = ("0a".repeat(32), "F0".repeat(32));
        let keys = KeyRing::parse(&format!("# the key of 2026\n{a}\n\n  {b} \n")).unwrap();
        assert_ne!(keys.first.id, keys.others[0].id);
        assert_eq!(keys.current_id(), KeyRing::parse(&a).unwrap().current_id());
        assert!(keys.find(keys.others[0].id).is_some());
        assert!(!format!("{keys:?}").contains("0a0a"));
        assert!(matches!(KeyRing::parse("# none\n"), Err(KeyRingError::Empty)));
        for wrong in ["0a", &format!("{a}0"), &"g0".repeat(32), &"é".repeat(32)] {
            let text = format!("{a}\n{wrong}");
            assert_eq!(
                KeyRing::parse(&text).err(),
                Some(KeyRingError::NoKey { line: 2 }),
                "{wrong}"
            );
        }
    }
}
