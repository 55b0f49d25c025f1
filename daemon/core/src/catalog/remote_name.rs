//! Names that others gave to files.

use std::fmt;

/// Bytes that a name may have.
const LONGEST: usize = 200;

/// A file name that harms nothing wherever it is written: letters, digits and `._+~-`, no dot and no dash first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RemoteName(String);

impl RemoteName {
    /// `text`, where it is such a name.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._+~-".contains(&byte);
        let is_sound = !text.is_empty()
            && text.len() <= LONGEST
            && !text.starts_with(['.', '-'])
            && text.bytes().all(allowed);
        is_sound.then(|| Self(text.to_owned()))
    }

    /// The last part of a path like those in lists of digests: `./x.iso`, `v8/x.iso`.
    #[must_use]
    pub fn last_of(path: &str) -> Option<Self> {
        Self::new(path.rsplit('/').next()?)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RemoteName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_are_none() {
        for name in ["", ".", "..", ".x", "-rf", "a/b", "a b", "a\0", "a\n", "ä", "a%2e", "a;b"] {
            assert_eq!(RemoteName::new(name), None, "{name:?}");
        }
        assert!(RemoteName::new(&"a".repeat(201)).is_none());
        for name in ["a.iso", "debian-13.1.0+nonfree~1_amd64.iso"] {
            assert_eq!(RemoteName::new(name).unwrap().as_str(), name);
        }
        assert_eq!(RemoteName::last_of("./d/x.iso").unwrap().as_str(), "x.iso");
        assert_eq!(RemoteName::last_of("d/.."), None);
    }
}
