//! What passes for text that people have written.

/// The longest text in bytes: captions of press pictures have up to 2,000 characters.
const TEXT_BYTES_MAX: usize = 8192;

/// The longest run of characters in which data are written as text (Base64, hexadecimal digits). A word, a file name or
/// an identifier is shorter; a picture on which a face could be made out is longer.
const RUN_CHARS_MAX: usize = 256;

/// Whether some bytes are a text, and no data that are written as one: it is in UTF-8 or, where that cannot be, in Latin-1,
/// has no control characters but line breaks and tabs, and is not too long.
pub(crate) fn is_text(bytes: &[u8]) -> bool {
    if bytes.len() > TEXT_BYTES_MAX {
        return false;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => is_plain(text.chars()),
        Err(_) => is_plain(bytes.iter().map(|byte| char::from(*byte))),
    }
}

fn is_plain(chars: impl Iterator<Item = char>) -> bool {
    let mut run = 0;
    for char in chars {
        match char {
            // Data are often broken into lines.
            '\n' | '\r' | '\t' => {}
            control if control.is_control() => return false,
            _ if is_digit(char) => run += 1,
            _ => run = 0,
        }
        if run > RUN_CHARS_MAX {
            return false;
        }
    }
    true
}

/// The digits of Base64 in its variants, among them those of hexadecimal numbers.
const fn is_digit(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '+' | '/' | '=' | '-' | '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_text() {
        let caption = "Zwei Menschen vor dem Rathaus.\n© 2024 Jürgen Müller\t".repeat(20);
        for text in ["", "Canon EOS R5", "日本語の説明", &caption] {
            assert!(is_text(text.as_bytes()), "{text}");
        }
        assert!(is_text(b"\xA9 J\xFCrgen"), "Latin-1");
    }

    #[test]
    fn data_that_are_written_as_text_are_none() {
        let lines = ["ABCDEFGHIJKLMNOPabcdefghijklmnop0123456789+/ABCDEFGHIJKLMNOPabcd\r\n"; 5].concat();
        assert!(!is_text(lines.as_bytes()));
        assert!(!is_text("0f".repeat(200).as_bytes()));
        assert!(!is_text("word ".repeat(2000).as_bytes()), "too long");
        assert!(!is_text(b"\xFF\xD8\xFF\xE0\0\x10JFIF"));
    }
}
