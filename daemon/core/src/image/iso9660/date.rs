//! The two forms in which ECMA-119 and Rock Ridge record a moment.

use jiff::{civil::DateTime, tz::Offset};

use crate::image::Timestamp;

/// A quarter of an hour, the unit of offsets from Greenwich, in seconds.
const QUARTER: i64 = 15 * 60;

/// 7 bytes (ECMA-119 9.1.5): years since 1900, month, day, hour, minute, second, quarters of an hour east of
/// Greenwich. `None` where it is not a moment, as all zeros are not.
pub(super) fn from_binary(bytes: [u8; 7]) -> Option<Timestamp> {
    let [year, month, day, hour, minute, second, offset] = bytes;
    let field = |byte: u8| i8::try_from(byte).ok();
    let local = DateTime::new(
        1900 + i16::from(year),
        field(month)?,
        field(day)?,
        field(hour)?,
        field(minute)?,
        field(second)?,
        0,
    );
    moment(local.ok()?, 0, offset)
}

/// 17 bytes (ECMA-119 8.4.26.1): `YYYYMMDDHHMMSScc` in digits and the offset as in the short form. `None` where it
/// is not a moment, as sixteen `0` or blanks are not.
pub(in crate::image) fn from_digits(bytes: &[u8; 17]) -> Option<Timestamp> {
    let number = |from: usize, to: usize| {
        bytes[from..to].iter().try_fold(0_i16, |value, byte| {
            byte.is_ascii_digit().then(|| value * 10 + i16::from(byte - b'0'))
        })
    };
    let field = |from: usize| number(from, from + 2).and_then(|value| i8::try_from(value).ok());
    let local =
        DateTime::new(number(0, 4)?, field(4)?, field(6)?, field(8)?, field(10)?, field(12)?, 0);
    moment(local.ok()?, field(14)?.unsigned_abs(), bytes[16])
}

/// The moment at which clocks `offset` quarters of an hour east of Greenwich show `local` and `hundredths` of a second.
fn moment(local: DateTime, hundredths: u8, offset: u8) -> Option<Timestamp> {
    let universal = Offset::UTC.to_timestamp(local).ok()?;
    // Some writers leave rubbish there; like Linux, believe 13 hours at most.
    let quarters = i64::from(offset.cast_signed());
    let seconds = if quarters.abs() <= 52 { quarters * QUARTER } else { 0 };
    Some(Timestamp {
        seconds: universal.as_second() - seconds,
        nanoseconds: u32::from(hundredths) * 10_000_000,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn binary_dates_are_moments_with_their_offset_taken_off() {
        let cases = [
            ([70, 1, 1, 0, 0, 0, 0], Some(0)),
            ([70, 1, 1, 1, 0, 0, 4], Some(0)),
            ([69, 12, 31, 19, 0, 0, 0xEC], Some(0)),
            ([126, 11, 20, 8, 0, 29, 0], Some(1_795_161_629)),
            ([100, 2, 29, 23, 59, 59, 0], Some(951_868_799)),
            ([70, 1, 1, 0, 0, 0, 100], Some(0)),
            ([0, 0, 0, 0, 0, 0, 0], None),
            ([101, 2, 29, 0, 0, 0, 0], None),
            ([255; 7], None),
        ];
        for (bytes, seconds) in cases {
            assert_eq!(from_binary(bytes).map(|moment| moment.seconds), seconds, "{bytes:?}");
        }
    }

    #[test]
    fn digit_dates_count_hundredths() {
        let with = |digits: &[u8; 16], offset: u8| {
            let mut bytes = [offset; 17];
            bytes[..16].copy_from_slice(digits);
            from_digits(&bytes)
        };
        assert_eq!(
            with(b"1970010102000050", 8),
            Some(Timestamp { seconds: 0, nanoseconds: 500_000_000 })
        );
        assert_eq!(
            with(b"1969123123595925", 0),
            Some(Timestamp { seconds: -1, nanoseconds: 250_000_000 })
        );
        assert_eq!(with(b"0000000000000000", 0), None);
        assert_eq!(with(b"                ", 0), None);
        assert_eq!(with(&[0; 16], 0), None);
        assert_eq!(with(b"2024-12-01000000", 0), None);
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_odd(binary: [u8; 7], digits: [u8; 17]) {
            let _ = from_binary(binary);
            let _ = from_digits(&digits);
        }

        #[test]
        fn later_seconds_are_later(day in 1_u8..29, second in 0_u8..59, offset in 0_u8..=52) {
            let at = |second| from_binary([120, 6, day, 12, 30, second, offset]).unwrap();
            prop_assert_eq!(at(second).seconds + 1, at(second + 1).seconds);
        }
    }
}
