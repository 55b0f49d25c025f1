//! Addresses of documents and images.

use std::fmt;

use percent_encoding::percent_decode_str;

use super::RemoteName;
use crate::config::text::deserialize_from_text;

/// Bytes that an address may have.
const LONGEST: usize = 2000;

/// An absolute `http` or `https` URL without user information and fragment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Url(String);

deserialize_from_text!(Url);

/// A text that is no [`Url`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a URL: write it like `https://example.com/iso/`", .0.escape_debug())]
pub struct InvalidUrl(pub String);

impl Url {
    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Host and port.
    #[must_use]
    pub fn host(&self) -> &str {
        let rest = self.0.split_once("://").map_or("", |(_, rest)| rest);
        rest.split(['/', '?']).next().unwrap_or_default()
    }

    /// The directory that it lies in: itself where it ends with a slash.
    #[must_use]
    pub fn directory(&self) -> Self {
        let path = self.0.split('?').next().unwrap_or_default();
        let end = path.rfind('/').map_or(path.len(), |slash| slash + 1);
        Self(path[..end].to_owned())
    }

    /// The name of what it leads to, where it can be a file's.
    #[must_use]
    pub fn file_name(&self) -> Option<RemoteName> {
        let path = self.0.split('?').next().unwrap_or_default();
        let segment = path.rsplit('/').next().unwrap_or_default();
        RemoteName::new(&percent_decode_str(segment).decode_utf8().ok()?)
    }

    /// What `reference` means in a document that lies here (RFC 3986 section 5, without its fragment); `None` where that is
    /// no address of ours, or leads above the root.
    #[must_use]
    pub fn join(&self, reference: &str) -> Option<Self> {
        let reference = reference.trim().split('#').next().unwrap_or_default();
        let (scheme, rest) = self.0.split_once("://")?;
        if has_scheme(reference) {
            return Self::try_from(reference.to_owned()).ok();
        }
        if let Some(host) = reference.strip_prefix("//") {
            return Self::try_from(format!("{scheme}://{host}")).ok();
        }
        let host = rest.split(['/', '?']).next()?;
        let path = if reference.starts_with('/') {
            reference.to_owned()
        } else {
            let directory = self.directory();
            format!("{}{reference}", directory.0.get(scheme.len() + 3 + host.len()..)?)
        };
        let (path, query) = match path.split_once('?') {
            Some((path, query)) => (path, format!("?{query}")),
            None => (path.as_str(), String::new()),
        };
        Self::try_from(format!("{scheme}://{host}{}{query}", without_dots(path)?)).ok()
    }
}

/// Whether a reference begins with a scheme.
fn has_scheme(reference: &str) -> bool {
    reference.split_once(':').is_some_and(|(scheme, _)| {
        !scheme.is_empty()
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
            && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
    })
}

/// A path with its `.` and `..` taken out.
fn without_dots(path: &str) -> Option<String> {
    let mut segments: Vec<&str> = Vec::new();
    let ends_in_directory = path.ends_with('/') || path.ends_with("/.") || path.ends_with("/..");
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop()?;
            }
            segment => segments.push(segment),
        }
    }
    let slash = if ends_in_directory && !segments.is_empty() { "/" } else { "" };
    Some(format!("/{}{slash}", segments.join("/")))
}

impl TryFrom<String> for Url {
    type Error = InvalidUrl;

    fn try_from(text: String) -> Result<Self, InvalidUrl> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let host = rest.and_then(|rest| rest.split(['/', '?']).next());
        let is_host = |host: &str| {
            host.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '[')
                && host
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-.:[]_".contains(&byte))
        };
        let allowed = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}#".contains(&byte);
        let is_sound = text.len() <= LONGEST && text.bytes().all(allowed);
        if !is_sound || !host.is_some_and(is_host) {
            return Err(InvalidUrl(text));
        }
        let has_path = rest.is_some_and(|rest| rest.contains('/'));
        Ok(Self(if has_path { text } else { format!("{text}/") }))
    }
}

impl fmt::Display for Url {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn url(text: &str) -> Url {
        Url::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn references_are_followed_as_browsers_do() {
        let base = url("https://a.example/iso/9/index.html?C=M");
        for (reference, joined) in [
            ("x.iso", Some("https://a.example/iso/9/x.iso")),
            ("./x.iso", Some("https://a.example/iso/9/x.iso")),
            ("../10/", Some("https://a.example/iso/10/")),
            ("/x", Some("https://a.example/x")),
            ("//b.example/x", Some("https://b.example/x")),
            ("http://b.example", Some("http://b.example/")),
            ("?C=N;O=D", Some("https://a.example/iso/9/?C=N;O=D")),
            ("x.iso#top", Some("https://a.example/iso/9/x.iso")),
            ("../../../x", None),
            ("javascript:alert(1)", None),
            ("ftp://b/x", None),
            ("a b", None),
            ("https://user:secret@b.example/", None),
        ] {
            let found = base.join(reference);
            assert_eq!(found.as_ref().map(Url::as_str), joined, "{reference}");
        }
    }

    #[test]
    fn a_name_is_the_last_segment_and_only_if_it_is_a_sound_one() {
        for (text, name) in [
            ("https://a/b/c-1.0.iso", Some("c-1.0.iso")),
            ("https://a/b/c%2B1.iso?x=/y", Some("c+1.iso")),
            ("https://a/b/", None),
            ("https://a/%2e%2e", None),
            ("https://a/x%2fy", None),
            ("https://a/x%00y", None),
        ] {
            let found = url(text).file_name();
            assert_eq!(found.as_ref().map(RemoteName::as_str), name, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_joined_is_a_url_again(reference in "[ -~]{0,30}") {
            if let Some(joined) = url("https://a/b/c").join(&reference) {
                prop_assert_eq!(Url::try_from(joined.as_str().to_owned()), Ok(joined.clone()));
                prop_assert!(!joined.as_str().contains("/../"));
            }
        }
    }
}
