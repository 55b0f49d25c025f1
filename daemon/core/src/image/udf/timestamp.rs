//! Moments as UDF writes them (ECMA-167 1/7.3).

use jiff::{civil::DateTime, tz::Offset};

use super::fields::u16_at;
use crate::image::Timestamp;

/// Bytes of a timestamp.
const LENGTH: usize = 12;

/// The timestamp at byte `at` of `structure`; `None` where it is unset or no moment at all.
///
/// Only local times (type 1) count their offset; an offset of -2047 means that none is stated. A fraction that is no
/// fraction counts as 0, as Linux has it: writers leave rubbish there.
pub(super) fn parse(structure: &[u8], at: usize) -> Option<Timestamp> {
    let stamp = structure.get(at..at.checked_add(LENGTH)?)?;
    let year = i16::try_from(u16_at(stamp, 2)).ok()?;
    let [month, day, hour, minute, second] = [4, 5, 6, 7, 8].map(|at| stamp[at].cast_signed());
    let moment = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
    let seconds = Offset::UTC.to_timestamp(moment).ok()?.as_second();
    Some(Timestamp {
        seconds: seconds - i64::from(offset_minutes(u16_at(stamp, 0))) * 60,
        nanoseconds: nanoseconds([stamp[9], stamp[10], stamp[11]]),
    })
}

/// Minutes east of Greenwich from the field of type (4 bits) and time zone (12 bits, signed).
fn offset_minutes(type_and_zone: u16) -> i16 {
    let minutes = (type_and_zone << 4).cast_signed() >> 4;
    if type_and_zone >> 12 == 1 && minutes != -2047 { minutes } else { 0 }
}

/// Nanoseconds from hundredths of a second, of those, and of those again.
fn nanoseconds(parts: [u8; 3]) -> u32 {
    if parts.iter().any(|part| *part > 99) {
        return 0;
    }
    let [centiseconds, hundreds, microseconds] = parts.map(u32::from);
    (centiseconds * 10_000 + hundreds * 100 + microseconds) * 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(zone: u16, year: u16, rest: [u8; 8]) -> Vec<u8> {
        [&zone.to_le_bytes()[..], &year.to_le_bytes(), &rest].concat()
    }

    #[test]
    fn local_times_count_their_zone() {
        let noon = [7, 1, 12, 0, 0, 0, 0, 0];
        for (zone, seconds) in [
            (0x1000, 1_719_835_200),
            (0x1078, 1_719_835_200 - 7200),
            (0x1000 | (0x1000 - 300), 1_719_835_200 + 18000),
            (0x1000 | (0x1000 - 2047), 1_719_835_200),
            (120, 1_719_835_200),
            (0x2078, 1_719_835_200),
        ] {
            let moment = parse(&stamp(zone, 2024, noon), 0).unwrap();
            assert_eq!(moment, Timestamp { seconds, nanoseconds: 0 }, "{zone:#x}");
        }
    }

    #[test]
    fn fractions_add_up_and_rubbish_in_them_is_dropped() {
        let of = |parts: [u8; 3]| {
            let rest = [1, 1, 0, 0, 0, parts[0], parts[1], parts[2]];
            parse(&stamp(0x1000, 1970, rest), 0).unwrap()
        };
        assert_eq!(of([12, 34, 56]).nanoseconds, 123_456_000);
        assert_eq!(of([99, 99, 99]).nanoseconds, 999_999_000);
        assert_eq!(of([100, 0, 0]).nanoseconds, 0);
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for (year, rest) in [
            (0, [0; 8]),
            (2024, [13, 1, 0, 0, 0, 0, 0, 0]),
            (2023, [2, 29, 0, 0, 0, 0, 0, 0]),
            (2023, [1, 1, 24, 0, 0, 0, 0, 0]),
            (65535, [1, 1, 0, 0, 0, 0, 0, 0]),
        ] {
            assert_eq!(parse(&stamp(0x1000, year, rest), 0), None);
        }
        assert_eq!(parse(&[0; 11], 0), None);
        assert_eq!(parse(&[0; 12], usize::MAX), None);
    }
}
