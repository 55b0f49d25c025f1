//! The text of a file, as editors of all systems save it.

use super::Problem;

/// What some editors put before a text of UTF-8.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// The text that stands in a file, without a byte order mark.
///
/// # Errors
/// The place of the first byte that is not UTF-8.
pub fn text_of(bytes: &[u8]) -> Result<&str, Problem> {
    let text = str::from_utf8(bytes).map_err(|error| {
        let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        let line = before.rsplit('\n').next().unwrap_or_default();
        Problem {
            line: before.matches('\n').count() + 1,
            column: line.chars().count() + 1,
            message: "not UTF-8 from here on: save the file as UTF-8".to_owned(),
        }
    })?;
    Ok(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_not_of_the_text() {
        assert_eq!(text_of("\u{feff}webroot: /a\n".as_bytes()), Ok("webroot: /a\n"));
        assert_eq!(text_of(b""), Ok(""));
    }

    #[test]
    fn what_is_not_utf_8_has_its_place() {
        for (bytes, place) in [
            (&b"webroot: /a\nnames: {template: '\xff'}\n"[..], "2:20: not UTF-8"),
            ("a: '\u{e4}".as_bytes().split_last().unwrap().1, "1:5: not UTF-8"),
            (b"\xff\xfew\0e\0b\0", "1:1: not UTF-8"),
        ] {
            let problem = text_of(bytes).unwrap_err().to_string();
            assert!(problem.starts_with(place), "{problem}");
        }
    }
}
