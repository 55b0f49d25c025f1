//! Range requests (RFC 9110 section 14) for a single range of bytes.

/// Bytes `start` to `end`, the latter not included; never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    /// The first byte.
    pub start: u64,
    /// The byte after the last.
    pub end: u64,
}

/// What a `Range` field asks of a representation of known size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeRequest {
    /// All of it: the field is malformed (clients do send `bytes=u-u`), has another unit or several ranges, which a
    /// server may answer with the whole.
    Whole,
    /// These bytes.
    Part(ByteRange),
    /// Bytes that do not exist.
    Unsatisfiable,
}

impl RangeRequest {
    /// Reads the value of a `Range` field.
    #[must_use]
    pub fn parse(value: &[u8], size: u64) -> Self {
        Self::single(value, size).unwrap_or(Self::Whole)
    }

    fn single(value: &[u8], size: u64) -> Option<Self> {
        let (unit, ranges) = str::from_utf8(value).ok()?.split_once('=')?;
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return None;
        }
        let (first, last) = ranges.trim().split_once('-')?;
        if first.is_empty() {
            return Some(Self::suffix(position(last)?, size));
        }
        let start = position(first)?;
        let last = if last.is_empty() { u64::MAX } else { position(last)? };
        if last < start {
            return None;
        }
        if start >= size {
            return Some(Self::Unsatisfiable);
        }
        Some(Self::Part(ByteRange { start, end: size.min(last.saturating_add(1)) }))
    }

    fn suffix(length: u64, size: u64) -> Self {
        match (length, size) {
            (0, _) => Self::Unsatisfiable,
            // Satisfiable by the letter, but no `Content-Range` can say "no bytes".
            (_, 0) => Self::Whole,
            _ => Self::Part(ByteRange { start: size.saturating_sub(length), end: size }),
        }
    }
}

impl ByteRange {
    /// Number of bytes.
    #[must_use]
    pub fn length(self) -> u64 {
        self.end - self.start
    }

    /// The value of a `Content-Range` field.
    #[must_use]
    pub fn content_range(self, size: u64) -> String {
        format!("bytes {}-{}/{size}", self.start, self.end - 1)
    }
}

/// Digits only; what does not fit is as good as the largest number, since no file is that long.
fn position(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn part(start: u64, end: u64) -> RangeRequest {
        RangeRequest::Part(ByteRange { start, end })
    }

    #[test]
    fn single_ranges_are_cut_to_the_size() {
        for (value, size, expected) in [
            ("bytes=0-0", 10, part(0, 1)),
            ("bytes=2-5", 10, part(2, 6)),
            ("BYTES = 2-5 ", 10, part(2, 6)),
            ("bytes=2-", 10, part(2, 10)),
            ("bytes=2-99", 10, part(2, 10)),
            ("bytes=9-18446744073709551615", 10, part(9, 10)),
            ("bytes=9-99999999999999999999999", 10, part(9, 10)),
            ("bytes=-3", 10, part(7, 10)),
            ("bytes=-30", 10, part(0, 10)),
            ("bytes=10-", 10, RangeRequest::Unsatisfiable),
            ("bytes=99999999999999999999999-", 10, RangeRequest::Unsatisfiable),
            ("bytes=-0", 10, RangeRequest::Unsatisfiable),
            ("bytes=0-", 0, RangeRequest::Unsatisfiable),
            ("bytes=-1", 0, RangeRequest::Whole),
        ] {
            assert_eq!(RangeRequest::parse(value.as_bytes(), size), expected, "{value} of {size}");
        }
    }

    #[test]
    fn what_is_no_single_range_of_bytes_is_ignored() {
        for value in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=u-u",
            "bytes=5-2",
            "bytes=1-2,4-5",
            "bytes=1-2,",
            "bytes=+1-2",
            "bytes=1 -2",
            "bytes=0x1-2",
            "lines=1-2",
            "bytes=--1",
            "1-2",
            "bytes=1-2-3",
        ] {
            assert_eq!(RangeRequest::parse(value.as_bytes(), 10), RangeRequest::Whole, "{value}");
        }
        assert_eq!(RangeRequest::parse(b"bytes=\xff-1", 10), RangeRequest::Whole);
    }

    #[test]
    fn a_part_says_where_it_lies() {
        assert_eq!(ByteRange { start: 2, end: 6 }.content_range(10), "bytes 2-5/10");
        assert_eq!(ByteRange { start: 2, end: 6 }.length(), 4);
    }

    proptest! {
        #[test]
        fn a_part_is_never_empty_nor_beyond_the_end(value in "bytes=[0-9]{0,22}-[0-9]{0,22}", size: u64) {
            if let RangeRequest::Part(range) = RangeRequest::parse(value.as_bytes(), size) {
                prop_assert!(range.start < range.end && range.end <= size);
            }
        }
    }
}
