//! Names of entries: which are accepted.
//!
//! A result is unpacked by programs that may know less of hostile names than this one. What could surprise them is refused
//! here.

use rawzip::extra_fields::{ExtraFieldId, ExtraFields};
use thiserror::Error;

use super::cp437;

/// Length of a name at most, in bytes of UTF-8.
const NAME_BYTES_MAX: usize = 1024;

/// Length of a part of a name at most, in bytes of UTF-8: what file systems take.
const PART_BYTES_MAX: usize = 255;

/// Folders in each other at most.
const DEPTH_MAX: usize = 32;

/// How much of a name that is refused is shown, in characters.
const SHOWN_CHARACTERS_MAX: usize = 200;

/// A name is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NameError {
    /// There is none.
    #[error("it has no name")]
    Empty,
    /// It says to be UTF-8 and is not.
    #[error("its name is not valid UTF-8")]
    NotUtf8,
    /// It begins at the root of a file system or names a drive.
    #[error("its name is an absolute path")]
    Absolute,
    /// It leads out of the folder that it is unpacked into.
    #[error("its name leads out of the archive (`..`)")]
    Parent,
    /// It has a character that is none, NUL for example.
    #[error("its name has control characters")]
    Control,
    /// It is longer than allowed.
    #[error("its name is longer than {NAME_BYTES_MAX} bytes, or a part of it longer than {PART_BYTES_MAX}")]
    TooLong,
    /// It is deeper than allowed.
    #[error("it lies more than {DEPTH_MAX} folders deep")]
    TooDeep,
}

/// A relative path with `/` between its parts, of which none is empty, `.` or `..`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name(String);

impl Name {
    /// Judges a name. Backslashes are separators, as where they come from; parts that say nothing (`.`, an empty one) are
    /// left out.
    ///
    /// # Errors
    /// [`NameError`] says what it is refused for.
    pub(super) fn new(text: &str) -> Result<Self, NameError> {
        let is_separator = |character: char| matches!(character, '/' | '\\');
        if text.chars().any(char::is_control) {
            return Err(NameError::Control);
        }
        let has_drive = matches!(text.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic());
        if text.starts_with(is_separator) || has_drive {
            return Err(NameError::Absolute);
        }
        let mut path = String::new();
        let mut depth = 0;
        for part in text.split(is_separator) {
            if part.is_empty() || part == "." {
                continue;
            }
            // Windows does not see dots and spaces at the end of a part.
            if part.trim_end_matches(['.', ' ']).is_empty() {
                return Err(NameError::Parent);
            }
            depth += 1;
            if depth > DEPTH_MAX {
                return Err(NameError::TooDeep);
            }
            if part.len() > PART_BYTES_MAX || path.len() + part.len() >= NAME_BYTES_MAX {
                return Err(NameError::TooLong);
            }
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(part);
        }
        if path.is_empty() {
            return Err(NameError::Empty);
        }
        Ok(Self(path))
    }

    /// The path.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The path.
    pub(super) fn into_string(self) -> String {
        self.0
    }

    /// The part behind the last `/`.
    pub(super) fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The folders that it lies in, the outermost first.
    pub(super) fn folders(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices('/').map(|(end, _)| &self.0[..end])
    }
}

/// The text of a name as the directory has it. Without the flag for UTF-8 a name is in the code page of the first PCs, says
/// the format; most programs that do not know the flag write UTF-8 all the same.
///
/// # Errors
/// [`NameError::NotUtf8`].
pub(super) fn decode(raw: &[u8], is_utf8: bool, extra: ExtraFields<'_>) -> Result<String, NameError> {
    if is_utf8 {
        return String::from_utf8(raw.to_vec()).map_err(|_| NameError::NotUtf8);
    }
    if let Some(name) = unicode_name(raw, extra) {
        return Ok(name);
    }
    Ok(String::from_utf8(raw.to_vec()).unwrap_or_else(|_| cp437::decode(raw)))
}

/// The name in Info-ZIP's extra field, where it is about this name.
fn unicode_name(raw: &[u8], mut extra: ExtraFields<'_>) -> Option<String> {
    let (_, data) = extra.find(|(id, _)| *id == ExtraFieldId::INFO_ZIP_UNICODE_PATH)?;
    let (&[version, a, b, c, d], name) = data.split_first_chunk::<5>()?;
    let mut crc = flate2::Crc::new();
    crc.update(raw);
    let is_about_it = version == 1 && u32::from_le_bytes([a, b, c, d]) == crc.sum();
    is_about_it
        .then(|| String::from_utf8(name.to_vec()).ok())
        .flatten()
}

/// A name for reports, whatever is in it.
pub(super) fn shown(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(SHOWN_CHARACTERS_MAX)
        .map(|character| {
            if character.is_control() {
                '\u{FFFD}'
            } else {
                character
            }
        })
        .collect();
    if text.chars().nth(SHOWN_CHARACTERS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(text: &str) -> Result<String, NameError> {
        Name::new(text).map(|name| name.0)
    }

    #[test]
    fn ordinary_names_are_kept() {
        for name in [
            "a.jpg",
            "Ürlaub/Tag 1/größe.jpg",
            "写真/山.png",
            "a..b/c...d.jpg",
            "12:30.jpg",
            ".hidden",
        ] {
            assert_eq!(judged(name).as_deref(), Ok(name));
        }
    }

    #[test]
    fn parts_that_say_nothing_are_left_out() {
        assert_eq!(judged("./a//b/./c.jpg").as_deref(), Ok("a/b/c.jpg"));
        assert_eq!(judged(r"photos\2024\a.jpg").as_deref(), Ok("photos/2024/a.jpg"));
        assert_eq!(judged("folder/").as_deref(), Ok("folder"));
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for (name, error) in [
            ("", NameError::Empty),
            (".", NameError::Empty),
            ("./", NameError::Empty),
            ("/etc/passwd", NameError::Absolute),
            (r"\\server\share\a.jpg", NameError::Absolute),
            (r"C:\a.jpg", NameError::Absolute),
            ("c:a.jpg", NameError::Absolute),
            ("../a.jpg", NameError::Parent),
            ("a/../../b.jpg", NameError::Parent),
            (r"a\..\b.jpg", NameError::Parent),
            ("a/.. /b.jpg", NameError::Parent),
            ("a/.../b.jpg", NameError::Parent),
            ("a/ /b.jpg", NameError::Parent),
            ("a.jpg\0.png", NameError::Control),
            ("a\nb.jpg", NameError::Control),
            ("a\u{85}b.jpg", NameError::Control),
        ] {
            assert_eq!(judged(name), Err(error), "{name:?}");
        }
        assert_eq!(judged(&"a".repeat(256)), Err(NameError::TooLong));
        assert_eq!(
            judged(&"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/".repeat(25)),
            Err(NameError::TooLong)
        );
        assert_eq!(judged(&"a/".repeat(33)), Err(NameError::TooDeep));
    }
}
