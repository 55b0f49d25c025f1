//! When an entry is looked at again.

use std::time::Duration;

use super::waiting::Backoff;

/// The first pause after something that may be better soon.
const FIRST: Duration = Duration::from_mins(5);

/// By how much of itself an interval is shortened or lengthened at most, so that many who began together do not come back
/// together.
const JITTER: f64 = 0.2;

/// How a look at an entry ended, as far as the next one depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// As it should, or in a way that only somebody's doing changes.
    Settled,
    /// In a way that passes: a network that is down, a list that is being written. So many times in a row, at least once.
    Failed(u32),
    /// Somebody asked for this pause.
    Asked(Duration),
}

/// The pause until the next look. `interval` is that of an entry that is well, `chance` uniform in 0.0 to 1.0.
#[must_use]
pub fn pause(ended: Ended, interval: Duration, chance: f64) -> Duration {
    match ended {
        Ended::Settled => interval.mul_f64(1.0 - JITTER + 2.0 * JITTER * chance.clamp(0.0, 1.0)),
        Ended::Failed(times) => {
            let backoff = Backoff { first: FIRST.min(interval), longest: interval };
            backoff.pause(times.max(1), chance)
        }
        Ended::Asked(pause) => pause + FIRST.min(interval).mul_f64(chance.clamp(0.0, 1.0)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_passes_is_looked_at_sooner_and_then_ever_later() {
        let interval = Duration::from_hours(6);
        let pauses: Vec<_> =
            (1..10).map(|times| pause(Ended::Failed(times), interval, 1.0)).collect();
        assert_eq!(pauses[..3], [5, 10, 20].map(Duration::from_mins));
        assert_eq!(pauses[8], interval);
        assert_eq!(pause(Ended::Settled, interval, 0.5), interval);
    }

    proptest! {
        #[test]
        fn no_pause_is_far_from_the_interval(times in 0u32..100, seconds in 1u64..1_000_000, chance in 0.0f64..1.0) {
            let interval = Duration::from_secs(seconds);
            let settled = pause(Ended::Settled, interval, chance);
            prop_assert!(settled >= interval.mul_f64(0.79) && settled <= interval.mul_f64(1.21));
            let failed = pause(Ended::Failed(times), interval, chance);
            prop_assert!(failed <= interval && failed >= FIRST.min(interval) / 2);
            let asked = pause(Ended::Asked(interval), interval, chance);
            prop_assert!(asked >= interval);
        }
    }
}
