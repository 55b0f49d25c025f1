//! Numbers of bytes as people write them: `10KiB`, `500MB`.

use std::{fmt, str::FromStr};

use serde::Serialize;

use super::text::deserialize_from_text;

/// Bytes of each unit, in the order in which they are tried for writing.
const UNITS: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("KB", 1000),
    ("B", 1),
];

/// A number of bytes. Written as an integer with one unit: `B`, `KiB`, `MiB`, `GiB` (powers of 1024) or `KB`, `MB`,
/// `GB` (powers of 1000).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(into = "String")]
pub struct ByteSize(u64);

deserialize_from_text!(ByteSize);

/// A text that is no [`ByteSize`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is not a number of bytes: write an integer with B, KiB, MiB, GiB, KB, MB or GB, like `10KiB`",
    .0.escape_debug()
)]
pub struct InvalidByteSize(String);

impl ByteSize {
    /// A size of `bytes`.
    #[must_use]
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The number of bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for ByteSize {
    type Err = InvalidByteSize;

    fn from_str(text: &str) -> Result<Self, InvalidByteSize> {
        parse(text).ok_or_else(|| InvalidByteSize(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<ByteSize> {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(end);
    let (_, factor) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
    Some(ByteSize(number.parse::<u64>().ok()?.checked_mul(factor)?))
}

impl fmt::Display for ByteSize {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let divides = |(_, factor): &(&str, u64)| self.0 > 0 && self.0.is_multiple_of(*factor);
        let (unit, factor) = UNITS.into_iter().find(divides).unwrap_or(("B", 1));
        write!(formatter, "{}{unit}", self.0 / factor)
    }
}

impl From<ByteSize> for String {
    fn from(size: ByteSize) -> Self {
        size.to_string()
    }
}

impl TryFrom<String> for ByteSize {
    type Error = InvalidByteSize;

    fn try_from(text: String) -> Result<Self, InvalidByteSize> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_unit_counts_as_it_should() {
        for (text, bytes) in [
            ("0B", 0),
            ("512B", 512),
            ("10KiB", 10_240),
            ("3MiB", 3_145_728),
            ("1GiB", 1_073_741_824),
            ("10KB", 10_000),
            ("7MB", 7_000_000),
            ("2GB", 2_000_000_000),
        ] {
            let size: ByteSize = text.parse().unwrap();
            assert_eq!(size.bytes(), bytes, "{text}");
            assert_eq!(size.to_string(), text);
        }
    }

    #[test]
    fn what_is_ambiguous_or_does_not_fit_is_refused() {
        for text in ["", "10", "10k", "10K", "KiB", "1.5MiB", "10 KiB", "-1B", "99999999999GiB"] {
            assert_eq!(text.parse::<ByteSize>(), Err(InvalidByteSize(text.to_owned())));
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(bytes: u64) {
            let size = ByteSize::from_bytes(bytes);
            prop_assert_eq!(size.to_string().parse::<ByteSize>().unwrap(), size);
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = text.parse::<ByteSize>();
        }
    }
}
