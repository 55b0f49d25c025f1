//! One line of a list.

use std::borrow::Cow;

use super::heading::Section;
use crate::digest::{Algorithm, Digest};

/// What a line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// A hash.
    Hash {
        /// The algorithm that the line itself names.
        tag: Option<Section>,
        /// Hexadecimal digits.
        digits: &'a str,
        /// The name as it stands there, escapes undone; `None` for a hash alone.
        name: Option<Cow<'a, str>>,
    },
    /// The size of a file, in a comment.
    Size {
        /// The name.
        name: &'a str,
        /// Bytes.
        bytes: u64,
    },
    /// Nothing.
    Blank,
    /// Something else.
    Other,
}

/// Digits of the shortest hash that is known, MD5.
const FEWEST_DIGITS: usize = 32;
/// Digits of the longest one.
const MOST_DIGITS: usize = 128;
/// What SUSE's `content` has before an algorithm.
const SUSE_KINDS: [&str; 3] = ["HASH", "META", "KEY"];

/// Reads one line, without its end.
pub(super) fn line(line: &str) -> Line<'_> {
    let line = line.trim();
    if line.is_empty() {
        return Line::Blank;
    }
    size(line)
        .or_else(|| tagged(line))
        .or_else(|| suse(line))
        .or_else(|| plain(line))
        .unwrap_or(Line::Other)
}

/// `# NAME: N bytes`, as Red Hat and its kin write it before a hash.
fn size(line: &str) -> Option<Line<'_>> {
    let text = line.strip_prefix('#')?.trim_start();
    let (name, number) = text.strip_suffix("bytes")?.trim_end().rsplit_once(": ")?;
    let bytes = number.trim().parse().ok()?;
    Some(Line::Size { name, bytes })
}

/// `SHA256 (NAME) = DIGITS` of BSD and of `sha256sum --tag`, `SHA2-256(NAME)= DIGITS` of OpenSSL.
fn tagged(line: &str) -> Option<Line<'_>> {
    let (line, is_escaped) = unescaped_start(line);
    let (tag, rest) = line.split_once('(')?;
    let (name, digits) = rest.rsplit_once(')')?;
    let digits = digits.trim_start().strip_prefix('=')?.trim_start();
    let tag = tag.trim_end();
    let is_tag = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '/' | '_');
    if tag.is_empty() || !tag.chars().all(is_tag) || !is_hash(digits) {
        return None;
    }
    Some(Line::Hash { tag: Some(named(tag)), digits, name: Some(unescaped(name, is_escaped)) })
}

/// `HASH SHA256 DIGITS  NAME`, in SUSE's `content`.
fn suse(line: &str) -> Option<Line<'_>> {
    let (kind, rest) = line.split_once(char::is_whitespace)?;
    let (tag, rest) = rest.trim_start().split_once(char::is_whitespace)?;
    let (digits, name) = rest.trim_start().split_once(char::is_whitespace)?;
    let is_one = SUSE_KINDS.contains(&kind) && is_hash(digits);
    let name = Some(Cow::Borrowed(name.trim_start()));
    is_one.then(|| Line::Hash { tag: Some(named(tag)), digits, name })
}

/// `DIGITS  NAME`, `DIGITS *NAME`, `sha256:DIGITS  NAME` and all of them without a name. A backslash before it says
/// that those of the name are escapes.
fn plain(line: &str) -> Option<Line<'_>> {
    let (line, is_escaped) = unescaped_start(line);
    let (hash, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    let (tag, digits) = match hash.split_once(':') {
        Some((tag, digits)) => (Some(named(tag)), digits),
        None => (None, hash),
    };
    if !is_hash(digits) {
        return None;
    }
    // `*` marks a file that was read as binary; after two blanks it is a part of the name.
    let name = rest.strip_prefix('*').unwrap_or_else(|| rest.trim_start());
    let name = (!name.is_empty()).then(|| unescaped(name, is_escaped));
    Some(Line::Hash { tag, digits, name })
}

fn named(tag: &str) -> Section {
    let tag = match tag.get(..5) {
        Some(start) if start.eq_ignore_ascii_case("sha2-") => {
            Cow::Owned(format!("sha{}", &tag[5..]))
        }
        _ => Cow::Borrowed(tag),
    };
    tag.parse().map_or(Section::Unknown, Section::Known)
}

