//! Versions that are kept whatever comes.

use std::{fmt, str::FromStr};

use serde::Serialize;

use super::text::deserialize_from_text;
use crate::transfer::entry::is_safe_name;

/// A version of an entry of the catalog, written `ID/VERSION`: `debian-13-netinst-amd64/13.1.0`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub struct PinnedVersion {
    id: String,
    version: String,
}

deserialize_from_text!(PinnedVersion);

/// A text that is no [`PinnedVersion`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is not a version of an entry: write it like `debian-13-netinst-amd64/13.1.0`",
    .0.escape_debug()
)]
pub struct InvalidPinnedVersion(String);

impl PinnedVersion {
    /// Whether it is this one.
    #[must_use]
    pub fn is(&self, id: &str, version: &str) -> bool {
        self.id == id && self.version == version
    }
}

impl FromStr for PinnedVersion {
    type Err = InvalidPinnedVersion;

    fn from_str(text: &str) -> Result<Self, InvalidPinnedVersion> {
        let parts = text.split_once('/');
        parts
            .filter(|(id, version)| is_safe_name(id) && is_safe_name(version))
            .map(|(id, version)| Self { id: id.to_owned(), version: version.to_owned() })
            .ok_or_else(|| InvalidPinnedVersion(text.to_owned()))
    }
}

impl fmt::Display for PinnedVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.id, self.version)
    }
}

impl From<PinnedVersion> for String {
    fn from(pinned: PinnedVersion) -> Self {
        pinned.to_string()
    }
}

impl TryFrom<String> for PinnedVersion {
    type Error = InvalidPinnedVersion;

    fn try_from(text: String) -> Result<Self, InvalidPinnedVersion> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_and_a_version_are_read_and_nothing_else() {
        let pinned: PinnedVersion = "debian-13/13.1.0".parse().unwrap();
        assert!(pinned.is("debian-13", "13.1.0") && !pinned.is("debian-13", "13.1"));
        assert_eq!(pinned.to_string(), "debian-13/13.1.0");
        for wrong in ["debian", "debian/", "/1", "a/../b", "a/.b", "a/b/c"] {
            assert!(wrong.parse::<PinnedVersion>().is_err(), "{wrong}");
        }
    }
}
