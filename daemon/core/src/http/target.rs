//! The path that a request asks for.
//!
//! Decoding happens once and before anything is looked up, so that no later step can be surprised by an encoded
//! slash or dot. What comes out names nothing above the root.

use percent_encoding::percent_decode;

/// A decoded and normalised path: no segment is empty, `.`, `..`, nor has a `/` or NUL in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    bytes: Vec<u8>,
    trailing_slash: bool,
}

/// Why a request target names nothing that could be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTarget {
    /// Neither a path nor an absolute `http` or `https` URI.
    #[error("the target is neither a path nor an http URI")]
    Form,
    /// `%` is not followed by two hexadecimal digits.
    #[error("the target has a broken percent-encoding")]
    Encoding,
    /// A segment decodes to something with `/` or NUL in it.
    #[error("the target has an encoded slash or NUL")]
    Byte,
    /// `..` leads above the root.
    #[error("the target leaves the root")]
    Escape,
}

impl Target {
    /// Decodes a request target (RFC 9112 section 3.2) in origin or absolute form. The query is not looked at.
    pub fn parse(target: &str) -> Result<Self, InvalidTarget> {
        let path = path_of(target)?;
        // The usual target has nothing to decode or to resolve.
        if !path.contains('%') && !path.contains("//") && !path.contains("/.") {
            return Ok(Self {
                bytes: path.trim_matches('/').as_bytes().to_vec(),
                trailing_slash: path.ends_with('/'),
            });
        }
        Self::resolve(path)
    }

    fn resolve(path: &str) -> Result<Self, InvalidTarget> {
        let mut segments: Vec<Vec<u8>> = Vec::new();
        let mut trailing_slash = false;
        for encoded in path.split('/') {
            let segment = decode(encoded)?;
            trailing_slash = matches!(segment.as_slice(), b"" | b"." | b"..");
            match segment.as_slice() {
                b"" | b"." => {}
                b".." => {
                    segments.pop().ok_or(InvalidTarget::Escape)?;
                }
                _ => segments.push(segment),
            }
        }
        Ok(Self { bytes: segments.join(&b'/'), trailing_slash })
    }

    /// The segments from the root on.
    pub fn segments(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.split(|byte| *byte == b'/').filter(|segment| !segment.is_empty())
    }

    /// The segments joined by `/`, without one at either end; empty for the root.
    #[must_use]
    pub fn path(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether a directory was asked for: the path ends with `/`, or with a dot segment.
    #[must_use]
    pub fn has_trailing_slash(&self) -> bool {
        self.trailing_slash
    }
}

/// The path of a target in origin form (`/a?b`) or absolute form (`http://host/a?b`).
fn path_of(target: &str) -> Result<&str, InvalidTarget> {
    let target = &target[..target.find(['?', '#']).unwrap_or(target.len())];
    if target.starts_with('/') {
        return Ok(target);
    }
    let (scheme, rest) = target.split_once("://").ok_or(InvalidTarget::Form)?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err(InvalidTarget::Form);
    }
    let authority_end = rest.find('/').unwrap_or(rest.len());
    if authority_end == 0 {
        return Err(InvalidTarget::Form);
    }
    let path = &rest[authority_end..];
    Ok(if path.is_empty() { "/" } else { path })
}

fn decode(segment: &str) -> Result<Vec<u8>, InvalidTarget> {
    let sound = segment
        .split('%')
        .skip(1)
        .all(|after| after.len() >= 2 && after.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit));
    if !sound {
        return Err(InvalidTarget::Encoding);
    }
    let decoded: Vec<u8> = percent_decode(segment.as_bytes()).collect();
    if decoded.iter().any(|byte| matches!(byte, 0 | b'/')) {
        return Err(InvalidTarget::Byte);
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn targets_are_decoded_once_and_normalised() {
        let sound: [(&str, &[u8], bool); 17] = [
            ("/", b"", true),
            ("/a", b"a", false),
            ("/a/", b"a/", true),
            ("/a/b?c=/../d", b"a/b", false),
            ("/a#fragment", b"a", false),
            ("//a///b", b"a/b", false),
            ("//evil.example/..", b"", true),
            ("/a/./b/../c", b"a/c", false),
            ("/a/%2e%2E/b", b"b", false),
            ("/a/.", b"a", true),
            ("/a/b/..", b"a", true),
            ("/a%20b", b"a b", false),
            ("/%252e%252e", b"%2e%2e", false),
            ("/%ff%FE", b"\xff\xfe", false),
            ("/...", b"...", false),
            ("http://host:1/a/b", b"a/b", false),
            ("HTTP://host?q", b"", true),
        ];
        for (text, path, trailing_slash) in sound {
            let target = Target::parse(text).unwrap();
            let expected = path.strip_suffix(b"/").unwrap_or(path);
            assert_eq!(
                (target.path(), target.has_trailing_slash()),
                (expected, trailing_slash),
                "{text}"
            );
        }
    }

    #[test]
    fn targets_that_could_mean_something_else_are_refused() {
        for (text, error) in [
            ("", InvalidTarget::Form),
            ("*", InvalidTarget::Form),
            ("a/b", InvalidTarget::Form),
            ("ftp://host/a", InvalidTarget::Form),
            ("http:///a", InvalidTarget::Form),
            ("host:443", InvalidTarget::Form),
            ("/a%2Fb", InvalidTarget::Byte),
            ("/a%2fb", InvalidTarget::Byte),
            ("/a%00", InvalidTarget::Byte),
            ("/%", InvalidTarget::Encoding),
            ("/%4", InvalidTarget::Encoding),
            ("/%zz", InvalidTarget::Encoding),
            ("/%é0", InvalidTarget::Encoding),
            ("/..", InvalidTarget::Escape),
            ("/a/../..", InvalidTarget::Escape),
            ("/a/%2e%2e/%2e%2e/etc/passwd", InvalidTarget::Escape),
            ("/.%2e/x", InvalidTarget::Escape),
        ] {
            assert_eq!(Target::parse(text), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_segment_is_ever_empty_a_dot_segment_or_has_a_separator(
            text in "(/|//|\\.|%2e|%2E|%2f|%00|%|a|é|%ff|http://|\\?|#|%25){0,24}",
        ) {
            if let Ok(target) = Target::parse(&text) {
                for segment in target.segments() {
                    prop_assert!(!matches!(segment, b"" | b"." | b".."));
                    prop_assert!(!segment.iter().any(|byte| matches!(byte, 0 | b'/')));
                }
                let joined = target.segments().collect::<Vec<_>>().join(&b'/');
                prop_assert_eq!(joined.as_slice(), target.path());
            }
        }

        #[test]
        fn every_name_that_a_directory_can_have_comes_back_from_its_encoding(
            name in proptest::collection::vec(1..=255u8, 1..40),
        ) {
            prop_assume!(!name.contains(&b'/') && name != b"." && name != b"..");
            let text = format!("/x/{}", percent_encode(&name, NON_ALPHANUMERIC));
            let target = Target::parse(&text).unwrap();
            prop_assert_eq!(target.segments().nth(1).unwrap(), name.as_slice());
        }
    }
}
