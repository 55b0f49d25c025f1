//! Every way in which a disc can leave, with nobody, a reader or a download in its way, and with the daemon killed in
//! the middle.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use isomirror_tests::guest::Tray;

use crate::{
    row::Row,
    station::{PATIENCE, Station},
    usage::Usage,
    watch,
};

/// Emulation on two busy cores takes a multiple of a real machine's time for everything that programs do. How long
/// things take is measured elsewhere; here nothing may take for ever.
const EMULATION: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// The hypervisor asks for the disc, as its button does.
    HypervisorEject,
    /// `eject` in the guest.
    GuestEject,
    /// `isomirror eject`.
    OwnEject,
    /// The disc is taken out by force, and nobody is told.
    SilentEject,
    /// The disc is changed for another one by force.
    ForcedChange,
    /// The drive is unplugged.
    Unplug,
}

impl Way {
    const ALL: [Self; 6] = [
        Self::HypervisorEject,
        Self::GuestEject,
        Self::OwnEject,
        Self::SilentEject,
        Self::ForcedChange,
        Self::Unplug,
    ];

    fn phrase(self) -> &'static str {
        match self {
            Self::HypervisorEject => "eject_by_the_hypervisor",
            Self::GuestEject => "eject_by_the_guest",
            Self::OwnEject => "isomirror_eject",
            Self::SilentEject => "silent_eject",
            Self::ForcedChange => "forced_change",
            Self::Unplug => "unplug",
        }
    }

    /// From the beginning until nothing is left of the disc, on a real machine.
    fn limit(self) -> Duration {
        match self {
            // The kernel asks every 2 s, and readers have 2.5 s.
            Self::HypervisorEject | Self::SilentEject => Duration::from_secs(5),
            Self::OwnEject | Self::ForcedChange => Duration::from_secs(3),
            Self::GuestEject | Self::Unplug => Duration::from_secs(1),
        }
    }

    /// Makes the disc `DISC` of the drive `cd0` leave.
    fn happen(self, station: &Station) {
        match self {
            Self::HypervisorEject => eject_by_the_hypervisor(station, "cd0"),
            Self::GuestEject => drop(station.check(&format!("eject {}", drive(station)))),
            Self::OwnEject => drop(station.check("isomirror eject DISC")),
            Self::SilentEject => station.guest.force_eject("cd0").unwrap(),
            Self::ForcedChange => {
                station.guest.insert("cd0", &station.large_disc("OTHER").image, true).unwrap();
            }
            Self::Unplug => station.unplug("cd0"),
        }
    }

    /// Asserts what has become of the drive.
    fn has_happened(self, station: &Station) {
        match self {
            Self::HypervisorEject | Self::SilentEject => {
                assert!(!station.guest.tray("cd0").unwrap().loaded);
            }
            Self::GuestEject | Self::OwnEject => {
                assert!(station.guest.tray("cd0").unwrap().open);
            }
            Self::ForcedChange => drop(station.published(&station.large_disc("OTHER"))),
            Self::Unplug => {}
        }
    }
}

fn drive(station: &Station) -> String {
    station.check("readlink -f /dev/disk/by-id/scsi-*cd0").trim().to_owned()
}

/// As libvirt does it: asks, waits for the tray for 5 s, and takes the disc.
pub(crate) fn eject_by_the_hypervisor(station: &Station, id: &str) {
    assert!(station.guest.eject(id).is_err(), "the drive is not locked, so that nobody is asked");
    take_out(station, id);
}

/// Waits until the tray opens, and takes the disc.
pub(crate) fn take_out(station: &Station, id: &str) {
    let start = Instant::now();
    while !station.guest.tray(id).unwrap().open {
        assert!(start.elapsed() < Duration::from_secs(5) + EMULATION, "the tray does not open");
        sleep(Duration::from_millis(50));
    }
    station.guest.eject(id).unwrap();
    assert_eq!(station.guest.tray(id).unwrap(), Tray { open: true, loaded: false });
}

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for way in Way::ALL {
        for usage in Usage::ALL {
            let name = format!("departure::{}_{}", way.phrase(), usage.phrase());
            rows.push(Row::new(name, move |station| leaves_no_trace(station, way, usage)));
        }
        let name = format!("departure::{}_with_the_daemon_killed_in_the_middle", way.phrase());
        rows.push(Row::new(name, move |station| survives_a_kill(station, way)));
    }
    rows.push(Row::new("departure::eject_with_no_daemon_is_as_without_us", eject_without_daemon));
    rows.push(Row::new(
        "departure::forced_change_with_no_daemon_shows_no_wrong_bytes",
        change_without_daemon,
    ));
    rows.push(Row::new("departure::deferred_eject_waits_for_readers", deferred_eject));
    rows.push(Row::new("departure::isomirror_eject_force_names_whom_it_cut_off", forced_eject));
    rows.push(Row::new("departure::change_of_medium_as_libvirt_does_it", change_of_medium));
    rows.push(Row::new("departure::unplugged_drive_comes_back_under_its_name", replug));
    rows.push(Row::new("departure::three_drives_at_once", three_drives));
    rows
}

