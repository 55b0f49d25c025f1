//! What a service that leaks has more and more of.

use std::collections::BTreeMap;

use isomirror_tests::guest::Guest;

/// Prints a line for each process of the service, found by its units, and one for the machine.
const SCRIPT: &str = r"
for unit in $(systemctl list-units 'isomirror*.service' --state=active --plain --no-legend | awk '{ print $1 }'); do
    for pid in $(cat /sys/fs/cgroup/system.slice/$unit/cgroup.procs); do
        echo process $unit $pid $(ls /proc/$pid/fd | wc -l) $(ls /proc/$pid/task | wc -l) \
            $(awk '/^RssAnon/ { print $2 }' /proc/$pid/status)
    done
done
echo loops $(losetup --list --noheadings | wc -l)
echo mounts $(wc -l </proc/1/mountinfo)
echo files-of-web-root $(find /srv/isomirror -xdev | wc -l)
echo files-of-state $(find /var/lib/isomirror | wc -l)
echo files-at-run-time $(find /run/isomirror | wc -l)
echo bytes-of-state $(find /var/lib/isomirror /run/isomirror -type f -not -name '*.iso' -printf '%s\n' | awk '{ sum += $1 } END { print sum + 0 }')
";

/// Memory that may come with any use of it, and is not more the longer it runs.
const SLACK_KIB: u64 = 6 << 10;
/// Bytes of state that may come with names and releases that were never there before.
const SLACK_BYTES: u64 = 64 << 10;

/// Files that the first release of an entry, the first that is forged, and the first disc leave for good: records, and the
/// last image that was wrong. One that each further release or disc left would be more before long.
const SLACK_FILES: u64 = 8;

/// What is held while nothing but the store is there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Holdings {
    /// By unit.
    pub(crate) processes: BTreeMap<String, Process>,
    /// Of the machine, by name.
    counts: BTreeMap<String, u64>,
}

/// One process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Process {
    pub(crate) pid: u64,
    descriptors: u64,
    threads: u64,
    /// What it has asked for; pages of its program that were looked at tell nothing.
    resident_kib: u64,
}

impl Holdings {
    pub(crate) fn of(guest: &Guest) -> Self {
        let mut holdings = Self::default();
        let text = guest.check(SCRIPT).unwrap();
        for line in text.lines() {
            let words: Vec<_> = line.split(' ').collect();
            let number = |index: usize| words[index].parse().unwrap_or_else(|_| panic!("{text}"));
            if words[0] == "process" {
                let process = Process {
                    pid: number(2),
                    descriptors: number(3),
                    threads: number(4),
                    resident_kib: number(5),
                };
                let earlier = holdings.processes.insert(words[1].to_owned(), process);
                assert!(earlier.is_none(), "a second process of {}: {text}", words[1]);
            } else {
                holdings.counts.insert(words[0].to_owned(), number(1));
            }
        }
        assert!(!holdings.processes.is_empty(), "no process of the service: {text}");
        holdings
    }

    /// What it has more of than before.
    pub(crate) fn grown_since(&self, before: &Self) -> Vec<String> {
        let mut grown = Vec::new();
        for (unit, process) in &self.processes {
            let Some(earlier) = before.processes.get(unit) else {
                grown.push(format!("{unit} did not run before"));
                continue;
            };
            let mut compare = |what: &str, now: u64, limit: u64| {
                if now > limit {
                    grown.push(format!("{what} of {unit}: {now}, at most {limit} expected"));
                }
            };
            compare("descriptors", process.descriptors, earlier.descriptors + 2);
            compare("threads", process.threads, earlier.threads + 8);
            let resident = earlier.resident_kib * 5 / 4 + SLACK_KIB;
            compare("resident KiB", process.resident_kib, resident);
        }
        for (what, count) in &self.counts {
            let earlier = before.counts.get(what).copied().unwrap_or_default();
            let limit = match &**what {
                "bytes-of-state" => earlier + SLACK_BYTES,
                "files-of-state" | "files-at-run-time" => earlier + SLACK_FILES,
                _ => earlier,
            };
            if *count > limit {
                grown.push(format!("{what}: {count}, at most {limit} expected"));
            }
        }
        for unit in before.processes.keys().filter(|unit| !self.processes.contains_key(*unit)) {
            grown.push(format!("{unit} does not run any more"));
        }
        grown
    }
}
