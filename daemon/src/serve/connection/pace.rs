//! How fast a client takes what it asked for.

use std::time::{Duration, Instant};

/// What a client took while it was waited for. Time in which there was nothing for it to take, as with a slow drive,
/// does not count.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    waited: Duration,
    /// Since when it is waited for now.
    since: Option<Instant>,
    /// Bytes that it had taken when the stretch of time began that is being measured.
    taken: u64,
}

impl Pace {
    /// A stretch begins, for a client that has taken `taken` bytes so far.
    pub(super) fn begin(taken: u64) -> Self {
        Self { taken, ..Self::default() }
    }

    /// The client is waited for from now on.
    pub(super) fn wait(&mut self, now: Instant) {
        self.since.get_or_insert(now);
    }

    /// It is not waited for any more.
    pub(super) fn resume(&mut self, now: Instant) {
        if let Some(since) = self.since.take() {
            self.waited += now.saturating_duration_since(since);
        }
    }

    /// Whether the client, which has taken `taken` bytes by now, was slower than `minimum` bytes a second for at least
    /// `stretch`. If it was not, or if that can be told for the first time after the next stretch, `false`.
    pub(super) fn was_below(
        &mut self,
        minimum: u64,
        stretch: Duration,
        (taken, now): (u64, Instant),
    ) -> bool {
        if self.since.is_some() {
            self.resume(now);
            self.wait(now);
        }
        if self.waited < stretch {
            return false;
        }
        let wanted = u128::from(minimum) * self.waited.as_millis() / 1000;
        let was_below = u128::from(taken.saturating_sub(self.taken)) < wanted;
        *self = Self { waited: Duration::ZERO, taken, ..*self };
        was_below
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMUM: u64 = 1000;
    const STRETCH: Duration = Duration::from_secs(10);

    #[test]
    fn a_stretch_is_judged_by_what_was_taken_in_it() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut pace = Pace::begin(500);
        pace.wait(at(0));
        assert!(!pace.was_below(MINIMUM, STRETCH, (500, at(9))), "too early to tell");
        assert!(!pace.was_below(MINIMUM, STRETCH, (10_500, at(10))), "just fast enough");
        assert!(!pace.was_below(MINIMUM, STRETCH, (10_500, at(15))));
        assert!(pace.was_below(MINIMUM, STRETCH, (20_499, at(20))), "a byte too few");
        assert!(!pace.was_below(MINIMUM, STRETCH, (40_000, at(30))), "each stretch by itself");
        assert!(!pace.was_below(0, STRETCH, (40_000, at(90))), "no minimum");
    }

    #[test]
    fn time_in_which_the_client_is_not_waited_for_does_not_count() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut pace = Pace::begin(0);
        for minute in 0..9 {
            pace.wait(at(minute * 60));
            pace.wait(at(minute * 60 + 1));
            pace.resume(at(minute * 60 + 1));
            pace.resume(at(minute * 60 + 59));
            assert!(!pace.was_below(MINIMUM, STRETCH, (0, at(minute * 60 + 59))));
        }
        pace.wait(at(600));
        assert!(pace.was_below(MINIMUM, STRETCH, (0, at(601))));
    }
}
