//! How long to wait before a host or an entry is tried again.

use std::time::Duration;

use crate::http::parse_date;

/// The longest that a host may ask for.
const LONGEST_REQUEST: Duration = Duration::from_hours(6);
/// What is waited where a host asks for patience without saying how much.
const UNSAID: Duration = Duration::from_mins(1);
/// Failures in a row after which a host is left alone.
const TRIP: u32 = 5;

/// Pauses that double from the first to the longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The first pause, before chance is added.
    pub first: Duration,
    /// No pause is longer.
    pub longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_secs(2), longest: Duration::from_mins(5) }
    }
}

impl Backoff {
    /// The pause after `failures` in a row, at least one. `chance` is uniform in 0.0 to 1.0: the pause lies between
    /// half of the doubled one and all of it, so that many who failed together do not come back together.
    #[must_use]
    pub fn pause(&self, failures: u32, chance: f64) -> Duration {
        let doublings = failures.saturating_sub(1).min(32);
        let full = self.first.saturating_mul(1 << doublings.min(31)).min(self.longest);
        full.mul_f64(chance.clamp(0.0, 1.0).mul_add(0.5, 0.5))
    }
}

/// What `Retry-After` asks for, in seconds or as a date, counted from `now` (seconds since 1970): at most six hours.
#[must_use]
pub fn retry_after(field: Option<&str>, now: i64) -> Duration {
    let Some(text) = field.map(str::trim) else { return UNSAID };
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = if is_number {
        Some(text.parse().unwrap_or(u64::MAX))
    } else {
        parse_date(text.as_bytes()).map(|date| u64::try_from(date - now).unwrap_or_default())
    };
    seconds.map_or(UNSAID, Duration::from_secs).min(LONGEST_REQUEST)
}

/// What is remembered of a host, so that one that is down is not asked for every file that it has. Moments are
/// durations since some start that all calls have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Breaker {
    failures: u32,
    closed_until: Option<Duration>,
}

impl Breaker {
    /// The host answered as it should.
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// The host failed. After five times in a row it is left alone, each time for longer; then one request may try.
    pub fn failed(&mut self, now: Duration, backoff: &Backoff, chance: f64) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= TRIP {
            self.wait(now + backoff.pause(self.failures - TRIP + 1, chance));
        }
    }

    /// The host asked to be left alone until then; what it asked before still holds if that is longer.
    pub fn wait(&mut self, until: Duration) {
        self.closed_until = self.closed_until.max(Some(until));
    }

    /// How long it still is left alone; zero when it may be asked.
    #[must_use]
    pub fn remaining(&self, now: Duration) -> Duration {
        self.closed_until.map_or(Duration::ZERO, |until| until.saturating_sub(now))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 784_111_777;

    #[test]
    fn a_host_is_obeyed_for_six_hours_at_most() {
        for (field, seconds) in [
            (Some("120"), 120),
            (Some(" 0 "), 0),
            (Some("Sun, 06 Nov 1994 08:50:37 GMT"), 60),
            (Some("Sun, 06 Nov 1994 08:00:00 GMT"), 0),
            (Some("86400"), 21_600),
            (Some("99999999999999999999999"), 21_600),
            (Some("later"), 60),
            (None, 60),
        ] {
            assert_eq!(retry_after(field, NOW), Duration::from_secs(seconds), "{field:?}");
        }
    }

    #[test]
    fn a_host_that_keeps_failing_is_left_alone_and_tried_again() {
        let (mut breaker, backoff) = (Breaker::default(), Backoff::default());
        let now = Duration::from_secs(1000);
        for _ in 1..TRIP {
            breaker.failed(now, &backoff, 1.0);
            assert!(breaker.remaining(now).is_zero());
        }
        breaker.failed(now, &backoff, 1.0);
        assert_eq!(breaker.remaining(now), Duration::from_secs(2));
        let later = now + Duration::from_secs(2);
        assert!(breaker.remaining(later).is_zero());
        breaker.failed(later, &backoff, 1.0);
        assert_eq!(breaker.remaining(later), Duration::from_secs(4));
        breaker.succeeded();
        assert!(breaker.remaining(later).is_zero());
    }

    proptest! {
        #[test]
        fn pauses_grow_to_the_longest_and_are_never_longer(failures: u32, chance in 0.0f64..1.0) {
            let backoff = Backoff::default();
            let pause = backoff.pause(failures, chance);
            prop_assert!(pause <= backoff.longest && pause >= backoff.first / 2);
            prop_assert!(backoff.pause(failures.saturating_add(1), chance) >= pause);
        }
    }
}
