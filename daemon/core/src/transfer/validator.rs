//! By what two answers are known to be of the same file (RFC 9110 section 8.8).

use serde::{Deserialize, Serialize};

use crate::http::parse_date;

/// Seconds by which a file must be older than the answer for its date to tell it from a later one of the same second
/// (RFC 9110 section 8.8.2.2 leaves the margin to the recipient).
const SETTLED: i64 = 60;

/// What a server says about the state of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validator {
    /// `ETag`, verbatim, also a weak one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// `Last-Modified`, verbatim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
    /// Whether the date is old enough to tell one state from all others.
    #[serde(default)]
    pub is_settled: bool,
}

impl Validator {
    /// Of an answer's header fields `ETag`, `Last-Modified` and `Date`.
    #[must_use]
    pub fn of_fields(etag: Option<&str>, modified: Option<&str>, date: Option<&str>) -> Self {
        let seconds = |text: Option<&str>| text.and_then(|text| parse_date(text.as_bytes()));
        let age = seconds(date).zip(seconds(modified)).map(|(date, modified)| date - modified);
        Self {
            etag: etag.filter(|tag| is_entity_tag(tag)).map(str::to_owned),
            last_modified: modified.filter(|_| seconds(modified).is_some()).map(str::to_owned),
            is_settled: age.is_some_and(|age| age >= SETTLED),
        }
    }

    /// What can stand in `If-Range`: only what differs for any two files that differ. A weak tag never can.
    #[must_use]
    pub fn if_range(&self) -> Option<&str> {
        match &self.etag {
            Some(tag) if !is_weak(tag) => Some(tag),
            Some(_) | None if self.is_settled => self.last_modified.as_deref(),
            _ => None,
        }
    }

    /// Whether the two say that the file has changed. What one of them does not say tells nothing.
    #[must_use]
    pub fn contradicts(&self, other: &Self) -> bool {
        let differ = |one: &Option<String>, two: &Option<String>| {
            one.as_ref().zip(two.as_ref()).is_some_and(|(one, two)| one != two)
        };
        differ(&self.etag, &other.etag) || differ(&self.last_modified, &other.last_modified)
    }

    /// Whether the two are surely of the same bytes.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.if_range().is_some() && self.if_range() == other.if_range() && !self.contradicts(other)
    }
}

fn is_weak(tag: &str) -> bool {
    tag.starts_with("W/")
}

/// Whether it is a quoted tag without anything that a header field cannot hold.
fn is_entity_tag(tag: &str) -> bool {
    let opaque = tag.strip_prefix("W/").unwrap_or(tag);
    let inner = opaque.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.is_some_and(|inner| {
        inner.len() <= 1024 && inner.bytes().all(|byte| byte > b' ' && byte != b'"' && byte != 127)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const NOW: &str = "Sun, 06 Nov 1994 09:49:37 GMT";

    #[test]
    fn only_what_tells_every_change_is_put_into_if_range() {
        let of = Validator::of_fields;
        assert_eq!(of(Some("\"a\""), Some(OLD), Some(NOW)).if_range(), Some("\"a\""));
        assert_eq!(of(Some("W/\"a\""), Some(OLD), Some(NOW)).if_range(), Some(OLD));
        assert_eq!(of(Some("W/\"a\""), None, Some(NOW)).if_range(), None);
        // Changed in this very minute: it may change once more in it.
        assert_eq!(of(None, Some(NOW), Some(NOW)).if_range(), None);
        assert_eq!(of(None, Some(OLD), None).if_range(), None);
    }

    #[test]
    fn what_is_no_tag_or_date_is_nothing() {
        for tag in ["a", "\"", "\"a\"b\"", "\"a\r\nHost: b\"", "w/\"a\""] {
            assert_eq!(Validator::of_fields(Some(tag), Some("soon"), None), Validator::default());
        }
    }

    #[test]
    fn files_differ_when_any_field_does() {
        let one = Validator::of_fields(Some("\"a\""), Some(OLD), Some(NOW));
        assert!(one.is_same(&one) && !one.contradicts(&Validator::default()));
        let other = Validator { last_modified: Some(NOW.into()), ..one.clone() };
        assert!(one.contradicts(&other) && !one.is_same(&other));
        assert!(!Validator::default().is_same(&Validator::default()));
    }
}
