//! Entity tags (RFC 9110 section 8.8.3).

use std::fmt::{self, Write};

use sha2::{Digest, Sha256};

use crate::{
    image::{NodeId, Timestamp},
    medium::IdentityKey,
};

/// A strong entity tag, with its quotes. Equal tags mean equal bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityTag(String);

impl EntityTag {
    /// The tag of a file. The medium's identity makes it another one as soon as another medium has the same name;
    /// the rest tells the files of one medium apart.
    #[must_use]
    pub fn of_file(medium: IdentityKey, file: NodeId, size: u64, modified: Timestamp) -> Self {
        let Timestamp { seconds, nanoseconds } = modified;
        Self(format!("\"{medium}-{:x}-{size:x}-{seconds:x}.{nanoseconds:x}\"", file.0))
    }

    /// The tag of a whole medium.
    #[must_use]
    pub fn of_medium(medium: IdentityKey) -> Self {
        Self(format!("\"{medium}\""))
    }

    /// The tag of a rendered document: equal documents have equal tags, whoever rendered them.
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        Self::of_bytes(text.as_bytes())
    }

    /// The tag of a rendered file.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let mut tag = String::from("\"");
        for byte in &Sha256::digest(bytes)[..16] {
            // Writing to a String cannot fail.
            let _ = write!(tag, "{byte:02x}");
        }
        tag.push('"');
        Self(tag)
    }

    /// The tag as it stands in a header field.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether one of the tags in a list of header field values is this one. Weak tags are equal to it only by
    /// `weakly` comparing them. A broken list ends where it breaks.
    #[must_use]
    pub(super) fn is_listed(&self, lists: &[&[u8]], weakly: bool) -> bool {
        lists
            .iter()
            .any(|list| tags(list).any(|(weak, tag)| tag == self.0.as_bytes() && (weakly || !weak)))
    }
}

impl fmt::Display for EntityTag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The tags of one list: whether each is weak, and its quoted text.
fn tags(mut list: &[u8]) -> impl Iterator<Item = (bool, &[u8])> {
    std::iter::from_fn(move || {
        while let [b' ' | b'\t' | b',', rest @ ..] = list {
            list = rest;
        }
        let (weak, quoted) = match list {
            [b'W', b'/', rest @ ..] => (true, rest),
            _ => (false, list),
        };
        let inner = quoted.strip_prefix(b"\"")?;
        let end = 2 + inner.iter().position(|byte| *byte == b'"')?;
        list = &quoted[end..];
        Some((weak, &quoted[..end]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(text: &str) -> EntityTag {
        EntityTag(text.to_owned())
    }

    #[test]
    fn tags_are_found_in_lists_by_the_comparison_asked_for() {
        for (list, strongly, weakly) in [
            (r#""a""#, true, true),
            (r#"W/"a""#, false, true),
            (r#""b", "a""#, true, true),
            (r#""b" ,,W/"a" , "c""#, false, true),
            (r#""b, a""#, false, false),
            ("a", false, false),
            (r#""b" a "a""#, false, false),
            ("\"", false, false),
            ("", false, false),
        ] {
            let lists = [list.as_bytes()];
            assert_eq!(tag(r#""a""#).is_listed(&lists, false), strongly, "{list}");
            assert_eq!(tag(r#""a""#).is_listed(&lists, true), weakly, "{list}");
        }
        assert!(tag(r#""a""#).is_listed(&[br#""b""#, br#""a""#], false));
    }

    #[test]
    fn whatever_may_change_the_bytes_changes_the_tag() {
        let key = "00112233445566778899aabbccddeeff".parse::<IdentityKey>().unwrap();
        let other = "10112233445566778899aabbccddeeff".parse::<IdentityKey>().unwrap();
        let time = Timestamp { seconds: -1, nanoseconds: 5 };
        let base = EntityTag::of_file(key, NodeId(255), 16, time);
        assert_eq!(base.as_str(), "\"00112233445566778899aabbccddeeff-ff-10-ffffffffffffffff.5\"");
        for changed in [
            EntityTag::of_file(other, NodeId(255), 16, time),
            EntityTag::of_file(key, NodeId(254), 16, time),
            EntityTag::of_file(key, NodeId(255), 17, time),
            EntityTag::of_file(key, NodeId(255), 16, Timestamp { nanoseconds: 6, ..time }),
            EntityTag::of_medium(key),
            EntityTag::of_text(""),
        ] {
            assert_ne!(base, changed);
        }
    }
}
