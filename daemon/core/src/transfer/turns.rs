//! Whose download begins next.

/// A download that waits for its turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Tells it from the others; a later one has a higher number.
    pub ticket: u64,
    /// Whether somebody asked for it and waits: it comes before all others, at any time of day.
    pub is_urgent: bool,
    /// Its place among those that are wanted: 0 is the most important.
    pub rank: usize,
    /// The host that it would ask first.
    pub host: String,
}

/// What may run at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Downloads.
    pub most: usize,
    /// Downloads from one host.
    pub most_per_host: usize,
    /// Whether it is a time of day in which those may begin that nobody waits for.
    pub is_open: bool,
}

/// The index of the one that begins now; `running` are the hosts of those that do.
#[must_use]
pub fn next(waiting: &[Waiting], running: &[String], limits: Limits) -> Option<usize> {
    if running.len() >= limits.most {
        return None;
    }
    let has_room =
        |host: &str| running.iter().filter(|other| *other == host).count() < limits.most_per_host;
    let may = |one: &Waiting| (limits.is_open || one.is_urgent) && has_room(&one.host);
    let order = |one: &Waiting| (!one.is_urgent, one.rank, one.ticket);
    let candidates = waiting.iter().enumerate().filter(|(_, one)| may(one));
    candidates.min_by_key(|(_, one)| order(one)).map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(ticket: u64, is_urgent: bool, rank: usize, host: &str) -> Waiting {
        Waiting { ticket, is_urgent, rank, host: host.to_owned() }
    }

    const LIMITS: Limits = Limits { most: 3, most_per_host: 2, is_open: true };

    #[test]
    fn what_somebody_waits_for_is_first_then_what_is_more_important() {
        let all = [waiting(0, false, 2, "a"), waiting(1, false, 1, "a"), waiting(2, true, 9, "a")];
        assert_eq!(next(&all, &[], LIMITS), Some(2));
        assert_eq!(next(&all[..2], &[], LIMITS), Some(1));
        assert_eq!(next(&[], &[], LIMITS), None);
    }

    #[test]
    fn no_host_and_no_line_is_overrun() {
        let all = [waiting(0, false, 0, "a"), waiting(1, false, 1, "b")];
        let running = ["a", "a"].map(str::to_owned);
        assert_eq!(next(&all, &running, LIMITS), Some(1));
        let running = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(next(&all, &running, LIMITS), None);
    }

    #[test]
    fn outside_the_window_only_what_somebody_waits_for_begins() {
        let closed = Limits { is_open: false, ..LIMITS };
        assert_eq!(next(&[waiting(0, false, 0, "a")], &[], closed), None);
        assert_eq!(next(&[waiting(0, true, 0, "a")], &[], closed), Some(0));
    }
}
