//! The directories of a TIFF 6.0 or BigTIFF file, read without decoding anything.

use std::collections::HashSet;

use sfumato_media_client::limits::MediaLimits;

use crate::error::PictureError;
use crate::limits;

/// The largest list of numbers that is read: places of strips, for example, of which there can be one a row and channel.
const NUMBERS_MAX: u64 = 1 << 19;

/// A file, and how its numbers are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct File<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) little_endian: bool,
    pub(super) big: bool,
}

/// One directory: a page, in most cases.
#[derive(Clone, Debug)]
pub(super) struct Directory {
    /// Where it starts in the file.
    pub(super) offset: u64,
    entries: Vec<Entry>,
}

/// An entry of a directory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    tag: u16,
    pub(super) kind: u16,
    count: u64,
    /// Where the value or its offset stands in the file.
    pub(super) field: usize,
    /// Where the value stands in the file.
    value: usize,
    bytes: usize,
}

impl<'a> File<'a> {
    /// Reads the header, and says where the first directory is.
    pub(super) fn read(bytes: &'a [u8]) -> Result<(Self, u64), PictureError> {
        let mut file = Self {
            bytes,
            little_endian: bytes.starts_with(b"II"),
            big: false,
        };
        file.big = file.number(2, 2)? == 43;
        if file.big {
            if file.number(4, 2)? != 8 || file.number(6, 2)? != 0 {
                return Err(PictureError::damaged("its header makes no sense"));
            }
            return Ok((file, file.number(8, 8)?));
        }
        Ok((file, file.number(4, 4)?))
    }

    /// Reads all directories of the chain.
    pub(super) fn directories(
        &self,
        first: u64,
        limits: &MediaLimits,
    ) -> Result<Vec<Directory>, PictureError> {
        let mut seen = HashSet::new();
        let mut directories = vec![];
        let mut offset = first;
        while offset != 0 {
            if !seen.insert(offset) {
                return Err(PictureError::damaged("its directories form a circle"));
            }
            let (directory, next) = self.directory(offset)?;
            directories.push(directory);
            limits::check_frame_count(directories.len() as u64, limits)?;
            offset = next;
        }
        Ok(directories)
    }

    /// Reads a directory, and says where the next is.
    pub(super) fn directory(&self, offset: u64) -> Result<(Directory, u64), PictureError> {
        let start = usize::try_from(offset).map_err(|_| PictureError::Truncated)?;
        let (count_bytes, entry_bytes, word_bytes) = if self.big { (8, 20, 8) } else { (2, 12, 4) };
        let count = self.number(start, count_bytes)?;
        let first = start + count_bytes;
        let size = usize::try_from(count)
            .ok()
            .and_then(|count| count.checked_mul(entry_bytes))
            .ok_or(PictureError::Truncated)?;
        let end = first.checked_add(size).ok_or(PictureError::Truncated)?;
        let next = self.number(end, word_bytes)?;
        let mut entries = vec![];
        for at in (first..end).step_by(entry_bytes) {
            entries.extend(self.entry(at, word_bytes)?);
        }
        Ok((Directory { offset, entries }, next))
    }

    /// Reads an entry; `None` where its type is unknown or its value lies outside the file.
    fn entry(&self, at: usize, word_bytes: usize) -> Result<Option<Entry>, PictureError> {
        let narrow = |number: u64| u16::try_from(number).unwrap_or(0);
        let kind = narrow(self.number(at + 2, 2)?);
        let count = self.number(at + 4, word_bytes)?;
        let field = at + 4 + word_bytes;
        let bytes = usize::try_from(count)
            .ok()
            .and_then(|count| count.checked_mul(type_bytes(kind)?));
        let Some(bytes) = bytes else {
            return Ok(None);
        };
        let value = if bytes <= word_bytes {
            field
        } else {
            usize::try_from(self.number(field, word_bytes)?).unwrap_or(usize::MAX)
        };
        let is_inside = value
            .checked_add(bytes)
            .is_some_and(|end| end <= self.bytes.len());
        Ok(is_inside.then_some(Entry {
            tag: narrow(self.number(at, 2)?),
            kind,
            count,
            field,
            value,
            bytes,
        }))
    }

