//! Drives that cannot be read, or do not answer, and what they must not hold up.

use std::time::{Duration, Instant};

use isomirror_tests::guest::Fault;

use crate::{
    row::Row,
    station::{PATIENCE, Station},
};

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::new("trouble::a_disc_whose_descriptor_is_unreadable_says_so", unreadable_disc),
        Row::new("trouble::a_bad_sector_costs_only_its_file", bad_sector),
        Row::new("trouble::a_hung_drive_holds_up_nobody", hung_drive),
    ]
}

fn unreadable_disc(station: &Station) {
    let (bad, good) = (station.disc("BAD"), station.disc("GOOD"));
    station.note_plugged("cd0");
    station
        .guest
        .attach_faulty_drive("cd0", &bad.image, Fault::Unreadable { byte: 16 * 2048 })
        .unwrap();
    station.attach("cd1", Some(&good));
    station.published(&good);
    let broken = "grep -q '\"state\": *\"broken\"' /run/isomirror/state.json";
    station.guest.wait_until(broken, PATIENCE).unwrap();
    let state = station.look("-").state;
    let media = state["media"].as_array().unwrap();
    let broken = media.iter().find(|medium| medium["state"] == "broken").unwrap();
    let problem = broken["problem"].as_str().unwrap();
    assert!(problem.contains("/dev/sr") && problem.contains(": "), "{problem}");
    let status = station.check("isomirror status || true");
    assert!(status.contains(problem.split(':').next().unwrap()), "{status}");
    station.published(&good);
}

fn bad_sector(station: &Station) {
    let disc = station.large_disc("DISC");
    station.note_plugged("cd0");
    // In the middle of `large`, which is by far the most of it.
    station
        .guest
        .attach_faulty_drive("cd0", &disc.image, Fault::Unreadable { byte: 120 << 20 })
        .unwrap();
    station.published(&disc);
    let large = station
        .guest
        .run("curl -s -m 50 -o /var/tmp/test/large http://127.0.0.1:8080/DISC/large")
        .unwrap();
    assert!(!large.success(), "a damaged file was given as a whole");
    station.published(&disc);
}

fn hung_drive(station: &Station) {
    let (hung, good) = (station.disc("HUNG"), station.disc("GOOD"));
    station.attach("cd1", Some(&good));
    station.published(&good);
    let daemon = "systemctl show --property MainPID --value isomirrord";
    let before = station.check(daemon);
    station.note_plugged("cd0");
    station.guest.attach_faulty_drive("cd0", &hung.image, Fault::Hangs).unwrap();
    let told = "grep -qE '\"problem\": *\"`/dev/sr[0-9]' /run/isomirror/state.json";
    station.guest.wait_until(told, PATIENCE).unwrap();
    // Meanwhile others come and go as ever.
    station.published(&good);
    let start = Instant::now();
    station.check("isomirror eject GOOD");
    station.gone("GOOD");
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
    station.guest.insert("cd1", &station.disc("NEXT").image, true).unwrap();
    station.published(&station.disc("NEXT"));
    // Longer than the watchdog's patience.
    station.check("sleep 35");
    assert_eq!(station.check(daemon), before, "the watchdog ended it");
    let start = Instant::now();
    station.guest.run_for("systemctl stop isomirrord", PATIENCE).unwrap();
    assert!(start.elapsed() < Duration::from_secs(20), "the stop took {:?}", start.elapsed());
    let result = station.check("systemctl show --property Result --value isomirrord");
    assert_eq!(result.trim(), "success");
}
