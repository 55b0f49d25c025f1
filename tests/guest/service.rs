//! The daemon as a service: what systemd and the journal see of it, and what stays over its restarts.

use crate::{
    row::Row,
    station::{PATIENCE, Station},
    usage::Usage,
};

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::new("service::unit_is_sound_and_the_public_document_tells_nothing_of_the_host", unit),
        Row::new("service::media_stay_over_stop_start_restart_upgrade_and_kill", stays),
        Row::new("service::umount_all_takes_down_what_is_ours_and_nothing_else", umount_all),
    ]
}

fn unit(station: &Station) {
    let complaints =
        station.guest.run("systemd-analyze verify --man=no isomirrord.service").unwrap();
    assert_eq!((complaints.status, &*complaints.stderr), (0, ""), "complaints about the unit");
    let active = "systemctl show --property ActiveState,SubState --value isomirrord";
    assert_eq!(station.check(active), "active\nrunning\n");
    let disc = station.disc("Hot Disc");
    station.attach("cd0", Some(&disc));
    let sight = station.published(&disc);
    let index = sight.index.to_string();
    for secret in ["/dev/", "/srv/", "mountpoint"] {
        assert!(!index.contains(secret), "`{secret}` in {index}");
    }
    // By its fields, as an operator searches.
    let entries = "journalctl -q -o cat -u isomirrord 'LABEL=Hot Disc' 'NAME=Hot_Disc'";
    assert_ne!(station.check(entries), "", "entries of the journal");
}

/// Kills the daemon, waits until it is dead, and starts it unless systemd already did.
const KILL_AND_START: &str = "set -e
    pid=$(systemctl show --property MainPID --value isomirrord)
    kill -KILL \"$pid\"
    while test -e /proc/$pid; do sleep 0.1; done
    systemctl reset-failed isomirrord || true
    systemctl start isomirrord";

/// As a package does it.
const UPGRADE: &str = "set -e
    cp --archive --remove-destination --no-target-directory /payload/installed /
    udevadm control --reload
    systemctl daemon-reload
    systemctl try-restart isomirrord";

fn stays(station: &Station) {
    // The image is young all the time: none that was published is waited for again.
    station.configure("media: {settle: 1h}");
    let (disc, image) = (station.large_disc("DISC"), station.disc("IMAGE"));
    station.attach("cd0", Some(&disc));
    station.published(&disc);
    station.attach("cd1", Some(&image));
    station.published(&image);
    let device = station.device("IMAGE");
    station.check(&format!("cp {device} /var/lib/isomirror/images/image.iso"));
    station.unplug("cd1");
    let from_file = "grep -q 'images/image.iso' /run/isomirror/state.json";
    station.guest.wait_until(from_file, PATIENCE).unwrap();
    station.published(&image);
    Usage::OpenFile.begin(station, "DISC");
    let before = station.mounts();
    assert_eq!(before.len(), 2, "{before:?}");
    for script in [
        "systemctl restart isomirrord",
        "systemctl stop isomirrord; cat /srv/isomirror/DISC/label.txt; systemctl start isomirrord",
        UPGRADE,
        KILL_AND_START,
    ] {
        station.check(script);
        station.published(&disc);
        station.published(&image);
        assert_eq!(station.mounts(), before, "the same mounts after `{script}`");
    }
    let reads = "dd if=/proc/$(systemctl show --property MainPID --value reader-file)/fd/5 bs=1M skip=100 \
                 count=1 of=/dev/null";
    station.check(reads);
}

fn umount_all(station: &Station) {
    let disc = station.disc("DISC");
    station.attach("cd0", Some(&disc));
    station.published(&disc);
    station.check("mkdir -p /srv/isomirror/theirs /var/tmp/test/theirs; mount --bind /var/tmp/test/theirs /srv/isomirror/theirs");
    station.check("systemctl stop isomirrord");
    assert_eq!(station.mounts().len(), 2);
    station.check("isomirror umount --all");
    assert_eq!(station.check("ls /srv/isomirror").trim(), "theirs");
    let mounts = station.mounts();
    assert!(mounts.len() == 1 && mounts[0].ends_with("/theirs"), "{mounts:?}");
    station.check(
        "umount /srv/isomirror/theirs; rmdir /srv/isomirror/theirs; systemctl start isomirrord",
    );
    station.published(&disc);
}
