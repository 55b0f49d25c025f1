//! Two media with one label, and the same medium twice. Names are remembered, so each test has labels of its own.

use crate::{
    discs::relabelled,
    row::Row,
    station::{PATIENCE, Station},
};

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::new("names::one_label_in_two_drives", two_drives),
        Row::new("names::one_label_on_a_disc_and_in_a_file", disc_and_file),
        Row::new("names::the_same_medium_twice_is_published_once", same_medium),
        Row::new("names::hostile_labels_stay_one_harmless_directory", hostile_labels),
    ]
}

/// The names that are there, with the device or file that each is published from.
fn published(station: &Station) -> Vec<(String, String)> {
    let state = station.look("-").state;
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let media = state["media"].as_array().unwrap().iter();
    media.map(|medium| (text(&medium["name"]), text(&medium["source"]["path"]))).collect()
}

fn wait_for_two(station: &Station) -> Vec<(String, String)> {
    let two = "test $(grep -o '\"state\": *\"serving\"' /run/isomirror/state.json | wc -l) = 2";
    station.guest.wait_until(two, PATIENCE).unwrap();
    published(station)
}

fn two_drives(station: &Station) {
    let (first, second) = (station.disc("PAIR"), station.twin("PAIR"));
    station.attach("cd0", Some(&first));
    station.published(&first);
    station.attach("cd1", Some(&second));
    let names = wait_for_two(station);
    let other = names.iter().map(|(name, _)| name).find(|name| *name != "PAIR").unwrap().clone();
    assert!(other.starts_with("PAIR~") && other.len() == 13, "{names:?}");
    station.published_as("PAIR", &first);
    station.published_as(&other, &second);
    station.check("systemctl restart isomirrord");
    assert_eq!(wait_for_two(station), names);
    // Also when both come back in the other order.
    station.unplug("cd0");
    station.unplug("cd1");
    station.gone("PAIR");
    station.gone(&other);
    station.attach("cd1", Some(&second));
    station.published_as(&other, &second);
    station.attach("cd0", Some(&first));
    station.published_as("PAIR", &first);
    station.published_as(&other, &second);
}

fn disc_and_file(station: &Station) {
    let (first, second) = (station.disc("MIXED"), station.twin("MIXED"));
    station.attach("cd0", Some(&first));
    station.published(&first);
    let device = station.device("MIXED");
    station.check(&format!("cp {device} /var/tmp/test/file.iso"));
    station.unplug("cd0");
    station.gone("MIXED");
    station.attach("cd1", Some(&second));
    station.published_as("MIXED", &second);
    station.check("mv /var/tmp/test/file.iso /var/lib/isomirror/images/");
    let names = wait_for_two(station);
    station.check("systemctl restart isomirrord");
    assert_eq!(wait_for_two(station), names);
    let file = names.iter().find(|(_, path)| path.ends_with("file.iso")).unwrap();
    station.published_as(&file.0, &first);
}

fn same_medium(station: &Station) {
    let disc = station.disc("TWICE");
    station.attach("cd0", Some(&disc));
    station.published(&disc);
    let device = station.device("TWICE");
    station.attach("cd1", Some(&disc));
    station.guest.wait_until("grep -q also_at /run/isomirror/state.json", PATIENCE).unwrap();
    assert_eq!(published(station), [("TWICE".to_owned(), device)]);
    assert_eq!(station.mounts().len(), 1);
    station.unplug("cd0");
    let moved =
        "! grep -q also_at /run/isomirror/state.json && grep -q serving /run/isomirror/state.json";
    station.guest.wait_until(moved, PATIENCE).unwrap();
    station.published(&disc);
}

fn hostile_labels(station: &Station) {
    // Volume identifiers have 32 bytes.
    let labels = ["../../etc", "*", "$(id)&'\"", "-rf", "..", "+auto.x", "_hidden"];
    for (number, label) in labels.iter().enumerate() {
        let id = format!("cd{number}");
        let image = relabelled(&station.disc("PLAIN"), label);
        station.note_plugged(&id);
        station.guest.attach_drive(&id, Some(&image)).unwrap();
    }
    let all = format!(
        "test $(grep -o '\"state\": *\"serving\"' /run/isomirror/state.json | wc -l) = {}",
        labels.len()
    );
    station.guest.wait_until(&all, PATIENCE).unwrap();
    for (name, _) in published(station) {
        assert!(!name.contains('/') && !name.starts_with(['.', '-', '_']), "`{name}`");
        let path = name.replace('\'', "'\\''");
        let text = station.check(&format!("cat '/srv/isomirror/{path}/label.txt'"));
        assert_eq!(text, "PLAIN", "`{name}`");
    }
}
