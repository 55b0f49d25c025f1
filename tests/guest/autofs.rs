//! Discs that automount mounts when somebody asks for them.

use std::{thread::sleep, time::Duration};

use crate::{
    departure::eject_by_the_hypervisor,
    row::Row,
    station::{PATIENCE, Station},
    usage::Usage,
};

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::new("autofs::discs_are_listed_and_mounted_on_demand", on_demand),
        Row::new("autofs::busy_disc_leaves_no_ghost", busy_disc),
        Row::new("autofs::forced_change_shows_only_the_next_disc", forced_change),
    ]
}

fn start(station: &Station, timeout: u32) {
    station.configure("mount: {backend: autofs}");
    station.check(&format!(
        "mkdir -p /etc/auto.master.d
         sed 's/--timeout=60/--timeout={timeout}/' /usr/share/doc/isomirror/examples/isomirror.autofs >/etc/auto.master.d/isomirror.autofs
         systemctl start autofs"
    ));
    station
        .guest
        .wait_until("grep -q ' /srv/isomirror .* autofs ' /proc/1/mountinfo", PATIENCE)
        .unwrap();
}

const MOUNTED: &str = "grep ' /srv/isomirror/DISC ' /proc/1/mountinfo";

fn stop(station: &Station) {
    station.check("systemctl stop autofs; rm -f /etc/auto.master.d/isomirror.autofs");
}

fn listed(station: &Station, name: &str) {
    let listed = format!("test \"$(ls /srv/isomirror)\" = '{name}'");
    station.guest.wait_until(&listed, PATIENCE).unwrap();
}

fn on_demand(station: &Station) {
    start(station, 4);
    let disc = station.disc("DISC");
    station.attach("cd0", Some(&disc));
    listed(station, "DISC");
    let is_mounted = || station.guest.run(MOUNTED).unwrap().success();
    assert!(!is_mounted(), "it is mounted though nobody asked");
    station.published(&disc);
    assert!(is_mounted());
    // Nobody uses it any more.
    station.guest.wait_until(&format!("! {MOUNTED}"), PATIENCE).unwrap();
    listed(station, "DISC");
    station.published(&disc);
    eject_by_the_hypervisor(station, "cd0");
    station.gone("DISC");
    // Asked for in vain a moment ago, and there again.
    assert!(!station.guest.run("ls /srv/isomirror/DISC").unwrap().success());
    station.guest.insert("cd0", &disc.image, true).unwrap();
    station.published(&disc);
    eject_by_the_hypervisor(station, "cd0");
    station.gone("DISC");
    stop(station);
}

fn busy_disc(station: &Station) {
    start(station, 60);
    let disc = station.large_disc("DISC");
    station.attach("cd0", Some(&disc));
    listed(station, "DISC");
    station.published(&disc);
    Usage::OpenFile.begin(station, "DISC");
    eject_by_the_hypervisor(station, "cd0");
    station.gone("DISC");
    Usage::OpenFile.saw_only(station, &disc);
    station.check("systemctl stop reader-file");
    sleep(Duration::from_secs(3));
    station.gone("DISC");
    stop(station);
}

fn forced_change(station: &Station) {
    start(station, 60);
    let (disc, other) = (station.large_disc("DISC"), station.large_disc("OTHER"));
    station.attach("cd0", Some(&disc));
    listed(station, "DISC");
    station.published(&disc);
    Usage::OpenFile.begin(station, "DISC");
    station.guest.insert("cd0", &other.image, true).unwrap();
    listed(station, "OTHER");
    station.published(&other);
    station.gone("DISC");
    Usage::OpenFile.saw_only(station, &disc);
    station.unplug("cd0");
    station.gone("OTHER");
    stop(station);
}
