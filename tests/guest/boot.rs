//! Discs that are there when the machine boots.

use isomirror_tests::guest::{Guest, GuestOptions, PayloadFile, installed::INSTALL};
use tempfile::TempDir;

use crate::{
    discs::Discs,
    row::Row,
    station::{PATIENCE, Station, payload},
};

pub(crate) fn rows() -> Vec<Row> {
    vec![Row::alone("boot::discs_that_are_there_at_boot_are_published", there_at_boot)]
}

fn there_at_boot() {
    let (directory, discs) = (TempDir::new().unwrap(), Discs::new());
    let script = directory.path().join("at-boot");
    // As if it had been installed before.
    std::fs::write(&script, format!("{INSTALL}\nsystemctl start --no-block isomirrord")).unwrap();
    let mut files = payload();
    files.push(PayloadFile::new(script, "at-boot"));
    let present = ["COLD ONE", "COLD TWO"].map(|label| discs.get(label, false));
    let options = GuestOptions {
        payload: files,
        discs: present.iter().map(|disc| disc.image.clone()).collect(),
        ..GuestOptions::default()
    };
    let station = Station::of(Guest::boot(&options).unwrap());
    let up = "systemctl --quiet is-active isomirrord && test -e /run/isomirror/state.json";
    station.guest.wait_until(up, PATIENCE).unwrap();
    for disc in &present {
        station.published(disc);
    }
    crate::departure::eject_by_the_hypervisor(&station, "boot0");
    station.gone("COLD_ONE");
    station.published(&present[1]);
}
