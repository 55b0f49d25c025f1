//! The harness itself: drives, discs and trays of a guest behave as those of a real machine, without any daemon.

use std::{path::Path, time::Duration};

use isomirror_tests::{
    guest::{Guest, GuestOptions, PayloadFile, Tray},
    tool,
};

use crate::discs;

const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn drives_come_and_discs_go_as_on_a_real_machine() {
    let directory = tempfile::tempdir().unwrap();
    let (first, second) =
        (discs::make(directory.path(), "FIRST"), discs::make(directory.path(), "SECOND"));
    let payload = vec![PayloadFile::new(&first, "images/first.iso")];
    let guest = Guest::boot(&GuestOptions { payload, ..GuestOptions::default() }).unwrap();

    system_is_up(&guest);
    payload_is_there(&guest, &first);
    attached_disc_is_mounted_by_hand(&guest, &first);
    locked_tray_opens_on_request(&guest);
    forced_change_shows_the_new_disc(&guest, &second);
    image_as_a_disk_comes_and_goes(&guest, &first);
    guest.unplug("cd0").unwrap();
    guest.wait_until("! test -e /dev/sr0", PATIENCE).unwrap();
}

fn system_is_up(guest: &Guest) {
    let failed = guest.check("systemctl list-units --failed --no-legend --plain").unwrap();
    assert_eq!(failed, "", "failed units");
    assert_eq!(guest.run("echo out; echo problem >&2; exit 3").unwrap().status, 3);
    let slow = guest.run_for("sleep 100", Duration::from_secs(1)).unwrap();
    assert_eq!(slow.status, 124, "a command that takes too long is ended");
}

fn payload_is_there(guest: &Guest, first: &Path) {
    let ours = tool::run("sha256sum", |command| command.arg(first)).unwrap();
    let theirs = guest.check("sha256sum /payload/images/first.iso").unwrap();
    assert_eq!(ours.split(' ').next(), theirs.split(' ').next());
}

fn attached_disc_is_mounted_by_hand(guest: &Guest, first: &Path) {
    guest.attach_drive("cd0", Some(first)).unwrap();
    let label = "udevadm info --query=property --name=sr0 | grep -x ID_FS_LABEL=FIRST";
    guest.wait_until(label, PATIENCE).unwrap();
    assert_eq!(guest.check("blkid -o value -s LABEL /dev/sr0").unwrap(), "FIRST\n");
    let mounted = "mount -o ro /dev/sr0 /mnt && cat /mnt/label.txt && findmnt -no FSTYPE /mnt";
    assert_eq!(guest.check(mounted).unwrap(), "FIRSTiso9660\n");
    guest.check("umount /mnt").unwrap();
    assert_eq!(guest.tray("cd0").unwrap(), Tray { open: false, loaded: true });
}

fn locked_tray_opens_on_request(guest: &Guest) {
    guest.check("udevadm settle").unwrap();
    // Locked by udev's rules: the first call only tells the guest, which then opens the tray.
    let _ = guest.eject("cd0");
    guest.wait_until("! blkid -p /dev/sr0", PATIENCE).unwrap();
    let _ = guest.eject("cd0");
    assert_eq!(guest.tray("cd0").unwrap(), Tray { open: true, loaded: false });
}

fn forced_change_shows_the_new_disc(guest: &Guest, second: &Path) {
    guest.insert("cd0", second, true).unwrap();
    let label = "udevadm info --query=property --name=sr0 | grep -x ID_FS_LABEL=SECOND";
    guest.wait_until(label, PATIENCE).unwrap();
    guest.check("eject /dev/sr0").unwrap();
    assert!(guest.tray("cd0").unwrap().open, "the guest's own eject opens the tray");
    guest.force_eject("cd0").unwrap();
}

fn image_as_a_disk_comes_and_goes(guest: &Guest, first: &Path) {
    guest.attach_disk("disk0", 0, first).unwrap();
    guest.wait_until("test \"$(blkid -o value -s LABEL /dev/vdc)\" = FIRST", PATIENCE).unwrap();
    guest.unplug("disk0").unwrap();
    guest.wait_until("! test -e /dev/vdc", PATIENCE).unwrap();
}
