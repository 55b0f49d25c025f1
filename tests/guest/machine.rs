//! The harness itself: drives, discs and trays of the guest behave as those of a real machine, without any daemon.

use std::time::Duration;

use isomirror_tests::guest::{Guest, Tray};

use crate::{
    discs::Disc,
    row::Row,
    station::{PATIENCE, Station},
};

pub(crate) fn rows() -> Vec<Row> {
    vec![Row::new("machine::drives_come_and_discs_go_as_on_a_real_machine", drives_and_discs)]
}

fn drives_and_discs(station: &Station) {
    station.check("systemctl stop isomirrord");
    let (first, second) = (station.disc("FIRST"), station.disc("SECOND"));
    let guest = &station.guest;
    system_is_up(guest);
    station.attach("cd0", Some(&first));
    guest.wait_until("test -e /dev/disk/by-id/scsi-*cd0", PATIENCE).unwrap();
    let drive = station.check("readlink -f /dev/disk/by-id/scsi-*cd0").trim().to_owned();
    attached_disc_is_mounted_by_hand(guest, &drive);
    locked_tray_opens_on_request(guest, &drive);
    forced_change_shows_the_new_disc(guest, &drive, &second);
    station.note_plugged("disk0");
    guest.attach_disk("disk0", 0, &first.image).unwrap();
    guest.wait_until("test \"$(blkid -o value -s LABEL /dev/vdc)\" = FIRST", PATIENCE).unwrap();
    station.unplug("disk0");
    guest.wait_until("! test -e /dev/vdc", PATIENCE).unwrap();
    station.unplug("cd0");
    guest.wait_until(&format!("! test -e {drive}"), PATIENCE).unwrap();
}

fn system_is_up(guest: &Guest) {
    let failed = guest.check("systemctl list-units --failed --no-legend --plain").unwrap();
    assert_eq!(failed, "", "failed units");
    assert_eq!(guest.run("echo out; echo problem >&2; exit 3").unwrap().status, 3);
    let slow = guest.run_for("sleep 100", Duration::from_secs(1)).unwrap();
    assert_eq!(slow.status, 124, "a command that takes too long is ended");
}

fn label(drive: &str, label: &str) -> String {
    format!("udevadm info --query=property --name={drive} | grep -x ID_FS_LABEL={label}")
}

fn attached_disc_is_mounted_by_hand(guest: &Guest, drive: &str) {
    guest.wait_until(&label(drive, "FIRST"), PATIENCE).unwrap();
    assert_eq!(guest.check(&format!("blkid -o value -s LABEL {drive}")).unwrap(), "FIRST\n");
    let mount =
        format!("mount -o ro {drive} /mnt && cat /mnt/label.txt && findmnt -no FSTYPE /mnt");
    assert_eq!(guest.check(&mount).unwrap(), "FIRSTiso9660\n");
    guest.check("umount /mnt").unwrap();
    assert_eq!(guest.tray("cd0").unwrap(), Tray { open: false, loaded: true });
}

fn locked_tray_opens_on_request(guest: &Guest, drive: &str) {
    guest.check("udevadm settle").unwrap();
    // Locked by udev's rules: the first call only tells the guest, which then opens the tray.
    assert!(guest.eject("cd0").is_err(), "it is not locked");
    guest.wait_until(&format!("! blkid -p {drive}"), PATIENCE).unwrap();
    guest.eject("cd0").unwrap();
    assert_eq!(guest.tray("cd0").unwrap(), Tray { open: true, loaded: false });
}

fn forced_change_shows_the_new_disc(guest: &Guest, drive: &str, second: &Disc) {
    guest.insert("cd0", &second.image, true).unwrap();
    guest.wait_until(&label(drive, "SECOND"), PATIENCE).unwrap();
    guest.check(&format!("eject {drive}")).unwrap();
    assert!(guest.tray("cd0").unwrap().open, "the guest's own eject opens the tray");
    guest.force_eject("cd0").unwrap();
}
