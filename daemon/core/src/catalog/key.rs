//! How the catalog names the keys that it trusts.

use std::fmt;

use crate::config::text::deserialize_from_text;

/// Fingerprint of an `OpenPGP` key (40 or 64 upper-case hexadecimal digits), or name of a `minisign` or `signify` key. It is
/// the name of the key's file too, without `.asc` or `.pub`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(String);

deserialize_from_text!(KeyId);

/// A text that is no [`KeyId`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a key: write a whole fingerprint, or the name of a key file", .0.escape_debug())]
pub struct InvalidKeyId(String);

impl KeyId {
    /// The fingerprint or name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is a whole fingerprint of `OpenPGP`.
    #[must_use]
    pub fn is_fingerprint(&self) -> bool {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'A'..=b'F');
        matches!(self.0.len(), 40 | 64) && self.0.bytes().all(is_digit)
    }
}

impl TryFrom<String> for KeyId {
    type Error = InvalidKeyId;

    fn try_from(text: String) -> Result<Self, InvalidKeyId> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let is_sound = (1..=100).contains(&text.len())
            && !text.starts_with(['.', '-'])
            && text.bytes().all(allowed);
        if is_sound { Ok(Self(text)) } else { Err(InvalidKeyId(text)) }
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
