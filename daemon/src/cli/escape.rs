//! Text from a medium, made safe for a terminal.

use std::fmt::{self, Write};

/// Shows bytes that anyone may have written: what cannot be seen, or does something to a terminal, as `\u{1b}`, bytes
/// that are no UTF-8 as `\xff`, and a backslash as `\\`, so that the text is unambiguous and in one line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Escaped<'a>(pub(super) &'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                match character {
                    '\\' => formatter.write_str("\\\\")?,
                    _ if is_unseen(character) => {
                        write!(formatter, "{}", character.escape_unicode())?;
                    }
                    _ => formatter.write_char(character)?,
                }
            }
            chunk.invalid().iter().try_for_each(|byte| write!(formatter, "\\x{byte:02x}"))?;
        }
        Ok(())
    }
}

/// A text with the characters escaped that [`Escaped`] escapes, but for the backslash and the line feed: for messages
/// of ours that quote something.
pub(super) fn sanitised(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unseen(character) && character != '\n' {
            safe.extend(character.escape_unicode());
        } else {
            safe.push(character);
        }
    }
    safe
}

/// Control characters, and those that are invisible or change the order of their neighbours (Unicode's general
/// categories Cc, Cf, Zl and Zp).
fn is_unseen(character: char) -> bool {
    character.is_control()
        || matches!(u32::from(character),
            0xad | 0x600..=0x605 | 0x61c | 0x6dd | 0x70f | 0x890..=0x891 | 0x8e2 | 0x180e
            | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff | 0xfff9..=0xfffb
            | 0x110bd | 0x110cd | 0x13430..=0x1343f | 0x1bca0..=0x1bca3 | 0x1d173..=0x1d17a
            | 0xe0001..=0xe007f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_a_terminal_that_is_not_seen() {
        for (bytes, shown) in [
            (&b"vmlinuz"[..], "vmlinuz"),
            ("Stra\u{df}e \u{1f600}".as_bytes(), "Stra\u{df}e \u{1f600}"),
            (b"\x1b]0;owned\x07", "\\u{1b}]0;owned\\u{7}"),
            (b"a\nb\r", "a\\u{a}b\\u{d}"),
            (b"a\\u{1b}", "a\\\\u{1b}"),
            (b"\xff\xc9x", "\\xff\\xc9x"),
            ("\u{9b}31m".as_bytes(), "\\u{9b}31m"),
            ("gpj\u{202e}exe".as_bytes(), "gpj\\u{202e}exe"),
        ] {
            assert_eq!(Escaped(bytes).to_string(), shown);
        }
        assert_eq!(sanitised("a\\\u{1b}[m\n"), "a\\\\u{1b}[m\n");
    }
}
