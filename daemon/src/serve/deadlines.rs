//! When to look at which connection again, should nothing else happen until then.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    time::{Duration, Instant},
};

/// Moments with the tokens of their connections. A connection whose moment moves on keeps its old entry and is
/// looked at once for nothing, which is cheaper than to keep the queue exact with every request.
#[derive(Debug, Default)]
pub(super) struct Deadlines(BinaryHeap<Reverse<(Instant, u64)>>);

impl Deadlines {
    /// Looks at `token` again at `moment`.
    pub(super) fn push(&mut self, moment: Instant, token: u64) {
        self.0.push(Reverse((moment, token)));
    }

    /// The next entry that is due.
    pub(super) fn pop(&mut self, now: Instant) -> Option<(Instant, u64)> {
        let Reverse((moment, _)) = *self.0.peek()?;
        if moment > now {
            return None;
        }
        self.0.pop().map(|Reverse(entry)| entry)
    }

    /// Time until the first entry is due; `None` without entries, for then there is nothing to wake up for.
    pub(super) fn next(&self, now: Instant) -> Option<Duration> {
        self.0.peek().map(|Reverse((moment, _))| moment.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_due_in_order() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut deadlines = Deadlines::default();
        assert_eq!(deadlines.next(start), None);
        deadlines.push(at(2), 7);
        deadlines.push(at(1), 8);
        assert_eq!(deadlines.next(start), Some(Duration::from_secs(1)));
        assert_eq!(deadlines.pop(start), None);
        assert_eq!(deadlines.pop(at(5)), Some((at(1), 8)));
        assert_eq!(deadlines.pop(at(5)), Some((at(2), 7)));
        assert_eq!(deadlines.pop(at(5)), None);
    }
}
