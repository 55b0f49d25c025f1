//! `.discinfo` of Red Hat's family: a line each with the time of its making, what it is, its architecture, its discs.

use crate::boot::facts::Facts;

/// What a `.discinfo` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiscInfo {
    /// The first line: a number with a fraction, which `media.repo` repeats as its media id.
    pub media_id: Option<String>,
    /// The second: what it is, like `Rocky Linux 9.7`.
    pub description: Option<String>,
    /// The third.
    pub arch: Option<String>,
    /// The fourth: `ALL`, or numbers of discs.
    pub discs: Option<String>,
}

impl DiscInfo {
    /// Reads `bytes`.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let mut lines = text.lines().map(str::trim);
        let mut next = || lines.next().filter(|line| !line.is_empty()).map(str::to_owned);
        Self { media_id: next(), description: next(), arch: next(), discs: next() }
    }

    /// What it tells of the system: the description ends with the version, if any word of it is one.
    #[must_use]
    pub fn facts(&self) -> Facts {
        let (name, version) = match &self.description {
            Some(description) => name_and_version(description),
            None => (None, None),
        };
        Facts { name, version, arch: self.arch.clone(), ..Facts::default() }
    }
}

/// Splits `Rocky Linux 9.7` before the first word that begins with a digit.
pub(super) fn name_and_version(text: &str) -> (Option<String>, Option<String>) {
    let words: Vec<_> = text.split_whitespace().collect();
    let is_version = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit());
    let at = words.iter().position(is_version).unwrap_or(words.len());
    let name = words[..at].join(" ");
    let version = words.get(at).map(|version| (*version).to_owned());
    ((!name.is_empty()).then_some(name), version)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_have_their_meaning_by_their_order() {
        let info =
            DiscInfo::parse(b"1582647234.022611\nRed Hat Enterprise Linux 7.8\nx86_64\nALL\n");
        assert_eq!(info.media_id.as_deref(), Some("1582647234.022611"));
        assert_eq!(info.discs.as_deref(), Some("ALL"));
        let facts = info.facts();
        assert_eq!(facts.name.as_deref(), Some("Red Hat Enterprise Linux"));
        assert_eq!(
            (facts.version.as_deref(), facts.arch.as_deref()),
            (Some("7.8"), Some("x86_64"))
        );
        assert_eq!(DiscInfo::parse(b"").facts(), Facts::default());
        assert_eq!(DiscInfo::parse(b"1\n39\n").facts().version.as_deref(), Some("39"));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = DiscInfo::parse(&bytes).facts();
        }
    }
}
