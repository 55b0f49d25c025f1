//! Whether the clock of a machine can be right.

/// Seconds from 1970 to the day on which this was written, 2026-11-18: no clock that is right shows an earlier one.
const WRITTEN: i64 = 1_795_000_000;

/// Whether a clock that shows `now`, in seconds since 1970, is surely wrong: it has stopped, or was never set. Then
/// nothing follows from a certificate or a key that seems to be expired or not valid yet.
#[must_use]
pub fn is_wrong(now: i64) -> bool {
    now < WRITTEN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_never_set_is_wrong() {
        assert!(is_wrong(0) && is_wrong(978_307_200));
        assert!(!is_wrong(1_800_000_000));
    }
}
