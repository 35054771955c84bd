//! Master keys of the operator: they wrap the data keys of blobs, and seal secrets in the database.

use std::fmt;

use hkdf::Hkdf;
use sfumato_core::KeyId;
use sha2::Sha256;
use thiserror::Error;

/// One master key, as what is derived from it.
#[derive(Clone)]
pub(crate) struct MasterKey {
    id: KeyId,
    wrapping: [u8; 32],
    sealing: [u8; 32],
}

impl MasterKey {
    fn derive(key: &[u8; 32]) -> Self {
        let derived = Hkdf::<Sha256>::new(None, key);
        let (mut id, mut wrapping, mut sealing) = ([0; KeyId::BYTES], [0; 32], [0; 32]);
        for (purpose, bytes) in [
            ("sfumato storage key id 1", id.as_mut_slice()),
            ("sfumato storage key wrapping 1", wrapping.as_mut_slice()),
            ("sfumato secrets sealing 1", sealing.as_mut_slice()),
        ] {
            derived
                .expand(purpose.as_bytes(), bytes)
                .expect("32 bytes are fewer than HKDF's 255 blocks");
        }
        Self {
            id: KeyId::from_bytes(id),
            wrapping,
            sealing,
        }
    }

    pub(crate) const fn id(&self) -> &KeyId {
        &self.id
    }

    pub(crate) const fn wrapping(&self) -> &[u8; 32] {
        &self.wrapping
    }

    pub(crate) const fn sealing(&self) -> &[u8; 32] {
        &self.sealing
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

    /// Makes a ring of one key.
    pub fn of(key: &[u8; 32]) -> Self {
        Self {
            first: MasterKey::derive(key),
            others: Vec::new(),
        }
    }

    /// The same, followed by the keys of another ring.
    #[must_use]
    pub fn and(mut self, more: &Self) -> Self {
        for key in std::iter::once(&more.first).chain(&more.others) {
            if self.find(key.id).is_none() {
                self.others.push(key.clone());
            }
        }
        self
    }

    /// The names of all keys, the first one first.
    pub fn ids(&self) -> impl Iterator<Item = KeyId> + '_ {
        std::iter::once(&self.first).chain(&self.others).map(|key| key.id)
    }

    /// Which key wraps what is written.
    pub const fn current_id(&self) -> KeyId {
        self.first.id
    }

    pub(crate) const fn current(&self) -> &MasterKey {
        &self.first
    }

    pub(crate) fn find(&self, id: KeyId) -> Option<&MasterKey> {
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
