//! Sizes and times as people read them.

use crate::image::Timestamp;

const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// `512 B`, `1.5 KiB`, `3.9 GiB`: rounded down, so that nothing looks larger than it is.
pub(super) fn size(bytes: u64) -> String {
    let mut tenths = u128::from(bytes) * 10;
    let mut unit = "B";
    for larger in UNITS {
        if tenths < 10 * 1024 {
            break;
        }
        tenths /= 1024;
        unit = larger;
    }
    if unit == "B" {
        format!("{bytes} B")
    } else {
        format!("{}.{} {unit}", tenths / 10, tenths % 10)
    }
}

/// `40 s`, `3 min`, `2 h 5 min`, `3 d`: about so long.
pub(super) fn duration(seconds: u64) -> String {
    match (seconds / 60, seconds / 3600) {
        (0, _) => format!("{seconds} s"),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, hours) if hours < 48 => format!("{hours} h {} min", minutes % 60),
        (_, hours) => format!("{} d", hours / 24),
    }
}

/// `2026-08-01 12:34` in UTC; empty for times that no calendar has.
pub(super) fn time(moment: Timestamp) -> String {
    jiff::Timestamp::from_second(moment.seconds)
        .map(|moment| moment.strftime("%Y-%m-%d %H:%M").to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_down_to_one_decimal() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1535, "1.4 KiB"),
            (1536, "1.5 KiB"),
            (1_048_575, "1023.9 KiB"),
            (1_048_576, "1.0 MiB"),
            (4_700_372_992, "4.3 GiB"),
            (u64::MAX, "15.9 EiB"),
        ] {
            assert_eq!(size(bytes), text, "{bytes}");
        }
    }

    #[test]
    fn durations_are_as_exact_as_anybody_cares() {
        for (seconds, text) in
            [(0, "0 s"), (59, "59 s"), (60, "1 min"), (7500, "2 h 5 min"), (200_000, "2 d")]
        {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn times_are_minutes_in_utc() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00"),
            (1_785_587_640, "2026-08-01 12:34"),
            (-1, "1969-12-31 23:59"),
            (i64::MAX, ""),
        ] {
            assert_eq!(time(Timestamp { seconds, nanoseconds: 0 }), text);
        }
    }
}