fn leaves_no_trace(station: &Station, way: Way, usage: Usage) {
    let disc = station.large_disc("DISC");
    station.attach("cd0", Some(&disc));
    station.published(&disc);
    usage.begin(station, "DISC");
    let is_changed = way == Way::ForcedChange;
    if is_changed {
        watch::begin(station);
    }
    let start = Instant::now();
    way.happen(station);
    let gone = station.guest.wait_until("! test -e /srv/isomirror/DISC", PATIENCE);
    let took = start.elapsed();
    gone.unwrap();
    assert!(took < way.limit() + EMULATION, "it took {took:?}");
    station.gone("DISC");
    usage.saw_only(station, &disc);
    way.has_happened(station);
    if is_changed {
        watch::saw_only_right_bytes(station);
    }
}

fn survives_a_kill(station: &Station, way: Way) {
    let disc = station.large_disc("DISC");
    station.attach("cd0", Some(&disc));
    station.published(&disc);
    Usage::OpenFile.begin(station, "DISC");
    // Where readers are given time, in that time; else as soon as it begins.
    let moment = match way {
        Way::HypervisorEject | Way::OwnEject => {
            "until grep -q draining /run/isomirror/state.json; do sleep 0.02; done"
        }
        _ => "sleep 0.3",
    };
    station.check(&format!(
        "systemd-run --quiet --unit watch-kill bash -c '{moment}
         kill -KILL $(systemctl show --property MainPID --value isomirrord); touch /var/tmp/test/killed'"
    ));
    match way {
        // It asks a daemon that dies.
        Way::OwnEject => {
            let asked = station.guest.run("isomirror eject DISC").unwrap();
            assert_eq!(asked.status, 1, "{asked:?}");
        }
        _ => way.happen(station),
    }
    station.guest.wait_until("test -e /var/tmp/test/killed", PATIENCE).unwrap();
    station.guest.wait_until("systemctl --quiet is-active isomirrord", PATIENCE).unwrap();
    if way == Way::OwnEject {
        // The request died with the daemon, and the disc is where it was.
        station.published(&disc);
        station.check("isomirror eject --force DISC");
    }
    station.gone("DISC");
    Usage::OpenFile.saw_only(station, &disc);
    way.has_happened(station);
}

fn eject_without_daemon(station: &Station) {
    let disc = station.disc("DISC");
    station.attach("cd0", Some(&disc));
    station.published(&disc);
    station.check("systemctl stop isomirrord");
    eject_by_the_hypervisor(station, "cd0");
    station.guest.insert("cd0", &station.disc("NEXT").image, true).unwrap();
    station.check("systemctl start isomirrord");
    station.published(&station.disc("NEXT"));
    station.gone("DISC");
}

fn change_without_daemon(station: &Station) {
    let (disc, other) = (station.large_disc("DISC"), station.large_disc("OTHER"));
    station.attach("cd0", Some(&disc));
    station.published(&disc);
    Usage::OpenFile.begin(station, "DISC");
    station.check("systemctl stop isomirrord");
    station.guest.insert("cd0", &other.image, true).unwrap();
    let seen = format!(
        "udevadm info --query=property --name={} | grep -x ID_FS_LABEL=OTHER",
        drive(station)
    );
    station.guest.wait_until(&seen, PATIENCE).unwrap();
    station.check("udevadm settle");
    Usage::OpenFile.saw_only(station, &disc);
    station.check("systemctl start isomirrord");
    station.published(&other);
    station.gone("DISC");
}

