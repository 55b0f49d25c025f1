//! Dates of header fields (RFC 9110 section 5.6.7).

use jiff::{Timestamp, fmt::rfc2822::DateTimePrinter, fmt::strtime};

/// The three forms that a recipient has to understand; the first is the one that is written.
const FORMS: [&str; 3] =
    ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];

/// `seconds` since 1970 as an IMF-fixdate, `Sun, 06 Nov 1994 08:49:37 GMT`; `None` for years outside 0 to 9999.
#[must_use]
pub fn format_date(seconds: i64) -> Option<String> {
    let moment = Timestamp::from_second(seconds).ok()?;
    DateTimePrinter::new().timestamp_to_rfc9110_string(&moment).ok()
}

/// Seconds since 1970 of a date in any of the three forms.
#[must_use]
pub fn parse_date(text: &[u8]) -> Option<i64> {
    let text = str::from_utf8(text).ok()?;
    FORMS.iter().find_map(|form| {
        let moment = strtime::parse(form, text).ok()?.to_datetime().ok()?;
        Some(moment.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn all_three_forms_of_the_standard_are_understood() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(parse_date(text.as_bytes()), Some(784_111_777), "{text}");
        }
        assert_eq!(format_date(784_111_777).unwrap(), "Sun, 06 Nov 1994 08:49:37 GMT");
    }

    #[test]
    fn anything_else_is_no_date() {
        for text in [
            "",
            "yesterday",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 +0100",
            "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "\u{ff}",
        ] {
            assert_eq!(parse_date(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse_date(b"\xff\xfe"), None);
    }

    #[test]
    fn moments_without_a_date_have_none() {
        assert_eq!(format_date(i64::MAX), None);
        assert_eq!(format_date(i64::MIN), None);
    }

    proptest! {
        #[test]
        fn a_written_date_reads_as_the_same_second(seconds in 0_i64..=253_402_300_799) {
            let text = format_date(seconds).unwrap();
            prop_assert_eq!(text.len(), 29);
            prop_assert_eq!(parse_date(text.as_bytes()), Some(seconds));
        }

        #[test]
        fn no_text_makes_the_parser_fail_otherwise_than_with_none(text in ".{0,40}") {
            let _ = parse_date(text.as_bytes());
        }
    }
}
