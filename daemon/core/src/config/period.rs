//! Lengths of time as people write them: `10s`, `2500ms`, `6h`.

use std::{fmt, str::FromStr, time::Duration};

use serde::Serialize;

use super::text::deserialize_from_text;

/// Milliseconds of each unit, the longest first.
const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// A length of time in whole milliseconds. Written as an integer with one unit: `ms`, `s`, `m`, `h` or `d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(into = "String")]
pub struct Period(Duration);

deserialize_from_text!(Period);

/// A text that is no [`Period`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a length of time: write an integer with ms, s, m, h or d, like `10s`", .0.escape_debug())]
pub struct InvalidPeriod(String);

impl Period {
    /// A period of `milliseconds`.
    #[must_use]
    pub const fn from_milliseconds(milliseconds: u64) -> Self {
        Self(Duration::from_millis(milliseconds))
    }

    /// The period as the standard library has it.
    #[must_use]
    pub const fn duration(self) -> Duration {
        self.0
    }
}

impl FromStr for Period {
    type Err = InvalidPeriod;

    fn from_str(text: &str) -> Result<Self, InvalidPeriod> {
        parse(text).ok_or_else(|| InvalidPeriod(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Period> {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(end);
    let (_, factor) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
    let milliseconds = number.parse::<u64>().ok()?.checked_mul(factor)?;
    Some(Period::from_milliseconds(milliseconds))
}

impl fmt::Display for Period {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.0.as_millis();
        if milliseconds == 0 {
            return formatter.write_str("0s");
        }
        let divides = |(_, factor): &(&str, u64)| milliseconds.is_multiple_of(u128::from(*factor));
        let (unit, factor) = UNITS.into_iter().find(divides).unwrap_or(("ms", 1));
        write!(formatter, "{}{unit}", milliseconds / u128::from(factor))
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.to_string()
    }
}

impl TryFrom<String> for Period {
    type Error = InvalidPeriod;

    fn try_from(text: String) -> Result<Self, InvalidPeriod> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_unit_counts_as_it_should() {
        for (text, milliseconds) in [
            ("0s", 0),
            ("2500ms", 2500),
            ("10s", 10_000),
            ("3m", 180_000),
            ("6h", 21_600_000),
            ("2d", 172_800_000),
        ] {
            let period: Period = text.parse().unwrap();
            assert_eq!(period.duration(), Duration::from_millis(milliseconds), "{text}");
            assert_eq!(period.to_string(), text);
        }
    }

    #[test]
    fn what_is_ambiguous_or_does_not_fit_is_refused() {
        for text in
            ["", "10", "s", "10 s", "-1s", "+1s", "1.5s", "10S", "1h30m", "99999999999999999999s"]
        {
            assert_eq!(text.parse::<Period>(), Err(InvalidPeriod(text.to_owned())));
        }
        assert!("18446744073709551615d".parse::<Period>().is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(milliseconds: u64) {
            let period = Period::from_milliseconds(milliseconds);
            prop_assert_eq!(period.to_string().parse::<Period>().unwrap(), period);
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = text.parse::<Period>();
        }
    }
}
