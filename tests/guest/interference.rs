//! Others who unmount, mount and restart things.

use std::time::{Duration, Instant};

use crate::{
    departure::eject_by_the_hypervisor,
    row::Row,
    station::{PATIENCE, Station},
    usage::Usage,
};

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::new("interference::an_operator_unmounts_and_it_comes_back", operator_unmounts),
        Row::new("interference::pid_1_unmounts_while_the_disc_leaves", pid_1_unmounts),
        Row::new("interference::udiskie_leaves_our_media_alone", udiskie),
        Row::new("interference::udev_is_restarted", udev_restart),
        Row::new("interference::events_are_lost", events_are_lost),
        Row::new("interference::a_directory_in_the_way_is_not_touched", directory_in_the_way),
    ]
}

fn operator_unmounts(station: &Station) {
    let disc = station.disc("DISC");
    station.attach("cd0", Some(&disc));
    station.published(&disc);
    station.check("umount /srv/isomirror/DISC");
    station.guest.wait_until("findmnt --task 1 /srv/isomirror/DISC", PATIENCE).unwrap();
    station.published(&disc);
}

fn pid_1_unmounts(station: &Station) {
    let disc = station.disc("DISC");
    station.attach("cd0", Some(&disc));
    station.published(&disc);
    for _ in 0..3 {
        // The unit of the mount is stopped in the moment in which the disc goes and comes.
        station.check(
            "systemd-run --quiet --unit watch-stop --remain-after-exit \
             systemctl stop srv-isomirror-DISC.mount; true",
        );
        station.guest.force_eject("cd0").unwrap();
        station.gone("DISC");
        station.check("systemctl stop watch-stop");
        station.guest.insert("cd0", &disc.image, true).unwrap();
        station.published(&disc);
    }
}

fn udiskie(station: &Station) {
    station.check(
        "systemctl start udisks2
         systemd-run --quiet --unit watch-udiskie udiskie --no-tray --no-notify --automount",
    );
    station.guest.wait_until("busctl status org.freedesktop.UDisks2 >/dev/null", PATIENCE).unwrap();
    let disc = station.disc("DISC");
    station.attach("cd0", Some(&disc));
    station.published(&disc);
    let device = station.device("DISC");
    station.check("udevadm settle; sleep 3");
    let properties = station.check(&format!("udevadm info --query=property --name={device}"));
    assert!(properties.contains("UDISKS_IGNORE=1"), "{properties}");
    let mounts = station.check("grep -cE 'iso9660|udf' /proc/1/mountinfo");
    assert_eq!(mounts.trim(), "1", "somebody else mounted it too");
    station.published(&disc);
    eject_by_the_hypervisor(station, "cd0");
    station.gone("DISC");
}

fn udev_restart(station: &Station) {
    let (disc, next) = (station.large_disc("DISC"), station.disc("NEXT"));
    station.attach("cd0", Some(&disc));
    station.published(&disc);
    let before = station.mounts();
    Usage::Download.begin(station, "DISC");
    station.check("systemctl restart systemd-udevd; udevadm trigger --settle");
    station.published(&disc);
    assert_eq!(station.mounts(), before, "the same mount");
    let runs = station.guest.run("systemctl --quiet is-active reader-download").unwrap();
    assert!(runs.success(), "the download was interrupted");
    station.attach("cd1", Some(&next));
    station.published(&next);
    eject_by_the_hypervisor(station, "cd0");
    station.gone("DISC");
    Usage::Download.saw_only(station, &disc);
}

fn events_are_lost(station: &Station) {
    station.check("udevadm control --stop-exec-queue");
    let disc = station.disc("DISC");
    station.attach("cd0", Some(&disc));
    // The kernel's own events and the drive itself have to do.
    station.published(&disc);
    station.unplug("cd0");
    station.gone("DISC");
    station.check("udevadm control --start-exec-queue; udevadm settle");
}

fn directory_in_the_way(station: &Station) {
    station.check("mkdir /srv/isomirror/DISC; echo mine >/srv/isomirror/DISC/file");
    let disc = station.disc("DISC");
    station.attach("cd0", Some(&disc));
    let blocked = "grep -q '\"state\": *\"blocked\"' /run/isomirror/state.json";
    station.guest.wait_until(blocked, PATIENCE).unwrap();
    assert_eq!(station.check("cat /srv/isomirror/DISC/file"), "mine\n");
    let start = Instant::now();
    station.check("rm -r /srv/isomirror/DISC; isomirror rescan");
    station.published(&disc);
    assert!(start.elapsed() < Duration::from_mins(1));
}
