//! `Content-Range` (RFC 9110 section 14.4).

/// Which bytes an answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentRange {
    /// `bytes first-last/total`.
    Part {
        /// First byte.
        first: u64,
        /// Last byte, itself among them.
        last: u64,
        /// Size of the whole; `None` where the server does not know it.
        total: Option<u64>,
    },
    /// `bytes */total`, of an answer that has none.
    Unsatisfied {
        /// Size of the whole.
        total: u64,
    },
}

impl ContentRange {
    /// Reads the field; `None` where it is malformed or contradicts itself.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (unit, rest) = text.trim().split_once(' ')?;
        let (range, total) = rest.trim().split_once('/')?;
        if !unit.eq_ignore_ascii_case("bytes") {
            return None;
        }
        if range == "*" {
            return Some(Self::Unsatisfied { total: number(total)? });
        }
        let (first, last) = range.split_once('-')?;
        let (first, last) = (number(first)?, number(last)?);
        let total = if total == "*" { None } else { Some(number(total)?) };
        let is_sound = first <= last && total.is_none_or(|total| last < total);
        is_sound.then_some(Self::Part { first, last, total })
    }
}

/// Digits only: the standard library also takes a sign.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts_and_refusals_are_read() {
        let part = |first, last, total| Some(ContentRange::Part { first, last, total });
        assert_eq!(ContentRange::parse("bytes 0-9/10"), part(0, 9, Some(10)));
        assert_eq!(ContentRange::parse("Bytes 5-9/*"), part(5, 9, None));
        let none = Some(ContentRange::Unsatisfied { total: 7 });
        assert_eq!(ContentRange::parse("bytes */7"), none);
    }

    #[test]
    fn what_contradicts_itself_is_nothing() {
        for text in ["", "bytes", "bytes 9-0/10", "bytes 0-10/10", "bytes +1-2/9", "bytes 0-/9"] {
            assert_eq!(ContentRange::parse(text), None, "{text}");
        }
        assert_eq!(ContentRange::parse("bytes */*"), None);
        assert_eq!(ContentRange::parse("bytes 0-99999999999999999999/*"), None);
    }

    proptest! {
        #[test]
        fn no_text_panics(text: String) {
            let _ = ContentRange::parse(&text);
        }
    }
}
