//! Names of files, as a terminal and a JSON document may have them: a name is any bytes, and those of a stranger may colour the
//! terminal, set its title, or break a line in two.

use std::path::{Path, PathBuf};

use serde::Serializer;

/// A name that can be printed: control characters and those that turn the direction of text are escaped as in Rust, and bytes
/// that are no UTF-8 are replaced by �.
pub(crate) fn printed(path: &Path) -> String {
    let mut printed = String::new();
    for c in path.to_string_lossy().chars() {
        if c.is_control() || is_invisible(c) {
            printed.extend(c.escape_default());
        } else {
            printed.push(c);
        }
    }
    printed
}

/// Breaks of lines, and marks that let a text look like another one.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Writes a name into a document, for `#[serde(serialize_with)]`: bytes that are no UTF-8 are replaced, since a document that
/// cannot be written at all would lose what stands beside the name.
pub(crate) fn lossy<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

/// The same where there may be none.
pub(crate) fn lossy_option<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    match path {
        Some(path) => lossy(path, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn a_name_neither_steers_the_terminal_nor_breaks_the_line() {
        let shown = |bytes: &[u8]| printed(Path::new(OsStr::from_bytes(bytes)));
        assert_eq!(
            shown(b"\x1b[31mRED\x1b]0;title\x07.jpg"),
            r"\u{1b}[31mRED\u{1b}]0;title\u{7}.jpg"
        );
        assert_eq!(shown(b"two\nlines"), r"two\nlines");
        assert_eq!(shown("gpj.\u{202e}exe".as_bytes()), r"gpj.\u{202e}exe");
        assert_eq!(shown(b"\xff.jpg"), "\u{fffd}.jpg");
        assert_eq!(shown("Füße 写真.jpg".as_bytes()), "Füße 写真.jpg");
    }
}
