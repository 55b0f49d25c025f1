//! Files that the operator supplies and machines fetch when they boot.

use std::fmt;

use serde::Serialize;

use super::text::deserialize_from_text;

/// A URL of any scheme, or a path on the mirror that begins with a slash. It can stand in a script of iPXE as part of
/// one word: it has no blanks, quotes, or settings of iPXE.
///
/// It may hold a password, so it shows neither user information nor query where it is written to a log.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(into = "String")]
pub struct Resource(String);

deserialize_from_text!(Resource);

/// A text that is no [`Resource`]. It is not shown: it may hold a password.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a URL or a path on the mirror: write it like `https://example.com/host.ks` or `/answers/host.ks`"
)]
pub struct InvalidResource;

impl Resource {
    /// The URL, with `mirror` before it where it is a path.
    #[must_use]
    pub fn url(&self, mirror: &str) -> String {
        if self.0.starts_with('/') { format!("{mirror}{}", self.0) } else { self.0.clone() }
    }
}

impl TryFrom<String> for Resource {
    type Error = InvalidResource;

    fn try_from(text: String) -> Result<Self, InvalidResource> {
        let is_scheme = |scheme: &str| {
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
        };
        let is_url = text
            .split_once(':')
            .is_some_and(|(scheme, rest)| is_scheme(scheme) && !rest.trim_matches('/').is_empty());
        let is_path = text.starts_with('/') && !text.starts_with("//") && text.len() > 1;
        let allowed = |b: u8| b.is_ascii_graphic() && !b"\"'<>\\^`|#".contains(&b);
        let is_sound = text.bytes().all(allowed) && !text.contains("${");
        if (is_url || is_path) && is_sound { Ok(Self(text)) } else { Err(InvalidResource) }
    }
}

impl From<Resource> for String {
    fn from(resource: Resource) -> Self {
        resource.0
    }
}

impl fmt::Debug for Resource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = &self.0[..self.0.find('?').unwrap_or(self.0.len())];
        let shown = match text.split_once("://") {
            Some((scheme, rest)) => {
                let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                let host = authority.rsplit('@').next().unwrap_or_default();
                format!("{scheme}://{host}{path}")
            }
            None => text.to_owned(),
        };
        write!(formatter, "{shown:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_and_paths_of_the_mirror_are_taken_and_nothing_that_is_more_than_one_word() {
        for (text, url) in [
            ("/answers/a.ks", Some("http://m/answers/a.ks")),
            ("https://u:p@example.com/a?b=c&d", Some("https://u:p@example.com/a?b=c&d")),
            ("nfs:server:/a.ks", Some("nfs:server:/a.ks")),
            (
                "http://example.com/{MAC}.apkovl.tar.gz",
                Some("http://example.com/{MAC}.apkovl.tar.gz"),
            ),
            ("", None),
            ("/", None),
            ("//example.com/a", None),
            ("answers.ks", None),
            ("http://", None),
            (":a", None),
            ("http://a/b c", None),
            ("http://a/b\nshell", None),
            ("http://a/${net0/mac}", None),
            ("http://a/#b", None),
            ("http://a/b\\", None),
            ("http://a/ü", None),
        ] {
            let resource = Resource::try_from(text.to_owned()).ok();
            assert_eq!(resource.map(|r| r.url("http://m")).as_deref(), url, "{text}");
        }
    }

    #[test]
    fn what_is_logged_of_it_has_no_secrets() {
        for (text, shown) in [
            ("https://user:secret@example.com/a?token=secret", "\"https://example.com/a\""),
            ("http://secret@example.com?secret", "\"http://example.com\""),
            ("/a.ks?secret", "\"/a.ks\""),
        ] {
            assert_eq!(format!("{:?}", Resource::try_from(text.to_owned()).unwrap()), shown);
        }
    }
}
