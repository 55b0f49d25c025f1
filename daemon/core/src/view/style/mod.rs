//! The dress that all pages share, and the policy that keeps browsers to it.

use std::{fmt::Write, sync::LazyLock};

use sha2::{Digest, Sha256};

use super::{escape::html, page};

/// The style of listings, and the base of the others'.
const STYLE: &str = include_str!("style.css");

/// What browsers may do with pages; see [`content_security_policy`].
static POLICY: LazyLock<String> =
    LazyLock::new(|| format!("{}; frame-ancestors 'none'", *PAGE_POLICY));

/// The same as far as a page may state it itself, where another server hands it out.
pub(super) static PAGE_POLICY: LazyLock<String> = LazyLock::new(|| {
    format!(
        "default-src 'none'; style-src {} {}; script-src {}; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'",
        source_hash(STYLE),
        source_hash(page::STYLE),
        source_hash(page::SCRIPT),
    )
});

/// Value of the `Content-Security-Policy` of rendered pages: nothing from anywhere, and no style and no script but
/// those that are built in, which are known by their digests. Even a name that escaped its escaping could not do
/// anything.
#[must_use]
pub fn content_security_policy() -> &'static str {
    &POLICY
}

/// Everything up to the page's content; `title` is escaped here.
pub(super) fn begin_page(out: &mut String, title: &str) {
    begin_head(out, title);
    end_head(out);
    // Writing to a String cannot fail.
    let _ = writeln!(out, "<h1>{}</h1>", html(title));
}

/// The page up to where more can be put into its head.
pub(super) fn begin_head(out: &mut String, title: &str) {
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{}</title>\n<style>{STYLE}</style>\n",
        html(title)
    );
}

/// What follows [`begin_head`].
pub(super) fn end_head(out: &mut String) {
    out.push_str("</head>\n<body>\n");
}

/// Everything after the page's content.
pub(super) fn end_page(out: &mut String) {
    out.push_str("</body>\n</html>\n");
}

/// A style or script as a source of a policy (Content Security Policy Level 3, section 2.3.1).
fn source_hash(text: &str) -> String {
    format!("'sha256-{}'", base64(&Sha256::digest(text.as_bytes())))
}

/// RFC 4648 section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |three: &[u8]| {
        let bits = three.iter().fold(0, |bits, byte| bits << 8 | usize::from(*byte));
        let bits = bits << (8 * (3 - three.len()));
        let digit = move |place: usize| {
            let is_there = place <= three.len();
            if is_there { char::from(DIGITS[bits >> (18 - 6 * place) & 63]) } else { '=' }
        };
        [digit(0), digit(1), digit(2), digit(3)]
    };
    bytes.chunks(3).flat_map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_its_standard() {
        for (text, encoded) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")]
        {
            assert_eq!(base64(text.as_bytes()), encoded);
        }
    }

    #[test]
    fn the_policy_allows_what_is_built_in_and_nothing_else() {
        let policy = content_security_policy();
        assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"));
        assert_eq!(policy.matches("'sha256-").count(), 3);
        assert!(policy.ends_with("frame-ancestors 'none'"));
    }
}