fn deferred_eject(station: &Station) {
    station.configure("mount: {eject: defer, eject_deadline: 1m, drain: 100ms}");
    let disc = station.large_disc("DISC");
    station.attach("cd0", Some(&disc));
    station.published(&disc);
    Usage::OpenFile.begin(station, "DISC");
    assert!(station.guest.eject("cd0").is_err());
    station.guest.wait_until("grep -q draining /run/isomirror/state.json", PATIENCE).unwrap();
    sleep(Duration::from_secs(5));
    assert!(!station.guest.tray("cd0").unwrap().open, "the tray opened under a reader");
    assert!(station.guest.eject("cd0").is_err(), "it is held");
    station.check("systemctl stop reader-file");
    let start = Instant::now();
    while !station.guest.tray("cd0").unwrap().open {
        assert!(start.elapsed() < Duration::from_secs(2) + EMULATION, "the tray stays shut");
        sleep(Duration::from_millis(50));
    }
    station.gone("DISC");
    station.guest.eject("cd0").unwrap();
}

fn forced_eject(station: &Station) {
    let disc = station.large_disc("DISC");
    station.attach("cd0", Some(&disc));
    station.published(&disc);
    Usage::OpenFile.begin(station, "DISC");
    let said = station.check("isomirror eject --force DISC");
    let pid = station.check("systemctl show --property MainPID --value reader-file");
    assert!(said.contains(&format!("cut off: {} sleep", pid.trim())), "{said}");
    assert!(station.guest.tray("cd0").unwrap().open);
    station.gone("DISC");
    Usage::OpenFile.saw_only(station, &disc);
    let log = station.check("journalctl -q -o cat -u isomirrord -n 30");
    assert!(log.contains(&format!("{} (sleep)", pid.trim())), "{log}");
}

fn change_of_medium(station: &Station) {
    let (first, second) = (station.disc("DISC"), station.disc("NEXT"));
    station.attach("cd0", Some(&first));
    station.published(&first);
    for disc in [&second, &first] {
        assert!(station.guest.insert("cd0", &disc.image, false).is_err(), "it is locked");
        let start = Instant::now();
        while !station.guest.tray("cd0").unwrap().open {
            assert!(start.elapsed() < Duration::from_secs(5) + EMULATION, "the tray stays shut");
            sleep(Duration::from_millis(50));
        }
        station.guest.insert("cd0", &disc.image, false).unwrap();
        station.published(disc);
        station.gone(if disc.label == "NEXT" { "DISC" } else { "NEXT" });
    }
}

fn replug(station: &Station) {
    let disc = station.large_disc("DISC");
    station.attach("cd0", Some(&disc));
    station.published(&disc);
    let before = station.device("DISC");
    // Somebody holds the drive itself, so that the next one cannot have its number.
    station.check(&format!(
        "systemd-run --quiet --unit reader-drive bash -c 'exec 5<{before}; touch /var/tmp/test/open; sleep infinity'"
    ));
    station.guest.wait_until("test -e /var/tmp/test/open", PATIENCE).unwrap();
    Usage::OpenFile.begin(station, "DISC");
    let pid = station.check("systemctl show --property MainPID --value reader-file");
    station.unplug("cd0");
    station.gone("DISC");
    Usage::OpenFile.saw_only(station, &disc);
    let log = station.check("journalctl -q -o cat -u isomirrord -n 30");
    assert!(log.contains(&format!("{} (sleep)", pid.trim())), "who was cut off: {log}");
    station.attach("cd0", Some(&disc));
    station.published(&disc);
    assert_ne!(station.device("DISC"), before, "another device node");
}

fn three_drives(station: &Station) {
    let discs = ["ONE", "TWO", "THREE"].map(|label| station.large_disc(label));
    for disc in &discs {
        station.attach(&disc.label, Some(disc));
    }
    for disc in &discs {
        station.published(disc);
    }
    Usage::OpenFile.begin(station, "TWO");
    let start = Instant::now();
    for disc in &discs {
        assert!(station.guest.eject(&disc.label).is_err());
    }
    for disc in &discs {
        while !station.guest.tray(&disc.label).unwrap().open {
            let took = start.elapsed();
            assert!(took < Duration::from_secs(5) + EMULATION * 2, "`{}`: {took:?}", disc.label);
            sleep(Duration::from_millis(50));
        }
    }
    for disc in &discs {
        station.gone(&disc.label);
        station.guest.eject(&disc.label).unwrap();
    }
}
