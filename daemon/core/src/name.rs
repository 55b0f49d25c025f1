//! Names under which media are published: from a label that anyone may have written to one safe path component.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Bytes that a name without suffix may have, so that suffixes and extensions still fit into NAME_MAX (255).
pub const MAXIMUM_LENGTH: usize = 200;

/// One path component that is safe as a directory and in a URL: not empty, at most 255 bytes, no `/`, no control or
/// bidi characters, no white space, and neither `_`, `.` nor `-` first.
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

impl TryFrom<String> for Name {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        match sanitise(&text) {
            Some(name) if name.0 == text => Ok(name),
            _ if is_suffixed(&text) => Ok(Self(text)),
            _ => Err(InvalidName(text)),
        }
    }
}

/// Makes a name of any text, by the rules of [`Name`]; `None` where nothing is left.
#[must_use]
pub fn sanitise(text: &str) -> Option<Name> {
    let _ = text;
    None
}

fn is_suffixed(_text: &str) -> bool {
    false
}
