//! Making foreign text harmless where it is shown or linked.

use std::fmt::{self, Write};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, percent_encode};

/// All but the unreserved characters of RFC 3986: no name can then be a scheme, a query or a dot segment, and a
/// backslash, which browsers take for a slash, is none.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A name as one segment of a URL's path.
#[must_use]
pub fn segment(name: &[u8]) -> PercentEncode<'_> {
    percent_encode(name, SEGMENT)
}

/// A text as the content of an HTML element or of a quoted attribute.
#[must_use]
pub fn html(text: &str) -> Html<'_> {
    Html(text)
}

/// A text that is escaped while it is written.
#[derive(Clone, Copy, Debug)]
pub struct Html<'a>(&'a str);

impl fmt::Display for Html<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => formatter.write_str("&amp;")?,
                '<' => formatter.write_str("&lt;")?,
                '>' => formatter.write_str("&gt;")?,
                '"' => formatter.write_str("&quot;")?,
                '\'' => formatter.write_str("&#39;")?,
                other if is_deceptive(other) => write!(formatter, "{}", other.escape_unicode())?,
                other => formatter.write_char(other)?,
            }
        }
        Ok(())
    }
}

/// Characters that show as nothing, or make what follows show as something else: controls, line separators and
/// bidirectional formatting (Unicode Standard Annex 9).
fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
            | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn foreign_text_is_shown_and_never_acts() {
        for (text, shown) in [
            ("<script>alert('1')</script>", "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;"),
            ("a\"b&c", "a&quot;b&amp;c"),
            ("a\r\n\tb\0", "a\\u{d}\\u{a}\\u{9}b\\u{0}"),
            ("gpj\u{202e}exe", "gpj\\u{202e}exe"),
            ("日本 ß 😀", "日本 ß 😀"),
        ] {
            assert_eq!(html(text).to_string(), shown);
        }
    }

    #[test]
    fn a_linked_name_is_one_segment_and_nothing_else() {
        for (name, link) in [
            (&b"a b"[..], "a%20b"),
            (b"javascript:alert(1)", "javascript%3Aalert%281%29"),
            (b"\\\\evil", "%5C%5Cevil"),
            (b"?#%2e", "%3F%23%252e"),
            (b"\xff\xfe", "%FF%FE"),
            (b"it's\"<>&", "it%27s%22%3C%3E%26"),
            (b"A-b_c.d~1", "A-b_c.d~1"),
        ] {
            assert_eq!(segment(name).to_string(), link);
        }
    }

    proptest! {
        #[test]
        fn nothing_that_html_could_act_on_is_left(text in any::<String>()) {
            let shown = html(&text).to_string();
            prop_assert!(!shown.contains(['<', '>', '"', '\'', '\n', '\r', '\0']));
        }
    }
}
