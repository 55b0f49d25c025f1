//! Text in OSTA compressed Unicode (UDF 2.1.1), and the names that Linux makes of it.
//!
//! The same medium may be shown by the kernel and by us, so a name has to come out as `fs/udf/unicode.c` makes it:
//! what no path can have becomes `_` and a checksum tells such names apart. Labels follow other rules: see
//! [`crate::image::label`].

use super::tag::crc;

/// Bytes that a name may have on Linux.
const MAXIMUM_NAME: usize = 254;
/// Bytes of the mark that a changed name gets: `#` and four digits.
const MARK_LENGTH: usize = 5;
/// Characters among which the dot of an extension is looked for, from the end.
const EXTENSION_REACH: usize = 5;

/// The text of a fixed field whose last byte is the used length (ECMA-167 1/7.2.12); `None` where it is empty or of
/// an unknown compression.
pub(super) fn dstring(field: &[u8]) -> Option<String> {
    let (length, text) = field.split_last()?;
    let (compression, text) = text.get(..usize::from(*length))?.split_first()?;
    let text: String = units(*compression, text)?
        .into_iter()
        .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    let text = text.trim_end();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The name that Linux shows for the identifier `encoded`, at most 254 bytes; `None` where it shows none.
pub(super) fn name(encoded: &[u8]) -> Option<Vec<u8>> {
    let (compression, text) = encoded.split_first()?;
    let units = units(*compression, text)?;
    if units.is_empty() {
        return None;
    }
    let (stem, extension) = units.split_at(extension_start(&units));
    let (stem, stem_changed) = legal(stem);
    let (extension, extension_changed) = legal(extension);
    let plain = [stem.as_str(), &extension].concat();
    let reserved = plain == "." || plain == "..";
    if !stem_changed && !extension_changed && !reserved && plain.len() <= MAXIMUM_NAME {
        return Some(plain.into_bytes());
    }
    let room = MAXIMUM_NAME.saturating_sub(extension.len() + MARK_LENGTH);
    let kept = (0..=room.min(stem.len())).rev().find(|end| stem.is_char_boundary(*end));
    let kept = &stem[..kept.unwrap_or(0)];
    Some(format!("{kept}#{:04X}{extension}", crc(text)).into_bytes())
}

/// Characters of `text`; `None` for each that cannot be shown (half of a surrogate pair).
fn units(compression: u8, text: &[u8]) -> Option<Vec<Option<char>>> {
    match compression {
        8 => Some(text.iter().map(|byte| Some(char::from(*byte))).collect()),
        16 if text.len().is_multiple_of(2) => {
            let pairs = text.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            Some(char::decode_utf16(pairs).map(Result::ok).collect())
        }
        _ => None,
    }
}

/// Where the extension begins: at the last dot, if it is near the end and something follows it.
fn extension_start(units: &[Option<char>]) -> usize {
    let reach = units.len().saturating_sub(EXTENSION_REACH);
    match units[reach..].iter().rposition(|unit| *unit == Some('.')) {
        Some(dot) if reach + dot + 1 < units.len() => reach + dot,
        _ => units.len(),
    }
}

/// `units` with each run of what no name can have as one `_`, and whether there was any.
fn legal(units: &[Option<char>]) -> (String, bool) {
    let mut text = String::with_capacity(units.len());
    let mut changed = false;
    let mut in_run = false;
    for unit in units {
        match unit {
            Some(character) if !matches!(character, '/' | '\0') => {
                text.push(*character);
                in_run = false;
            }
            _ => {
                if !in_run {
                    text.push('_');
                }
                in_run = true;
                changed = true;
            }
        }
    }
    (text, changed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wide(text: &str) -> Vec<u8> {
        let units = text.encode_utf16().flat_map(u16::to_be_bytes);
        std::iter::once(16).chain(units).collect()
    }

    fn shown(encoded: &[u8]) -> String {
        String::from_utf8(name(encoded).unwrap()).unwrap()
    }

    #[test]
    fn names_are_latin_1_or_utf_16() {
        assert_eq!(shown(b"\x08plain.txt"), "plain.txt");
        assert_eq!(shown(b"\x08stra\xdfe"), "straße");
        assert_eq!(shown(&wide("日本語😀.iso")), "日本語😀.iso");
        assert_eq!(shown(b"\x08.hidden"), ".hidden");
        assert_eq!(shown(b"\x08a."), "a.");
    }

    #[test]
    fn names_that_no_path_can_have_are_marked_as_linux_marks_them() {
        let marked = |stem: &str, text: &[u8], extension: &str| {
            format!("{stem}#{:04X}{extension}", crc(text))
        };
        assert_eq!(shown(b"\x08a/b.txt"), marked("a_b", b"a/b.txt", ".txt"));
        assert_eq!(shown(b"\x08a/\0/b"), marked("a_b", b"a/\0/b", ""));
        assert_eq!(shown(b"\x08."), marked(".", b".", ""));
        assert_eq!(shown(b"\x08.."), marked("..", b"..", ""));
        let lone = [16, 0, b'a', 0xD8, 0x00, 0, b'b'];
        assert_eq!(shown(&lone), marked("a_b", &lone[1..], ""));
    }

    #[test]
    fn long_names_are_cut_before_their_extension() {
        let long = wide(&format!("{}.iso", "語".repeat(120)));
        let name = shown(&long);
        assert_eq!(name, format!("{}#{:04X}.iso", "語".repeat(81), crc(&long[1..])));
        assert!(name.len() <= MAXIMUM_NAME);
        let fits = [&[8][..], &[b'x'; 254]].concat();
        assert_eq!(shown(&fits).len(), 254);
    }

    #[test]
    fn what_is_no_text_has_no_name() {
        for encoded in [&b""[..], b"\x08", b"\x10", b"\x10a", b"\x00abc", b"\xfeabc"] {
            assert_eq!(name(encoded), None, "{encoded:?}");
        }
    }

    #[test]
    fn fixed_fields_state_their_length() {
        let field = |text: &[u8], length: u8| {
            let mut field = [0; 32];
            field[..text.len()].copy_from_slice(text);
            field[31] = length;
            dstring(&field)
        };
        assert_eq!(field(b"\x08Label", 6).as_deref(), Some("Label"));
        assert_eq!(field(b"\x08Label", 4).as_deref(), Some("Lab"));
        assert_eq!(field(b"\x08  ", 3), None);
        assert_eq!(field(b"\x08Label", 0), None);
        assert_eq!(field(b"\x08Label", 200), None);
        assert_eq!(field(b"\x07Label", 6), None);
    }

    proptest! {
        #[test]
        fn every_name_shown_is_one_that_a_path_can_have(encoded: Vec<u8>, wide: bool) {
            let encoded = [&[if wide { 16 } else { 8 }][..], &encoded].concat();
            if let Some(name) = name(&encoded) {
                prop_assert!(!name.is_empty() && name.len() <= 255);
                prop_assert!(name != b"." && name != b"..");
                prop_assert!(!name.contains(&b'/') && !name.contains(&0));
                prop_assert!(std::str::from_utf8(&name).is_ok());
            }
        }
    }
}
