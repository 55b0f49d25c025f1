//! Regular expressions of signatures.

use regex::{Captures, Regex, RegexBuilder};

/// Bytes that a compiled expression may have.
const LARGEST: usize = 1 << 20;

/// An expression in the syntax of the crate `regex`, which matches in time linear in the text. Unanchored.
#[derive(Clone, Debug)]
pub(crate) struct Pattern(Regex);

/// Why a text is no expression.
#[derive(Debug, thiserror::Error)]
#[error("`{}` is not a regular expression: {reason}", text.escape_debug())]
pub(crate) struct InvalidPattern {
    text: String,
    reason: String,
}

impl TryFrom<String> for Pattern {
    type Error = InvalidPattern;

    fn try_from(text: String) -> Result<Self, InvalidPattern> {
        match RegexBuilder::new(&text).size_limit(LARGEST).build() {
            Ok(regex) => Ok(Self(regex)),
            Err(error) => {
                // The crate shows where it is in several lines, the last of which says what it is.
                let told = error.to_string();
                let last = told.lines().last().unwrap_or_default();
                let reason = last.trim_start_matches("error: ").to_owned();
                Err(InvalidPattern { text, reason })
            }
        }
    }
}

impl Pattern {
    /// Whether it matches somewhere in `text`.
    pub(crate) fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    /// Its groups in the first place of `text` that matches.
    pub(crate) fn captures<'t>(&self, text: &'t str) -> Option<Captures<'t>> {
        self.0.captures(text)
    }

    /// Names of its groups.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &str> {
        self.0.capture_names().flatten()
    }

    /// As it is written.
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said_in_a_line() {
        let error = Pattern::try_from("a(b".to_owned()).unwrap_err().to_string();
        assert_eq!(error, "`a(b` is not a regular expression: unclosed group");
        let error = Pattern::try_from("(?:a{1000}){1000}".to_owned()).unwrap_err().to_string();
        assert!(error.contains("exceeds size limit"), "{error}");
    }
}