    /// Reads a number of 1, 2, 4 or 8 bytes.
    fn number(&self, at: usize, bytes: usize) -> Result<u64, PictureError> {
        let end = at.checked_add(bytes).ok_or(PictureError::Truncated)?;
        let bytes = self.bytes.get(at..end).ok_or(PictureError::Truncated)?;
        let append = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Ok(if self.little_endian {
            bytes.iter().rev().fold(0, append)
        } else {
            bytes.iter().fold(0, append)
        })
    }

    /// The value of an entry as it stands in the file.
    pub(super) fn bytes_of(&self, entry: &Entry) -> &'a [u8] {
        // The range was checked when the entry was read.
        self.bytes
            .get(entry.value..entry.value + entry.bytes)
            .unwrap_or_default()
    }

    /// The numbers of an entry of the types BYTE, SHORT, LONG, LONG8, IFD, IFD8; `None` for other types.
    pub(super) fn numbers(&self, entry: &Entry) -> Option<Vec<u64>> {
        if !matches!(entry.kind, 1 | 3 | 4 | 13 | 16 | 18) || entry.count > NUMBERS_MAX {
            return None;
        }
        let size = type_bytes(entry.kind)?;
        (entry.value..entry.value + entry.bytes)
            .step_by(size)
            .map(|at| self.number(at, size).ok())
            .collect()
    }

    /// The first number of a tag, where it is there.
    pub(super) fn first(&self, directory: &Directory, tag: u16) -> Option<u64> {
        self.all(directory, tag)?.first().copied()
    }

    /// All numbers of a tag, where it is there.
    pub(super) fn all(&self, directory: &Directory, tag: u16) -> Option<Vec<u64>> {
        self.numbers(directory.find(tag)?)
    }

    /// A fraction of two numbers: the type RATIONAL.
    pub(super) fn fraction(&self, directory: &Directory, tag: u16) -> Option<[u32; 2]> {
        let entry = directory
            .find(tag)
            .filter(|entry| entry.kind == 5 && entry.count > 0)?;
        let half = |at| u32::try_from(self.number(at, 4).ok()?).ok();
        Some([half(entry.value)?, half(entry.value + 4)?])
    }
}

impl Directory {
    pub(super) fn find(&self, tag: u16) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.tag == tag)
    }
}

/// Bytes of a value of a type (TIFF 6.0, section 2, and BigTIFF).
const fn type_bytes(kind: u16) -> Option<usize> {
    match kind {
        1 | 2 | 6 | 7 => Some(1),
        3 | 8 => Some(2),
        4 | 9 | 11 | 13 => Some(4),
        5 | 10 | 12 | 16 | 17 | 18 => Some(8),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_have_directories_or_none(
            body in prop::collection::vec(prop_oneof![Just(0u8), 0u8..20, any::<u8>()], 0..200), big in any::<bool>(), little in any::<bool>(),
        ) {
            let header: &[u8] = match (big, little) {
                (false, true) => b"II\x2A\0\x08\0\0\0",
                (false, false) => b"MM\0\x2A\0\0\0\x08",
                (true, true) => b"II\x2B\0\x08\0\0\0\x10\0\0\0\0\0\0\0",
                (true, false) => b"MM\0\x2B\0\x08\0\0\0\0\0\0\0\0\0\x10",
            };
            let bytes = [header, &body].concat();
            let (file, first) = File::read(&bytes).unwrap();
            if let Ok(directories) = file.directories(first, &MediaLimits::default()) {
                for entry in directories.iter().flat_map(|directory| &directory.entries) {
                    file.numbers(entry);
                    file.bytes_of(entry);
                }
            }
        }
    }

    #[test]
    fn directories_that_form_a_circle_are_refused() {
        // Two directories without entries, each of which says that the other is next.
        let bytes = b"II\x2A\0\x08\0\0\0\0\0\x0E\0\0\0\0\0\x08\0\0\0";
        let (file, first) = File::read(bytes).unwrap();
        let error = file.directories(first, &MediaLimits::default()).unwrap_err();
        assert!(error.to_string().contains("circle"), "{error}");
    }
}
