//! Patterns of names, which always mean the whole name.

use std::collections::BTreeMap;

use regex::{Regex, RegexBuilder};

use crate::config::text::deserialize_from_text;

/// Bytes that a compiled expression may have.
const LARGEST: usize = 1 << 20;

/// A regular expression in the syntax of the crate `regex`, whose time is linear in the text. It fits whole texts only: no
/// name that merely ends or begins like another is taken for it.
#[derive(Clone, Debug)]
pub struct NamePattern {
    written: String,
    whole: Regex,
}

deserialize_from_text!(NamePattern);

/// A text that is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a regular expression: {reason}", text.escape_debug())]
pub struct InvalidNamePattern {
    text: String,
    reason: String,
}

impl NamePattern {
    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// Whether all of `text` is like this.
    #[must_use]
    pub fn fits(&self, text: &str) -> bool {
        self.whole.is_match(text)
    }

    /// What the named groups hold, if all of `text` is like this.
    #[must_use]
    pub fn groups(&self, text: &str) -> Option<BTreeMap<String, String>> {
        let captures = self.whole.captures(text)?;
        let group = |name: &str| Some((name.to_owned(), captures.name(name)?.as_str().to_owned()));
        Some(self.group_names().filter_map(group).collect())
    }

    /// Names of its groups.
    pub fn group_names(&self) -> impl Iterator<Item = &str> {
        self.whole.capture_names().flatten()
    }
}

impl TryFrom<String> for NamePattern {
    type Error = InvalidNamePattern;

    fn try_from(text: String) -> Result<Self, InvalidNamePattern> {
        // By itself first: `a)|(b` must not get out of the group that anchors it.
        let build = |text: &str| RegexBuilder::new(text).size_limit(LARGEST).build();
        match build(&text).and_then(|_| build(&format!(r"\A(?:{text})\z"))) {
            Ok(whole) => Ok(Self { written: text, whole }),
            Err(error) => {
                let told = error.to_string();
                let last = told.lines().last().unwrap_or_default();
                let reason = last.trim_start_matches("error: ").to_owned();
                Err(InvalidNamePattern { text, reason })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_fits_whole_names_only() {
        let pattern =
            NamePattern::try_from(r"CorePure64-(?P<version>\d+\.\d+)\.iso".to_owned()).unwrap();
        assert_eq!(pattern.groups("CorePure64-17.1.iso").unwrap()["version"], "17.1");
        for name in
            ["TinyCorePure64-17.1.iso", "CorePure64-17.1.iso.zsync", "CorePure64-17.1.iso\n"]
        {
            assert!(!pattern.fits(name), "{name}");
        }
        let alternatives = NamePattern::try_from("a|b".to_owned()).unwrap();
        assert!(alternatives.fits("b") && !alternatives.fits("ab"));
    }

    #[test]
    fn what_is_no_pattern_says_why() {
        for text in ["a)|(b", "(", "(?:a{1000}){1000}", "(?P<x>a)(?P<x>b)"] {
            let error = NamePattern::try_from(text.to_owned()).unwrap_err().to_string();
            assert!(error.contains("is not a regular expression: "), "{error}");
        }
    }
}
