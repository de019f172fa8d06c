//! From bytes to text: UTF-8 and UTF-16 with or without their mark, else the old encoding that the letters look like.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// The text of a file.
pub(super) struct Decoded {
    pub text: String,
    /// What its encoding is called: `UTF-8`, `windows-1252`.
    pub encoding: &'static str,
    /// Whether the encoding was guessed from the letters.
    pub guessed: bool,
    /// Whether some bytes are no characters; [`char::REPLACEMENT_CHARACTER`] stands for them.
    pub damaged: bool,
}

impl Decoded {
    /// Reads bytes in the encoding they are in, or in the one that is `given`.
    pub fn of(bytes: &[u8], given: Option<&'static Encoding>) -> Self {
        let marked = Encoding::for_bom(bytes).map(|(encoding, _)| encoding);
        let (encoding, guessed) = match given.or(marked) {
            Some(encoding) => (encoding, false),
            None if holds_utf8(bytes) => (UTF_8, false),
            None => (guess(bytes), true),
        };
        let (text, damaged) = encoding.decode_with_bom_removal(bytes);
        Self { text: text.into_owned(), encoding: encoding.name(), guessed, damaged }
    }
}

/// Whether bytes are UTF-8, but for damage here and there: more characters beyond ASCII are whole than broken.
fn holds_utf8(bytes: &[u8]) -> bool {
    let (mut whole, mut broken) = (0, 0);
    for chunk in bytes.utf8_chunks() {
        whole += chunk.valid().bytes().filter(|byte| byte.leading_ones() > 1).count();
        broken += usize::from(!chunk.invalid().is_empty());
    }
    broken <= whole && !looks_like_utf16(bytes)
}

/// Text without accents is every other byte 0 in UTF-16.
fn looks_like_utf16(bytes: &[u8]) -> bool {
    bytes.iter().filter(|&&byte| byte == 0).count() * 3 > bytes.len()
}

fn guess(bytes: &[u8]) -> &'static Encoding {
    if looks_like_utf16(bytes) {
        let zeros = |first| bytes.iter().skip(first).step_by(2).filter(|&&byte| byte == 0).count();
        return if zeros(0) > zeros(1) { UTF_16BE } else { UTF_16LE };
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    detector.guess(None, Utf8Detection::Deny)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes: &[u8]) -> (String, &'static str, bool) {
        let Decoded { text, encoding, damaged, .. } = Decoded::of(bytes, None);
        (text, encoding, damaged)
    }

    fn utf16(text: &str, bytes: impl Fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn text_is_read_in_its_encoding() {
        let text = "name,größe\nÉva,1\n";
        let latin: Vec<u8> = text.chars().map(|letter| letter as u8).collect();
        for (bytes, encoding) in [
            (text.as_bytes().to_vec(), "UTF-8"),
            (["\u{feff}", text].concat().into_bytes(), "UTF-8"),
            (utf16(&["\u{feff}", text].concat(), u16::to_le_bytes), "UTF-16LE"),
            (utf16(&["\u{feff}", text].concat(), u16::to_be_bytes), "UTF-16BE"),
            (utf16(text, u16::to_le_bytes), "UTF-16LE"),
            (utf16(text, u16::to_be_bytes), "UTF-16BE"),
            (latin, "windows-1252"),
        ] {
            assert_eq!(decoded(&bytes), (text.to_owned(), encoding, false));
        }
    }

    #[test]
    fn utf8_with_a_broken_letter_stays_utf8() {
        let bytes = [&b"na\xffme,"[..], "größe, été\n".as_bytes()].concat();
        assert_eq!(decoded(&bytes), ("na\u{fffd}me,größe, été\n".to_owned(), "UTF-8", true));
    }

    #[test]
    fn an_encoding_that_is_given_is_taken() {
        let cyrillic = Decoded::of(b"\xcf\xf0\xe8\xe2\xe5\xf2", Encoding::for_label(b"windows-1251"));
        assert_eq!((cyrillic.text.as_str(), cyrillic.guessed), ("Привет", false));
    }
}
