//! Names of entries.

use std::fmt;

use crate::config::text::deserialize_from_text;

/// An entry's name in the configuration, in documents and in the store: lower-case letters, digits, dots,
/// dashes and underscores.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(String);

deserialize_from_text!(EntryId);

/// A text that is no id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not an id: use lower-case letters, digits, `.`, `-` and `_`", .0.escape_debug())]
pub struct InvalidEntryId(String);

impl EntryId {
    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for EntryId {
    type Error = InvalidEntryId;

    fn try_from(text: String) -> Result<Self, InvalidEntryId> {
        let allowed =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
        let is_sound = (1..=100).contains(&text.len())
            && text.bytes().all(allowed)
            && !text.starts_with(['.', '-', '_'])
            && !text.contains("..");
        if is_sound { Ok(Self(text)) } else { Err(InvalidEntryId(text)) }
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}
