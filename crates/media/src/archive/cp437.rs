//! The code page of the first PCs, in which names of entries are where nothing else is said (APPNOTE.TXT, appendix D).

/// The characters from 128 on.
const UPPER_HALF: &str = "\
    ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒ\
    áíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐\
    └┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀\
    αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{A0}";

/// The text that bytes are in this code page. Those below 128 are ASCII.
pub(super) fn decode(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| match byte.checked_sub(128) {
            None => char::from(*byte),
            Some(index) => UPPER_HALF.chars().nth(index.into()).unwrap_or('\u{FFFD}'),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_a_character_of_its_own() {
        let text = decode(&(0..=255).collect::<Vec<u8>>());
        assert_eq!(UPPER_HALF.chars().count(), 128);
        assert!(!text.contains('\u{FFFD}'));
        assert_eq!(decode(b"gr\x94\xE1e.jpg"), "größe.jpg");
        assert_eq!(decode(&[0x80, 0x9F, 0xE0, 0xFE]), "Çƒα■");
    }
}
