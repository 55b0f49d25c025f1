//! Every way in which a medium can come.

use isomirror_tests::guest::SATA_DRIVE;

use crate::{
    discs::hybrid,
    row::Row,
    station::{PATIENCE, Station},
};

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::new("attach::drive_with_a_disc_in_it_is_published_once", drive_with_a_disc),
        Row::new("attach::disc_comes_into_a_drive_that_is_there", into_present_drive),
        Row::new("attach::disc_comes_into_a_sata_drive", into_sata_drive),
        Row::new("attach::usb_drive", usb_drive),
        Row::new("attach::disks_only_where_drives_are_any", disks),
        Row::new("attach::image_file_beside_a_disc", image_file),
    ]
}

fn drive_with_a_disc(station: &Station) {
    let disc = station.disc("Hot Disc");
    let since = station.check("date +%s.%N");
    station.attach("cd0", Some(&disc));
    let sight = station.published(&disc);
    assert_eq!(sight.medium().unwrap()["backend"], "kernel");
    station.check("udevadm settle; sleep 3");
    station.published(&disc);
    // The kernel and udev announce it three or four times.
    let log = station.check(&format!(
        "journalctl -q -o cat -u isomirrord --since @{} 'NAME=Hot_Disc'",
        since.trim()
    ));
    let lines = |what: &str| log.lines().filter(|line| line.starts_with(what)).count();
    assert_eq!((lines("serving "), lines("gone ")), (1, 0), "{log}");
    assert_eq!(station.mounts().len(), 1);
}

fn into_present_drive(station: &Station) {
    station.attach("cd0", None);
    let disc = station.disc("DISC");
    station.guest.wait_until("test -e /dev/disk/by-id/scsi-*cd0", PATIENCE).unwrap();
    assert_eq!(station.names(), [""; 0]);
    station.guest.insert("cd0", &disc.image, true).unwrap();
    station.published(&disc);
}

fn into_sata_drive(station: &Station) {
    for label in ["DISC", "NEXT"] {
        let disc = station.disc(label);
        station.guest.insert(SATA_DRIVE, &disc.image, true).unwrap();
        station.published(&disc);
    }
    station.gone("DISC");
    crate::departure::eject_by_the_hypervisor(station, SATA_DRIVE);
    station.gone("NEXT");
}

fn usb_drive(station: &Station) {
    let disc = station.disc("USB DISC");
    station.note_plugged("usb0-bridge");
    station.guest.attach_usb_drive("usb0", &disc.image).unwrap();
    station.published(&disc);
    station.unplug("usb0-bridge");
    station.gone(&disc.name());
}

fn disks(station: &Station) {
    let (disk, stick) = (station.disc("DISK"), station.disc("STICK"));
    let plug = || {
        station.note_plugged("disk0");
        station.guest.attach_disk("disk0", 0, &hybrid(&disk)).unwrap();
        station.note_plugged("stick0");
        station.guest.attach_stick("stick0", &hybrid(&stick)).unwrap();
        // Their partitions are there too.
        let partitions = "test $(lsblk --raw --noheadings -o NAME,LABEL,TYPE | grep -c part) -ge 2";
        station.guest.wait_until(partitions, PATIENCE).unwrap();
    };
    plug();
    station.check("udevadm settle; isomirror rescan");
    assert_eq!(station.names(), [""; 0], "disks are not watched unless that is asked for");
    station.configure("media: {drives: any}");
    station.published(&disk);
    station.published(&stick);
    assert_eq!(station.names(), ["DISK", "STICK"], "once, whatever partitions there are");
    for (id, disc) in [("disk0", &disk), ("stick0", &stick)] {
        station.unplug(id);
        station.gone(&disc.label);
    }
    plug();
    station.published(&disk);
    station.published(&stick);
}

fn image_file(station: &Station) {
    let disc = station.disc("DISC");
    station.attach("cd0", Some(&disc));
    station.published(&disc);
    let device = station.device("DISC");
    // A copy of the very same medium in the store is published once, and told of.
    station.check(&format!("cp {device} /var/lib/isomirror/images/copy.iso"));
    let told = "grep -q copy.iso /run/isomirror/state.json";
    station.guest.wait_until(told, PATIENCE).unwrap();
    let sight = station.look("DISC");
    assert_eq!(station.names(), ["DISC"], "{:#}", sight.state);
    let also_at = sight.medium().unwrap()["also_at"].to_string();
    assert!(also_at.contains("copy.iso"), "{also_at}");
    // When the disc goes, the file takes its place.
    crate::departure::eject_by_the_hypervisor(station, "cd0");
    let from_file =
        "grep -q '\"path\": *\"/var/lib/isomirror/images/copy.iso\"' /run/isomirror/state.json";
    station.guest.wait_until(from_file, PATIENCE).unwrap();
    station.published(&disc);
}