fn is_hash(text: &str) -> bool {
    (FEWEST_DIGITS..=MOST_DIGITS).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn unescaped_start(line: &str) -> (&str, bool) {
    line.strip_prefix('\\').map_or((line, false), |line| (line, true))
}

/// Undoes the escapes of GNU coreutils. A backslash that escapes nothing stays, and makes the name one that is refused.
fn unescaped(name: &str, is_escaped: bool) -> Cow<'_, str> {
    if !is_escaped || !name.contains('\\') {
        return name.into();
    }
    let mut result = String::with_capacity(name.len());
    let mut characters = name.chars();
    while let Some(character) = characters.next() {
        match (character, characters.as_str().chars().next()) {
            ('\\', Some(escaped @ ('n' | 'r' | '\\'))) => {
                characters.next();
                result.push(match escaped {
                    'n' => '\n',
                    'r' => '\r',
                    other => other,
                });
            }
            _ => result.push(character),
        }
    }
    result.into()
}

/// The digest that `digits` are: by what the line or its section says, else by `hint`, else by their number.
pub(super) fn digest(
    stated: Option<Section>,
    hint: Option<Algorithm>,
    digits: &str,
) -> Option<Digest> {
    let by_length = || match digits.len() {
        32 => Some(Algorithm::Md5),
        40 => Some(Algorithm::Sha1),
        64 => Some(Algorithm::Sha256),
        96 => Some(Algorithm::Sha384),
        128 => Some(Algorithm::Sha512),
        _ => None,
    };
    let algorithm = match stated {
        Some(Section::Known(algorithm)) => algorithm,
        Some(Section::Unknown) => return None,
        None => hint.filter(|hint| hint.length() * 2 == digits.len()).or_else(by_length)?,
    };
    Digest::from_hex(algorithm, digits).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUM: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn parts(text: &str) -> (Option<Section>, Option<String>) {
        match line(text) {
            Line::Hash { tag, digits, name } => {
                assert_eq!(digits, SUM, "{text}");
                (tag, name.map(Cow::into_owned))
            }
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn every_form_of_a_line_is_read() {
        let name = |text: &str| Some(text.to_owned());
        let sha256 = Some(Section::Known(Algorithm::Sha256));
        for (text, expected) in [
            (format!("{SUM}  a b.iso"), (None, name("a b.iso"))),
            (format!("{SUM} *a.iso"), (None, name("a.iso"))),
            (format!("{SUM}  *a.iso"), (None, name("*a.iso"))),
            (format!("{SUM}\ta.iso\r"), (None, name("a.iso"))),
            (format!("\\{SUM}  a\\\\b\\nc"), (None, name("a\\b\nc"))),
            (format!("{SUM}  a\\\\b"), (None, name("a\\\\b"))),
            (SUM.to_owned(), (None, None)),
            (format!("sha256:{SUM}"), (sha256, None)),
            (format!("SHA256 (a (1).iso) = {SUM}"), (sha256, name("a (1).iso"))),
            (format!("SHA2-256(a.iso)= {SUM}"), (sha256, name("a.iso"))),
            (format!("BLAKE3 (a.iso) = {SUM}"), (Some(Section::Unknown), name("a.iso"))),
            (format!("SHA512/256 (a.iso) = {SUM}"), (Some(Section::Unknown), name("a.iso"))),
            (format!("HASH SHA256 {SUM}  boot/a"), (sha256, name("boot/a"))),
        ] {
            assert_eq!(parts(&text), expected, "{text}");
        }
        assert_eq!(line("# a: b.iso: 12 bytes"), Line::Size { name: "a: b.iso", bytes: 12 });
        assert_eq!(line(" \t\r"), Line::Blank);
    }

    #[test]
    fn what_is_no_hash_is_something_else() {
        for text in ["abc  a.iso", "# a: -1 bytes", "SHA256 (a) = 12", "hello world", "= ", ")("] {
            assert_eq!(line(text), Line::Other, "{text}");
        }
        assert_eq!(line(&format!("{SUM}g  a")), Line::Other);
    }

    #[test]
    fn the_number_of_digits_decides_only_where_nothing_else_does() {
        let algorithm = |stated, hint, digits| {
            digest(stated, hint, &"0".repeat(digits)).map(|digest| digest.algorithm())
        };
        assert_eq!(algorithm(None, None, 64), Some(Algorithm::Sha256));
        assert_eq!(algorithm(None, Some(Algorithm::Blake2b), 128), Some(Algorithm::Blake2b));
        assert_eq!(algorithm(None, Some(Algorithm::Sha512), 64), Some(Algorithm::Sha256));
        assert_eq!(algorithm(Some(Section::Unknown), Some(Algorithm::Sha256), 64), None);
        assert_eq!(algorithm(Some(Section::Known(Algorithm::Sha512)), None, 64), None);
        assert_eq!(algorithm(None, None, 56), None);
    }
}
