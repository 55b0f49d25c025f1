//! File identifiers as Linux shows them, so that a tree has the same names whoever serves it.
//!
//! Rules: `isofs_name_translate` (map=normal) and `get_joliet_filename` (iocharset=utf8) of Linux.

/// Bytes that a name can have.
const LONGEST: usize = 255;

/// A name of the primary or the enhanced tree. Linux does not read the enhanced tree; the same rule is used there,
/// since writers commonly let both descriptors point to one tree.
pub(super) fn plain(identifier: &[u8]) -> Vec<u8> {
    let stem = identifier
        .strip_suffix(b".;1")
        .or_else(|| identifier.strip_suffix(b";1"))
        .unwrap_or(identifier);
    stem.iter()
        .take_while(|byte| **byte != 0)
        .map(|byte| match byte {
            b';' | b'/' => b'.',
            other => other.to_ascii_lowercase(),
        })
        .collect()
}

/// A name of the Joliet tree: UTF-16 in big-endian order. Surrogates without a partner are dropped as Linux drops
/// them, unless nothing would be left. Names too long for any path component are cut: Linux shows rubbish there.
pub(super) fn joliet(identifier: &[u8]) -> String {
    let units = || {
        identifier
            .chunks_exact(2)
            .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
            .take_while(|unit| *unit != 0)
    };
    let mut name: String = char::decode_utf16(units()).filter_map(Result::ok).collect();
    if name.is_empty() {
        name = char::decode_utf16(units()).map(|unit| unit.unwrap_or('\u{FFFD}')).collect();
    }
    while name.len() > LONGEST {
        name.pop();
    }
    if name.len() > 2 && name.ends_with(";1") {
        name.truncate(name.len() - 2);
    }
    while name.len() >= 2 && name.ends_with('.') {
        name.pop();
    }
    name
}

/// A Rock Ridge name, put together from the NM fields of a record.
#[derive(Debug, Default)]
pub(super) struct RockRidgeName {
    bytes: Vec<u8>,
    full: bool,
}

impl RockRidgeName {
    /// Bytes from which on Linux leaves out a whole NM field, and all that follow it.
    const LIMIT: usize = 254;

    /// Takes in the flags and the text of one NM field. Fields that stand for `.`, `..` or anything but a text are
    /// passed over.
    pub(super) fn push(&mut self, flags: u8, text: &[u8]) {
        const CONTINUE: u8 = 1;
        if flags & !CONTINUE != 0 || self.full {
            return;
        }
        if self.bytes.len() + text.len() >= Self::LIMIT {
            self.full = true;
            return;
        }
        let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
        self.bytes.extend_from_slice(&text[..end]);
    }

    /// The name; `None` where no field gave one, so that the plain name counts.
    pub(super) fn get(&self) -> Option<&[u8]> {
        (!self.bytes.is_empty()).then_some(&self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_names_are_shown_as_linux_shows_them() {
        let cases: [(&[u8], &[u8]); 10] = [
            (b"README.TXT;1", b"readme.txt"),
            (b"KERNEL.;1", b"kernel"),
            (b"KERNEL;1", b"kernel"),
            (b"FILE.TXT;2", b"file.txt.2"),
            (b"KERNEL.", b"kernel."),
            (b"DIR", b"dir"),
            (b"A/B;1", b"a.b"),
            (b"A\0B;1", b"a"),
            (b";1", b""),
            (b"\xC4\xD6.Z;1", b"\xC4\xD6.z"),
        ];
        for (identifier, name) in cases {
            assert_eq!(plain(identifier), name, "{identifier:?}");
        }
    }

    #[test]
    fn joliet_names_are_shown_as_linux_shows_them() {
        let encode = |units: &[u16]| -> Vec<u8> {
            units.iter().flat_map(|unit| unit.to_be_bytes()).collect()
        };
        let text = |text: &str| joliet(&encode(&text.encode_utf16().collect::<Vec<_>>()));
        assert_eq!(text("Read Me.txt;1"), "Read Me.txt");
        assert_eq!(text("trailing...;1"), "trailing");
        assert_eq!(text("..."), ".");
        assert_eq!(text(";1"), ";1");
        assert_eq!(text("v2.txt;2"), "v2.txt;2");
        assert_eq!(text("日本語 😀.txt"), "日本語 😀.txt");
        assert_eq!(joliet(&encode(&[0x61, 0xD83D, 0x62])), "ab");
        assert_eq!(joliet(&encode(&[0x61, 0xD83D])), "a");
        assert_eq!(joliet(&encode(&[0xD83D])), "\u{FFFD}");
        assert_eq!(joliet(&encode(&[0x61, 0, 0x62])), "a");
        assert_eq!(joliet(b"\0a\0"), "a");
        assert_eq!(text(&"語".repeat(103)), "語".repeat(85));
    }

    #[test]
    fn rock_ridge_names_are_put_together() {
        let put = |fields: &[(u8, &[u8])]| {
            let mut name = RockRidgeName::default();
            for (flags, text) in fields {
                name.push(*flags, text);
            }
            name.get().map(<[u8]>::to_vec)
        };
        assert_eq!(put(&[(1, b"Long"), (0, b"Name;1")]).unwrap(), b"LongName;1");
        assert_eq!(put(&[(2, b""), (4, b"x")]), None);
        assert_eq!(put(&[(0, b"cut\0off")]).unwrap(), b"cut");
        assert_eq!(put(&[(1, &[b'a'; 250]), (0, b"bcd")]).unwrap().len(), 253);
        assert_eq!(put(&[(1, &[b'a'; 250]), (1, b"bcde"), (0, b"f")]).unwrap().len(), 250);
    }

    proptest! {
        #[test]
        fn names_fit_into_a_path_component(identifier in proptest::collection::vec(any::<u8>(), 0..222)) {
            prop_assert!(plain(&identifier).len() <= LONGEST);
            prop_assert!(joliet(&identifier).len() <= LONGEST);
        }
    }
}
