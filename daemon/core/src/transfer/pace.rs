//! Whether a connection is too slow to be waited for.

use std::{collections::VecDeque, time::Duration};

/// Samples that a window is made of, at most.
const SAMPLES: u32 = 20;

/// The bytes of the last while. Time is what was spent waiting for the network and nothing else: a transfer that our
/// own limit or a slow disk holds up waits for no byte, so it never is too slow.
#[derive(Clone, Debug)]
pub struct Pace {
    window: Duration,
    minimum: u64,
    samples: VecDeque<(Duration, u64)>,
    waited: Duration,
    bytes: u64,
}

impl Pace {
    /// Of a connection that shall bring `minimum` bytes a second over each `window`; 0 for no such limit.
    #[must_use]
    pub fn new(window: Duration, minimum: u64) -> Self {
        let samples = VecDeque::new();
        Self { window, minimum, samples, waited: Duration::ZERO, bytes: 0 }
    }

    /// Notes that `bytes` came after `waited`.
    pub fn record(&mut self, waited: Duration, bytes: u64) {
        self.waited += waited;
        self.bytes += bytes;
        match self.samples.back_mut() {
            Some((time, sum)) if *time < self.window / SAMPLES => {
                *time += waited;
                *sum += bytes;
            }
            _ => self.samples.push_back((waited, bytes)),
        }
        while let Some(&(time, sum)) = self.samples.front()
            && self.waited.saturating_sub(time) >= self.window
        {
            self.samples.pop_front();
            self.waited -= time;
            self.bytes -= sum;
        }
    }

    /// Whether it has been too slow for a whole window.
    #[must_use]
    pub fn is_too_slow(&self) -> bool {
        let expected = u128::from(self.minimum) * self.waited.as_millis() / 1000;
        self.waited >= self.window && u128::from(self.bytes) < expected
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WINDOW: Duration = Duration::from_mins(1);
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_trickle_is_too_slow_after_a_window_however_steady_it_is() {
        let mut pace = Pace::new(WINDOW, 10_240);
        for second in 1..=200 {
            pace.record(SECOND, 5);
            assert_eq!(pace.is_too_slow(), second >= 60, "{second}");
        }
        // It recovers, and is left alone.
        (0..61).for_each(|_| pace.record(SECOND, 20_000));
        assert!(!pace.is_too_slow());
        // And stops again.
        (0..62).for_each(|_| pace.record(SECOND, 1));
        assert!(pace.is_too_slow());
    }

    #[test]
    fn no_minimum_is_none() {
        let mut pace = Pace::new(WINDOW, 0);
        (0..100).for_each(|_| pace.record(SECOND, 0));
        assert!(!pace.is_too_slow());
    }

    proptest! {
        #[test]
        fn who_keeps_the_pace_is_never_too_slow(steps in proptest::collection::vec(1u64..5000, 1..300)) {
            let mut pace = Pace::new(WINDOW, 1000);
            for milliseconds in steps {
                pace.record(Duration::from_millis(milliseconds), milliseconds);
                prop_assert!(!pace.is_too_slow());
                prop_assert!(pace.samples.len() <= 64);
            }
        }
    }
}
