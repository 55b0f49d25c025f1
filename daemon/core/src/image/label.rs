//! Labels and UUIDs as libblkid 2.38 makes them of what a medium says, so that a disc, whose label comes from udev, and
//! its image file, whose label comes from here, are called the same.
//!
//! libblkid's values are bytes, ours are text: what is not UTF-8 becomes U+FFFD, in [`decode_udev`] as everywhere
//! here. Nothing here makes a label safe to be a name of a directory.

/// Characters that libblkid trims from the end of a value: those of C's `isspace`.
const BLANKS: [u8; 6] = [b' ', b'\t', b'\n', 0x0B, 0x0C, b'\r'];

/// The label of an ISO 9660 volume, from the volume identifiers of its primary descriptor and of its Joliet
/// descriptor. `None` where both are blank.
///
/// Joliet's identifier has 16 characters where the primary one has 32, and the primary one often has `_` or capitals
/// for what Joliet can say; so libblkid merges the two where they agree, and else believes Joliet. Unlike libblkid
/// we take the primary identifier where Joliet's is blank.
#[must_use]
pub fn iso_label(primary: &[u8; 32], joliet: Option<&[u8; 32]>) -> Option<String> {
    let from_joliet = joliet.and_then(|joliet| {
        let merged = merge(joliet, primary);
        let units = merged.unwrap_or_else(|| big_endian(joliet));
        text(&utf8(units, usize::MAX))
    });
    from_joliet.or_else(|| text(primary))
}

/// The UUID of an ISO 9660 volume: the digits of its modification date, else of its creation date, each of 16 digits
/// and an offset from Greenwich. `None` where neither is set.
///
/// Unlike libblkid, which takes blanks and NUL for a date as well, we want digits.
#[must_use]
pub fn iso_uuid(modified: &[u8; 17], created: &[u8; 17]) -> Option<String> {
    let date = [modified, created].into_iter().find(|date| {
        date[..16].iter().all(u8::is_ascii_digit) && date[..] != *b"0000000000000000\0"
    })?;
    let digits = String::from_utf8_lossy(&date[..16]);
    let parts = [(0, 4), (4, 6), (6, 8), (8, 10), (10, 12), (12, 14), (14, 16)];
    Some(parts.map(|(from, to)| &digits[from..to]).join("-"))
}

/// The label of a UDF volume: the logical volume identifier, a dstring. libblkid takes it from the first descriptor
/// whose character set is that of UDF.
#[must_use]
pub fn udf_label(identifier: &[u8; 128]) -> Option<String> {
    text(&utf8(dstring(identifier)?, usize::MAX))
}

/// The UUID of a UDF volume, 16 hexadecimal digits from the start of the volume set identifier, a dstring. By UDF its
/// first 16 characters are digits themselves; where they are not all, libblkid writes bytes out instead.
#[must_use]
pub fn udf_uuid(volume_set: &[u8; 128]) -> Option<String> {
    let mut bytes = utf8(dstring(volume_set)?, 16);
    if bytes.len() < 8 {
        return None;
    }
    bytes.resize(16, 0);
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let (kept, spelled) = match digits {
        0..8 => (0, 8),
        8..16 => (8, 4),
        _ => (16, 0),
    };
    let spelled = bytes[kept..kept + spelled].iter().map(|byte| format!("{byte:02x}"));
    let uuid = String::from_utf8_lossy(&bytes[..kept]).to_lowercase();
    Some(uuid + &spelled.collect::<String>())
}

