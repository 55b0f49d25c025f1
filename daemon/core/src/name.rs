//! Names under which media are published: from a label that anyone may have written to one safe path component.

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use crate::medium::IdentityKey;

/// Bytes that a name without suffix may have, so that suffixes and extensions still fit into `NAME_MAX` (255).
pub const MAXIMUM_LENGTH: usize = 200;

/// Hexadecimal digits of the identity that tell two media of one name apart.
const SUFFIX_DIGITS: usize = 8;

/// One path component that is safe as a directory and in a URL: not empty, at most 255 bytes, no `/`, no control or
/// bidirectional formatting characters, no white space, and neither `_`, `.` nor `-` first.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Name(String);

/// A text that is no [`Name`].
#[derive(Debug, thiserror::Error)]
#[error("`{}` is not a name that a medium can be published under", .0.escape_debug())]
pub struct InvalidName(String);

impl Name {
    /// The name's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// This name for a medium whose plain name another one has: `~` and the first digits of its identity. Never a
    /// counter, so that it does not depend on who else is there.
    #[must_use]
    pub fn suffixed(&self, key: IdentityKey) -> Self {
        let plain = truncated(&self.0, MAXIMUM_LENGTH);
        Self(format!("{plain}~{}", &key.to_string()[..SUFFIX_DIGITS]))
    }

    /// Like [`Name::suffixed`] with all 32 digits, for the day on which eight are not enough.
    #[must_use]
    pub fn fully_suffixed(&self, key: IdentityKey) -> Self {
        Self(format!("{}~{key}", truncated(&self.0, MAXIMUM_LENGTH)))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.0)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl From<IdentityKey> for Name {
    /// 32 hexadecimal digits, for a medium that has nothing else to be called by.
    fn from(key: IdentityKey) -> Self {
        Self(key.to_string())
    }
}

impl TryFrom<String> for Name {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        let plain = without_suffix(&text).unwrap_or(&text);
        let is_valid = |plain: &str| sanitise(plain).is_some_and(|name| name.0 == plain);
        if is_valid(&text) || is_valid(plain) { Ok(Self(text)) } else { Err(InvalidName(text)) }
    }
}

/// Makes a name of any text, by the rules of [`Name`]; `None` where nothing is left of it.
#[must_use]
pub fn sanitise(text: &str) -> Option<Name> {
    let mut name = String::with_capacity(text.len());
    let mut in_space = false;
    for character in text.nfc() {
        if character.is_whitespace() {
            if !in_space {
                name.push('_');
            }
            in_space = true;
            continue;
        }
        in_space = false;
        name.push(if is_unsafe(character) { '_' } else { character });
    }
    let kept = name.trim_start_matches(['.', '-', '_']);
    let kept = truncated(kept, MAXIMUM_LENGTH);
    (!kept.is_empty()).then(|| Name(kept.to_owned()))
}

/// Characters that could leave the directory, move a terminal's cursor or turn the direction of what follows.
fn is_unsafe(character: char) -> bool {
    character == '/'
        || character.is_control()
        || matches!(character, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// The longest prefix of at most `length` bytes that ends between characters.
fn truncated(text: &str, length: usize) -> &str {
    &text[..text.floor_char_boundary(length)]
}

/// What stands before a `~` and the hexadecimal digits of an identity.
fn without_suffix(text: &str) -> Option<&str> {
    let (plain, digits) = text.rsplit_once('~')?;
    let is_suffix = matches!(digits.len(), SUFFIX_DIGITS | 32)
        && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_suffix.then_some(plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::medium::Identity;

    fn name_of(text: &str) -> Option<String> {
        sanitise(text).map(String::from)
    }

    #[test]
    fn labels_become_readable_names() {
        for (label, name) in [
            ("Rocky-9-2-x86_64-dvd", "Rocky-9-2-x86_64-dvd"),
            ("Debian 12.5.0 amd64 n", "Debian_12.5.0_amd64_n"),
            ("two  blanks\tand a tab", "two_blanks_and_a_tab"),
            ("e\u{301}te\u{301}", "\u{e9}t\u{e9}"),
            ("日本", "日本"),
        ] {
            assert_eq!(name_of(label).as_deref(), Some(name), "{label:?}");
        }
    }

    #[test]
    fn hostile_labels_become_harmless_names() {
        for (label, name) in [
            ("../../etc", Some("etc")),
            ("/", None),
            (".", None),
            ("..", None),
            ("", None),
            ("   ", None),
            ("*", Some("*")),
            ("-rf", Some("rf")),
            ("_", None),
            ("_/NAME.iso", Some("NAME.iso")),
            ("a/b", Some("a_b")),
            ("\u{1b}[31mred", Some("[31mred")),
            ("a\u{202e}b\u{2066}c", Some("a_b_c")),
            ("nul\0nul", Some("nul_nul")),
            ("<script>", Some("<script>")),
            ("a\u{2028}b", Some("a_b")),
        ] {
            assert_eq!(name_of(label).as_deref(), name, "{label:?}");
        }
    }

    #[test]
    fn a_long_label_is_cut_between_characters() {
        let name = name_of(&"日".repeat(126)).unwrap();
        assert_eq!(name, "日".repeat(66));
    }

    #[test]
    fn names_with_and_without_suffix_are_read_back_and_others_refused() {
        let key = Identity::Disc { device: 1, sequence: 2, size: 3 }.key();
        let plain = sanitise(&"x".repeat(300)).unwrap();
        for name in [plain.clone(), plain.suffixed(key), plain.fully_suffixed(key)] {
            assert!(name.as_str().len() <= 255);
            assert_eq!(Name::try_from(name.to_string()).unwrap(), name);
        }
        for text in ["", ".", "..", "_", "_x", "a/b", "a b", "../x", "~", "_~0123abcd", "a\u{1b}"] {
            let read = Name::try_from(text.to_owned());
            assert_eq!(read.is_ok(), text == "~", "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn every_text_gives_a_safe_component_or_nothing(text in any::<String>()) {
            if let Some(name) = sanitise(&text) {
                let name = name.as_str();
                prop_assert!(!name.is_empty() && name.len() <= MAXIMUM_LENGTH);
                prop_assert!(!name.contains('/') && !name.chars().any(|c| c.is_control() || c.is_whitespace()));
                prop_assert!(!name.starts_with(['.', '-', '_']));
            }
        }

        #[test]
        fn a_name_names_itself(text in any::<String>()) {
            if let Some(name) = sanitise(&text) {
                prop_assert_eq!(sanitise(name.as_str()), Some(name));
            }
        }
    }
}
