//! How often work that costs more the more there is may be repeated. Whoever looks at everything again at every sign takes
//! what happens at once apart: the first is dealt with alone, and the others wait.

use std::time::Duration;

/// What follows a sign within this time belongs to it.
pub const QUIET: Duration = Duration::from_millis(20);

/// What happens all the time is waited for this long at most.
pub const LONGEST: Duration = Duration::from_millis(200);

/// How long to leave be what just took `took`, so that it takes at most a third of the time.
#[must_use]
pub fn pause_after(took: Duration) -> Duration {
    took.saturating_mul(2).clamp(QUIET, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_costs_little_is_repeated_soon_and_nothing_waits_for_long() {
        let pause = |took| pause_after(Duration::from_millis(took));
        assert_eq!(pause(1), QUIET);
        assert_eq!(pause(50), Duration::from_millis(100));
        assert_eq!(pause(5000), LONGEST);
    }
}