/// Decodes a value that udev encoded, such as `ID_FS_LABEL_ENC`: `\xHH` stands for the byte HH.
#[must_use]
pub fn decode_udev(encoded: &str) -> String {
    let mut rest = encoded.as_bytes();
    let mut decoded = Vec::with_capacity(rest.len());
    while let [first, following @ ..] = rest {
        let byte = following.strip_prefix(b"x").filter(|_| *first == b'\\').and_then(hex_byte);
        decoded.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &following[3..] } else { following };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn hex_byte(digits: &[u8]) -> Option<u8> {
    let digits = str::from_utf8(digits.get(..2)?).ok()?;
    digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then_some(())?;
    u8::from_str_radix(digits, 16).ok()
}

/// What libblkid keeps of `bytes`: up to the first NUL, without blanks at the end.
fn text(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    let length = bytes.iter().rposition(|byte| !BLANKS.contains(byte))? + 1;
    Some(String::from_utf8_lossy(&bytes[..length]).into_owned())
}

/// Joliet's identifier with the primary one's tail, if they agree as far as both go: a character agrees with itself,
/// with its capital, and with `_` on either side.
fn merge(joliet: &[u8; 32], primary: &[u8; 32]) -> Option<Vec<u16>> {
    let joliet = big_endian(joliet);
    let mut merged = Vec::with_capacity(48);
    let mut primary = primary.iter();
    let mut index = 0;
    while let Some(&unit) = joliet.get(index) {
        // One character of the primary identifier stands for a whole surrogate pair.
        let pair = is_high_surrogate(unit)
            && joliet.get(index + 1).is_some_and(|next| is_low_surrogate(*next));
        if pair {
            merged.push(unit);
            index += 1;
        }
        let unit = joliet[index];
        index += 1;
        merged.push(agreed(unit, *primary.next()?)?);
    }
    merged.extend(primary.map(|byte| u16::from(*byte)));
    Some(merged)
}

/// The character that `joliet` and `primary` agree on.
fn agreed(joliet: u16, primary: u8) -> Option<u16> {
    let plain = u8::try_from(joliet).ok();
    match (plain, primary) {
        (_, b'_') => Some(joliet),
        (Some(b'_'), _) => Some(u16::from(primary)),
        (Some(plain), _) if plain.eq_ignore_ascii_case(&primary) => {
            Some(if primary.is_ascii_uppercase() { joliet } else { u16::from(primary) })
        }
        _ => None,
    }
}

/// Characters of a dstring, by the length in its last byte; `None` where its compression is unknown.
fn dstring(field: &[u8; 128]) -> Option<Vec<u16>> {
    let length = usize::from(field[127]).saturating_sub(1).min(126);
    let bytes = &field[1..=length];
    match field[0] {
        8 => Some(bytes.iter().map(|byte| u16::from(*byte)).collect()),
        16 => Some(big_endian(bytes)),
        _ => None,
    }
}

fn big_endian(bytes: &[u8]) -> Vec<u16> {
    bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
}

/// UTF-8 of the characters before the first NUL, as many as fit `capacity` bytes. Half a surrogate pair is written out
/// as if it were a character.
fn utf8(units: impl IntoIterator<Item = u16>, capacity: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for unit in char::decode_utf16(units) {
        let mut buffer = [0; 4];
        let encoded = match unit {
            Ok('\0') => break,
            Ok(character) => character.encode_utf8(&mut buffer).as_bytes(),
            Err(half) => {
                let [high, low] = half.unpaired_surrogate().to_be_bytes();
                buffer = [0xED, 0x80 | (high & 0x0F) << 2 | low >> 6, 0x80 | low & 0x3F, 0];
                &buffer[..3]
            }
        };
        if bytes.len() + encoded.len() > capacity {
            break;
        }
        bytes.extend(encoded);
    }
    bytes
}

fn is_high_surrogate(unit: u16) -> bool {
    (0xD800..=0xDBFF).contains(&unit)
}

fn is_low_surrogate(unit: u16) -> bool {
    (0xDC00..=0xDFFF).contains(&unit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn primary(text: &str) -> [u8; 32] {
        let mut field = [b' '; 32];
        field[..text.len()].copy_from_slice(text.as_bytes());
        field
    }

    /// As writers fill it: the characters that fit, then blanks.
    fn joliet(text: &str) -> [u8; 32] {
        let mut field = [0, b' '].repeat(16);
        for (place, unit) in field.chunks_exact_mut(2).zip(text.encode_utf16()) {
            place.copy_from_slice(&unit.to_be_bytes());
        }
        field.try_into().unwrap()
    }

    fn dstring(compression: u8, text: &[u8]) -> [u8; 128] {
        let mut field = [0; 128];
        field[0] = compression;
        field[1..=text.len()].copy_from_slice(text);
        field[127] = u8::try_from(text.len() + 1).unwrap();
        field
    }

    #[test]
    fn labels_of_iso_9660_are_merged_from_both_descriptors() {
        for (of_primary, of_joliet, label) in [
            ("ROCKY-9-2-X86_64-DVD", Some("Rocky-9-2-x86_64"), Some("Rocky-9-2-x86_64-DVD")),
            (
                "LONG_LABEL_OF_THE_PRIMARY_32CHAR",
                Some("Long label of Th"),
                Some("Long label of ThE_PRIMARY_32CHAR"),
            ),
            ("ABC", Some("日本"), Some("日本")),
            ("ABC", Some("abc"), Some("abc")),
            ("abc", Some("ABC"), Some("abc")),
            ("A_C", Some("AéC"), Some("AéC")),
            ("AEC", Some("A_C"), Some("AEC")),
            ("ABC", Some(""), Some("ABC")),
            ("ABC", Some("other"), Some("other")),
            ("ABCDEFGHIJKLMNOPQ", Some("ABCDEFGHIJKLMNOX"), Some("ABCDEFGHIJKLMNOX")),
            ("A_B", Some("A😀B"), Some("A😀B")),
            ("", Some(""), None),
            ("", None, None),
            ("UBUNTU 24.04  ", None, Some("UBUNTU 24.04")),
            ("  lead", None, Some("  lead")),
            ("../../etc", None, Some("../../etc")),
        ] {
            let joliet = of_joliet.map(joliet);
            let found = iso_label(&primary(of_primary), joliet.as_ref());
            assert_eq!(found.as_deref(), label, "{of_primary} {of_joliet:?}");
        }
    }

    #[test]
    fn labels_end_at_nul_and_are_text_whatever_they_were() {
        let mut field = primary("ABC");
        field[3] = 0;
        field[4] = b'x';
        assert_eq!(iso_label(&field, None).as_deref(), Some("ABC"));
        field[1] = 0xC9;
        assert_eq!(iso_label(&field, None).as_deref(), Some("A\u{FFFD}C"));
        assert_eq!(iso_label(&[0; 32], Some(&[0; 32])), None);
    }

    #[test]
    fn the_uuid_of_iso_9660_is_a_date_of_digits() {
        let unset = b"0000000000000000\0";
        let date = b"2026112008002900\0";
        let other = b"2020010203040506\x04";
        for (modified, created, uuid) in [
            (date, other, Some("2026-11-20-08-00-29-00")),
            (unset, other, Some("2020-01-02-03-04-05-06")),
            (&[0; 17], other, Some("2020-01-02-03-04-05-06")),
            (&[b' '; 17], other, Some("2020-01-02-03-04-05-06")),
            (b"0000000000000000\x04", other, Some("0000-00-00-00-00-00-00")),
            (unset, unset, None),
            (unset, &[0; 17], None),
        ] {
            assert_eq!(iso_uuid(modified, created).as_deref(), uuid);
        }
    }

    #[test]
    fn labels_of_udf_are_latin_1_or_utf_16() {
        let wide: Vec<_> = "日本語".encode_utf16().flat_map(u16::to_be_bytes).collect();
        for (field, label) in [
            (dstring(8, b"CCCOMA_X64FRE_EN-US_DV9"), Some("CCCOMA_X64FRE_EN-US_DV9")),
            (dstring(8, b"Stra\xDFe  "), Some("Straße")),
            (dstring(16, &wide), Some("日本語")),
            (dstring(16, &wide[..5]), Some("日本")),
            (dstring(8, b"  "), None),
            (dstring(8, b""), None),
            (dstring(9, b"abc"), None),
        ] {
            assert_eq!(udf_label(&field).as_deref(), label);
        }
    }

    #[test]
    fn the_uuid_of_udf_is_digits_or_spelled_out_bytes() {
        for (volume_set, uuid) in [
            (&b"65a1B2c3D4e5F601LinuxUDF"[..], Some("65a1b2c3d4e5f601")),
            (b"65A1B2C3nothex__rest", Some("65a1b2c36e6f7468")),
            (b"65a1B2c3", Some("65a1b2c300000000")),
            (b"65a1B2c3D4e5F6", Some("65a1b2c344346535")),
            (b"My volume set", Some("4d7920766f6c756d")),
            (b"short", None),
            (b"", None),
        ] {
            assert_eq!(udf_uuid(&dstring(8, volume_set)).as_deref(), uuid, "{volume_set:?}");
        }
        assert_eq!(udf_uuid(&dstring(8, b"\xDF123456")).as_deref(), Some("c39f313233343536"));
    }

    #[test]
    fn udev_values_are_decoded() {
        for (encoded, decoded) in [
            ("plain-1.0_x", "plain-1.0_x"),
            ("..\\x2f..\\x2fetc", "../../etc"),
            ("\\x20\\x20lead", "  lead"),
            ("日本", "日本"),
            ("\\xe6\\x97\\xa5", "日"),
            ("\\xc9", "\u{FFFD}"),
            ("\\x5cx41", "\\x41"),
            ("\\x4", "\\x4"),
            ("\\xzz", "\\xzz"),
            ("\\", "\\"),
            ("\\x+1", "\\x+1"),
            ("", ""),
        ] {
            assert_eq!(decode_udev(encoded), decoded, "{encoded}");
        }
    }

    proptest! {
        #[test]
        fn what_udev_encodes_is_decoded_again(text in "\\PC*") {
            let encoded: String = text
                .chars()
                .map(|c| match c {
                    'a'..='z' | '0'..='9' | '#' | '+' | '-' | '.' | ':' | '=' | '@' | '_' => c.to_string(),
                    c if c.is_ascii() => format!("\\x{:02x}", c as u32),
                    c => c.to_string(),
                })
                .collect();
            prop_assert_eq!(decode_udev(&encoded), text);
        }

        #[test]
        fn no_bytes_are_too_odd(primary: [u8; 32], joliet: [u8; 32], any: Vec<u8>, text: String) {
            for label in [iso_label(&primary, Some(&joliet)), iso_label(&primary, None)] {
                prop_assert!(label.is_none_or(|label| !label.is_empty() && !label.contains('\0')));
            }
            let mut field = [0; 128];
            for (to, from) in field.iter_mut().zip(any.iter().chain(&primary)) {
                *to = *from;
            }
            field[127] = joliet[0];
            let _ = udf_label(&field);
            prop_assert!(udf_uuid(&field).is_none_or(|uuid| uuid.len() == 16));
            let _ = decode_udev(&text);
        }
    }
}
