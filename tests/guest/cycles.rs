//! Many discs come and go, and nothing of them is left over.

use crate::{
    departure::take_out,
    row::Row,
    station::{PATIENCE, Station},
};

const DRIVES: usize = 8;

/// Discs that come and go, unless `ISOMIRROR_TEST_DISCS` says how many.
const DISCS: usize = 64;

/// The round after which everything is warm: the first fill caches and start threads.
const WARM: usize = 5;

pub(crate) fn rows() -> Vec<Row> {
    vec![Row::new("cycles::discs_that_come_and_go_leave_nothing_over", many_discs)]
}

/// What a daemon that leaks has more and more of.
#[derive(Debug)]
struct Holdings {
    descriptors: u64,
    threads: u64,
    resident_kib: u64,
    loops: u64,
    mounts: u64,
    state_files: u64,
}

impl Holdings {
    fn of(station: &Station) -> Self {
        let script = "pid=$(systemctl show --property MainPID --value isomirrord)
            ls /proc/$pid/fd | wc -l
            ls /proc/$pid/task | wc -l
            awk '/VmRSS/ { print $2 }' /proc/$pid/status
            losetup --list --noheadings | wc -l
            wc -l </proc/1/mountinfo
            find /var/lib/isomirror /run/isomirror /srv/isomirror | wc -l";
        let text = station.check(script);
        let numbers: Vec<u64> = text.lines().map(|line| line.trim().parse().unwrap()).collect();
        let [descriptors, threads, resident_kib, loops, mounts, state_files] = numbers[..] else {
            panic!("{text}");
        };
        Self { descriptors, threads, resident_kib, loops, mounts, state_files }
    }
}

fn many_discs(station: &Station) {
    let discs: Vec<_> = (0..DRIVES).map(|n| station.disc(&format!("CYCLE {n}"))).collect();
    let ids: Vec<_> = (0..DRIVES).map(|n| format!("cycle{n}")).collect();
    for id in &ids {
        station.attach(id, None);
    }
    let daemon = "systemctl show --property MainPID --value isomirrord";
    let process = station.check(daemon);
    let told = std::env::var("ISOMIRROR_TEST_DISCS").ok();
    let count = told.map_or(DISCS, |count| count.parse().unwrap());
    let mut warm = None;
    for cycle in 0..count / DRIVES {
        for (id, disc) in ids.iter().zip(&discs) {
            station.guest.insert(id, &disc.image, true).unwrap();
        }
        let all = format!("test $(grep -c ' /srv/isomirror/CYCLE_' /proc/1/mountinfo) = {DRIVES}");
        station.guest.wait_until(&all, PATIENCE).unwrap();
        if cycle % 10 == 0 {
            for disc in &discs {
                station.published(disc);
            }
        }
        leave(station, cycle, &ids);
        station.guest.wait_until("! ls -d /srv/isomirror/CYCLE_*", PATIENCE).unwrap();
        if cycle == WARM {
            warm = Some(Holdings::of(station));
        }
    }
    for disc in &discs {
        station.gone(&disc.name());
    }
    let (warm, end) = (warm.unwrap(), Holdings::of(station));
    assert_eq!(station.check(daemon), process, "it was restarted meanwhile");
    assert!(end.descriptors <= warm.descriptors + 2, "{warm:?} {end:?}");
    assert!(end.threads <= warm.threads + 4, "{warm:?} {end:?}");
    assert!(end.resident_kib <= warm.resident_kib * 5 / 4, "{warm:?} {end:?}");
    assert_eq!((end.loops, end.mounts), (warm.loops, warm.mounts));
    assert!(end.state_files <= warm.state_files, "{warm:?} {end:?}");
}

/// In turn by the hypervisor's request, by force, and by the guest.
fn leave(station: &Station, cycle: usize, ids: &[String]) {
    match cycle % 3 {
        0 => {
            for id in ids {
                station.guest.force_eject(id).unwrap();
            }
        }
        1 => {
            for id in ids {
                let _ = station.guest.eject(id);
            }
            for id in ids {
                take_out(station, id);
            }
        }
        _ => {
            station.check(
                "for name in /srv/isomirror/CYCLE_*; do isomirror eject \"${name##*/}\"; done",
            );
        }
    }
}
