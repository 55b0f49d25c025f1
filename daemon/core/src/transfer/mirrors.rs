//! Which of several places a file is fetched from, by what is remembered of them.

use std::{collections::BTreeMap, time::Duration};

use super::{
    answer::Rejection,
    waiting::{Backoff, Breaker},
};

/// Failures of one URL in a row, without a byte in between, after which it is left out of this transfer.
const MOST_FAILURES: u32 = 3;

/// What happened with a URL. Moments are durations since some start that all calls have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Bytes came at this speed, in bytes a second.
    Served(u64),
    /// The host was not reached, broke off, stalled, or said that it has failed.
    Failed,
    /// It was too slow.
    Slow,
    /// It is of no use for this file.
    Rejected(Rejection),
    /// The file is not there, or may not be had.
    Missing,
    /// The host wants to be left alone until then.
    Wait(Duration),
    /// It answers requests for a range with the whole.
    NoRanges,
}

/// What is remembered of all hosts, for as long as the process lives.
#[derive(Clone, Debug, Default)]
pub struct Mirrors {
    hosts: BTreeMap<String, Host>,
    backoff: Backoff,
}

#[derive(Clone, Copy, Debug, Default)]
struct Host {
    breaker: Breaker,
    strikes: u32,
    speed: Option<u64>,
    no_ranges: bool,
}

/// One URL of a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// Where the file is.
    pub url: String,
    /// The host of it, with the port; the directory of a local one.
    pub host: String,
    is_near: bool,
    failures: u32,
    slow: u32,
    is_out: bool,
}

/// Which URL is asked next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The one at this place of the list.
    Use(usize),
    /// None at the moment; one may be asked after this while.
    Wait(Duration),
    /// None any more.
    None,
}

impl Mirror {
    /// A URL of which nothing is known yet.
    #[must_use]
    pub fn new(url: String, host: String) -> Self {
        Self { url, host, is_near: false, failures: 0, slow: 0, is_out: false }
    }

    /// One that goes before all that are not near, as long as it neither fails nor is too slow in this transfer.
    #[must_use]
    pub fn near(url: String, host: String) -> Self {
        Self { is_near: true, ..Self::new(url, host) }
    }

    fn is_first(&self) -> bool {
        self.is_near && self.failures == 0 && self.slow == 0
    }
}

impl Mirrors {
    /// Without memories.
    #[must_use]
    pub fn new(backoff: Backoff) -> Self {
        Self { hosts: BTreeMap::new(), backoff }
    }

    /// Takes in what happened with a URL. `chance` is uniform in 0.0 to 1.0.
    pub fn report(&mut self, mirror: &mut Mirror, event: Event, now: Duration, chance: f64) {
        let host = self.hosts.entry(mirror.host.clone()).or_default();
        match event {
            Event::Served(speed) => {
                host.breaker.succeeded();
                host.speed = Some(host.speed.map_or(speed, |before| before / 4 * 3 + speed / 4));
                mirror.failures = 0;
            }
            Event::Failed => {
                host.breaker.failed(now, &self.backoff, chance);
                mirror.failures += 1;
                mirror.is_out |= mirror.failures >= MOST_FAILURES;
            }
            Event::Slow => {
                mirror.slow += 1;
                host.speed = Some(host.speed.unwrap_or_default() / 2);
            }
            Event::Rejected(_) => {
                host.strikes += 1;
                mirror.is_out = true;
            }
            Event::Missing => mirror.is_out = true,
            Event::Wait(until) => host.breaker.wait(until),
            Event::NoRanges => host.no_ranges = true,
        }
    }

    /// Whether a host is known to ignore ranges.
    #[must_use]
    pub fn ignores_ranges(&self, host: &str) -> bool {
        self.hosts.get(host).is_some_and(|host| host.no_ranges)
    }

    /// Strikes of a host: how often it sent what it should not have.
    #[must_use]
    pub fn strikes(&self, host: &str) -> u32 {
        self.hosts.get(host).map_or(0, |host| host.strikes)
    }

    /// Gives a host strikes that were remembered elsewhere.
    pub fn set_strikes(&mut self, host: &str, strikes: u32) {
        self.hosts.entry(host.to_owned()).or_default().strikes = strikes;
    }

