//! How many connections a file is worth: more than one only where each is limited and more of them bring more.

/// The most connections for one file.
pub const MOST: u64 = 16;
/// Bytes a second of one connection above which nobody limits it.
const UNLIMITED: u64 = 100_000_000;
/// What is left that makes more connections worth their beginning, in bytes.
const WORTHWHILE: u64 = 32 << 20;

/// The search for the right number: it is doubled for as long as that brings something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connections {
    number: u64,
    most: u64,
    /// Number and bytes a second before the last doubling.
    before: Option<(u64, u64)>,
    is_settled: bool,
}

impl Connections {
    /// Begins with one, and goes up to `most`.
    #[must_use]
    pub fn new(most: u64) -> Self {
        Self { number: 1, most: most.clamp(1, MOST), before: None, is_settled: false }
    }

    /// How many there should be.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Whether it has been found out, so that measuring is of no use.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.is_settled
    }

    /// There shall be one: the server takes no ranges, or its answers do not agree.
    pub fn give_up(&mut self) {
        *self = Self { number: 1, is_settled: true, ..*self };
    }

    /// Takes in what all connections together made since the last call, in bytes a second, with `left` bytes missing.
    pub fn measured(&mut self, speed: u64, left: u64) {
        if self.is_settled {
            return;
        }
        if let Some((number, earlier)) = self.before
            // A fifth more is the least that is worth a doubling.
            && speed < earlier.saturating_add(earlier / 5)
        {
            *self = Self { number, is_settled: true, ..*self };
            return;
        }
        let is_limited = speed / self.number < UNLIMITED;
        if is_limited && left >= WORTHWHILE && self.number < self.most && speed > 0 {
            self.before = Some((self.number, speed));
            self.number = (self.number * 2).min(self.most);
        } else if speed > 0 {
            self.is_settled = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the search ends with on a server with these limits, in MB a second.
    fn settled(connection: u64, line: u64) -> u64 {
        let mut connections = Connections::new(MOST);
        for _ in 0..20 {
            let speed = (connections.number() * connection).min(line) * 1_000_000;
            connections.measured(speed, 1 << 40);
        }
        assert!(connections.is_settled());
        connections.number()
    }

    #[test]
    fn more_connections_are_made_only_where_they_help() {
        assert_eq!(settled(20, 10_000), 16);
        assert_eq!(settled(500, 500), 1);
        // The line is full with one.
        assert_eq!(settled(12, 12), 1);
        assert_eq!(settled(5, 20), 4);
    }

    #[test]
    fn what_is_nearly_done_is_left_as_it_is() {
        let mut connections = Connections::new(MOST);
        connections.measured(1_000_000, 1 << 20);
        assert_eq!((connections.number(), connections.is_settled()), (1, true));
    }

    #[test]
    fn silence_is_no_measure() {
        let mut connections = Connections::new(MOST);
        connections.measured(0, 1 << 40);
        assert_eq!((connections.number(), connections.is_settled()), (1, false));
    }
}