    /// Chooses. `busy` tells how many connections each URL has already: work is spread over equals.
    ///
    /// First come those that are near and without fault, in the order of the list, however fast the others are.
    /// Those that misbehaved come after those that did not, then those that were too slow, then it is the order of the
    /// list, unless another host is known to be four times as fast.
    #[must_use]
    pub fn choose(&self, mirrors: &[Mirror], busy: &[u64], now: Duration) -> Choice {
        let host = |mirror: &Mirror| self.hosts.get(&mirror.host).copied().unwrap_or_default();
        let remaining = |mirror: &Mirror| host(mirror).breaker.remaining(now);
        let usable = || mirrors.iter().enumerate().filter(|(_, mirror)| !mirror.is_out);
        let fastest = usable().filter_map(|(_, mirror)| host(mirror).speed).max().unwrap_or(0);
        let rank = |(index, mirror): &(usize, &Mirror)| {
            if mirror.is_first() {
                return (false, 0, 0, 0, false, 0, *index);
            }
            let is_slow = host(mirror).speed.is_some_and(|speed| speed < fastest / 4);
            let load = busy.get(*index).copied().unwrap_or_default();
            (true, mirror.failures, host(mirror).strikes, mirror.slow, is_slow, load, *index)
        };
        if let Some((index, _)) = usable().filter(|(_, m)| remaining(m).is_zero()).min_by_key(rank)
        {
            return Choice::Use(index);
        }
        usable().map(|(_, mirror)| remaining(mirror)).min().map_or(Choice::None, Choice::Wait)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Duration = Duration::from_secs(100);

    fn mirrors(count: usize) -> Vec<Mirror> {
        (0..count).map(|n| Mirror::new(format!("http://{n}/a"), n.to_string())).collect()
    }

    #[test]
    fn the_order_of_the_list_holds_until_experience_says_otherwise() {
        let (mut memory, mut list) = (Mirrors::default(), mirrors(3));
        assert_eq!(memory.choose(&list, &[], NOW), Choice::Use(0));
        memory.report(&mut list[0], Event::Slow, NOW, 0.5);
        assert_eq!(memory.choose(&list, &[], NOW), Choice::Use(1));
        memory.report(&mut list[1], Event::Rejected(Rejection::WebPage), NOW, 0.5);
        assert_eq!(memory.choose(&list, &[], NOW), Choice::Use(2));
        memory.report(&mut list[2], Event::Missing, NOW, 0.5);
        assert_eq!(memory.choose(&list, &[], NOW), Choice::Use(0));
        // The strike is remembered for the next file of that host.
        let again = mirrors(2);
        assert_eq!(memory.strikes("1"), 1);
        assert_eq!(memory.choose(&again[1..], &[], NOW), Choice::Use(0));
    }

    #[test]
    fn a_much_faster_host_is_preferred_and_equals_share_the_work() {
        let (mut memory, mut list) = (Mirrors::default(), mirrors(3));
        memory.report(&mut list[0], Event::Served(1000), NOW, 0.5);
        memory.report(&mut list[1], Event::Served(100_000), NOW, 0.5);
        assert_eq!(memory.choose(&list[..2], &[], NOW), Choice::Use(1));
        assert_eq!(memory.choose(&list, &[0, 1, 0], NOW), Choice::Use(2));
    }

    #[test]
    fn what_is_near_goes_first_in_the_order_of_the_list_until_it_fails() {
        let mut memory = Mirrors::default();
        let near = |n: &str| Mirror::near(format!("file:///{n}/a"), n.to_owned());
        let mut list = vec![mirrors(1).remove(0), near("1"), near("2")];
        memory.report(&mut list[0], Event::Served(100_000), NOW, 0.5);
        memory.report(&mut list[1], Event::Served(10), NOW, 0.5);
        memory.set_strikes("1", 3);
        assert_eq!(
            memory.choose(&list, &[0, 9, 0], NOW),
            Choice::Use(1),
            "whatever is known of it"
        );
        memory.report(&mut list[1], Event::Slow, NOW, 0.5);
        assert_eq!(memory.choose(&list, &[], NOW), Choice::Use(2));
        memory.report(&mut list[2], Event::Missing, NOW, 0.5);
        assert_eq!(memory.choose(&list, &[], NOW), Choice::Use(0), "the slow one is no better");
    }

    #[test]
    fn a_host_that_asks_for_patience_is_left_alone_as_a_whole() {
        let (mut memory, mut list) = (Mirrors::default(), mirrors(1));
        list.push(Mirror::new("http://0/b".into(), "0".into()));
        let until = NOW + Duration::from_secs(30);
        memory.report(&mut list[0], Event::Wait(until), NOW, 0.5);
        assert_eq!(memory.choose(&list, &[], NOW), Choice::Wait(Duration::from_secs(30)));
        assert_eq!(memory.choose(&list, &[], until), Choice::Use(0));
    }

    #[test]
    fn a_url_that_only_fails_is_given_up_and_one_that_serves_is_not() {
        let (mut memory, mut list) = (Mirrors::default(), mirrors(1));
        for _ in 0..10 {
            memory.report(&mut list[0], Event::Failed, NOW, 0.5);
            memory.report(&mut list[0], Event::Served(10), NOW, 0.5);
        }
        assert_eq!(memory.choose(&list, &[], NOW), Choice::Use(0));
        (0..MOST_FAILURES).for_each(|_| memory.report(&mut list[0], Event::Failed, NOW, 0.5));
        assert_eq!(memory.choose(&list, &[], NOW), Choice::None);
    }

    proptest! {
        /// No endless story: whatever goes wrong without a byte, there is an end.
        #[test]
        fn failing_mirrors_come_to_an_end(events in proptest::collection::vec(0u8..3, 40)) {
            let (mut memory, mut list) = (Mirrors::default(), mirrors(4));
            let mut now = NOW;
            for event in events {
                match memory.choose(&list, &[], now) {
                    Choice::Use(index) => {
                        let event = match event {
                            0 => Event::Failed,
                            1 => Event::Missing,
                            _ => Event::Rejected(Rejection::WrongSize),
                        };
                        memory.report(&mut list[index], event, now, 0.0);
                    }
                    Choice::Wait(pause) => now += pause,
                    Choice::None => return Ok(()),
                }
            }
            prop_assert_eq!(memory.choose(&list, &[], now + Duration::from_hours(1)), Choice::None);
        }
    }
}
