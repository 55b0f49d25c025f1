//! The role of fetching in the daemon: entries that are wanted appear, stay current, and never get worse.

use std::{
    fs,
    io::Write,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use isomirror_tests::{
    daemon::{Daemon, DaemonOptions},
    images::iso9660,
    program::{command, run},
};
use rustix::process::Signal;
use serde_json::Value;

use crate::keeper_fixture::{EARLY, Fixture, LATER, SIGNED, UNSIGNED, is_image, iso};

const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn config(fetch: &str) -> String {
    let interval = if fetch.contains("interval:") { "" } else { "interval: 1h, " };
    format!(
        "media: {{drives: none, settle: 100ms}}\nmount: {{backend: none}}\nfetch: {{{interval}{fetch}}}\n"
    )
}

/// A daemon with this fixture's catalog, which publishes what it fetches.
pub(crate) fn daemon(fixture: &Fixture, fetch: &str) -> Daemon {
    let options = DaemonOptions {
        config: config(fetch),
        environment: vec![(
            "ISOMIRROR_CATALOG_DIRECTORIES".into(),
            fixture.catalog_directories().into(),
        )],
        publishes_store: true,
        ..DaemonOptions::default()
    };
    Daemon::start(options).unwrap()
}

pub(crate) fn entry<'s>(state: &'s Value, id: &str) -> Option<&'s Value> {
    state["fetch"].as_array()?.iter().find(|entry| entry["id"] == id)
}

/// Waits until the daemon says of `id` what `is_it` is true of.
pub(crate) fn wait_for(daemon: &Daemon, id: &str, is_it: impl Fn(&Value) -> bool) -> Value {
    let state =
        daemon.wait_for_state(PATIENCE, |state| entry(state, id).is_some_and(&is_it)).unwrap();
    entry(&state, id).unwrap().clone()
}

fn is_current(version: &'static str) -> impl Fn(&Value) -> bool {
    move |entry| entry["state"] == "current" && entry["version"] == version
}

fn is_served(daemon: &Daemon, name: &str, file: &'static str) {
    daemon
        .wait_for_state(PATIENCE, |state| {
            let media = state["media"].as_array().unwrap();
            media.iter().any(|medium| {
                medium["name"] == name
                    && medium["state"] == "serving"
                    && medium["source"]["path"].as_str().unwrap().ends_with(file)
            })
        })
        .unwrap();
}

/// `isomirror fetch` of this daemon.
fn ask(daemon: &Daemon, arguments: &[&str]) -> Command {
    let mut command = command("isomirror", [&["fetch"], arguments].concat());
    command.env("RUNTIME_DIRECTORY", daemon.runtime_directory());
    command.env("STATE_DIRECTORY", daemon.state_directory());
    command.env("ISOMIRROR_CONFIG", daemon.config());
    for (key, value) in &daemon.environment() {
        command.env(key, value);
    }
    command
}

#[test]
pub(crate) fn what_is_wanted_appears_verified_and_its_successor_takes_its_place_when_it_is_served()
{
    let fixture = Fixture::new();
    let (old, new) = (iso("LINUX_1", 1), iso("LINUX_2", 2));
    fixture.release(&[("1.0", &old)], EARLY);
    let daemon = daemon(&fixture, "want: [linux]");
    let current = wait_for(&daemon, "linux", is_current("1.0"));
    assert_eq!(current["trust"], "signed-list");
    is_served(&daemon, "LINUX_1", "linux-1.0.iso");
    let index: Value =
        serde_json::from_slice(&daemon.http_get("/index.json").unwrap().body).unwrap();
    assert_eq!(index["media"][0]["verified"]["trust"], "signed-list");
    let sums = daemon.http_get("/CHECKSUM").unwrap().text();
    assert!(sums.contains("_/LINUX_1.iso") || sums.contains("LINUX_1.iso"), "{sums}");
    let metrics = daemon.http_get("/metrics").unwrap().text();
    assert!(
        metrics.lines().any(|line| line.starts_with("isomirror_downloads{")
            && line.contains("current")
            && line.ends_with(" 1")),
        "{metrics}"
    );

    fixture.release(&[("1.0", &old), ("2.0", &new)], LATER);
    let asked = run(ask(&daemon, &["linux"]).arg("--json"));
    assert_eq!(asked.code, Some(0), "{asked:?}");
    let document: Value = serde_json::from_str(&asked.output).unwrap();
    assert_eq!(document["results"][0]["version"], "2.0");
    is_served(&daemon, "LINUX_2", "linux-2.0.iso");
    let is_gone = |state: &Value| {
        state["media"].as_array().unwrap().iter().all(|medium| medium["name"] != "LINUX_1")
    };
    daemon.wait_for_state(PATIENCE, is_gone).unwrap();
    assert!(!daemon.images().join("linux/1.0").exists());
    assert!(fs::read(daemon.images().join("linux/2.0/linux-2.0.iso")).unwrap() == new);
}

#[test]
pub(crate) fn under_one_label_the_plain_name_is_that_of_the_newest_release_that_is_served() {
    for backend in ["none", "auto"] {
        let fixture = Fixture::new();
        let images = [iso("LINUX", 1), iso("LINUX", 2), iso("LINUX", 3)];
        fixture.release(&[("1.0", &images[0])], EARLY);
        let mut daemon = daemon(&fixture, "keep: 2, want: [linux]");
        let config = fs::read_to_string(daemon.config()).unwrap();
        fs::write(daemon.config(), config.replace("backend: none", &format!("backend: {backend}")))
            .unwrap();
        daemon.terminate().unwrap();
        daemon.start_again().unwrap();
        wait_for(&daemon, "linux", is_current("1.0"));
        is_served(&daemon, "LINUX", "linux-1.0.iso");

        fixture.release(&[("1.0", &images[0]), ("2.0", &images[1])], LATER);
        let asked = run(&mut ask(&daemon, &["linux"]));
        assert_eq!(asked.code, Some(0), "{asked:?}");
        is_served(&daemon, "LINUX", "linux-2.0.iso");
        let suffixed = |state: &Value| {
            let media = state["media"].as_array().unwrap();
            media.len() == 2
                && media.iter().all(|medium| medium["state"] == "serving")
                && media[1]["name"].as_str().unwrap().starts_with("LINUX~")
                && media[1]["source"]["path"].as_str().unwrap().ends_with("linux-1.0.iso")
        };
        daemon.wait_for_state(PATIENCE, suffixed).unwrap();
        assert!(daemon.http_get("/LINUX/file").unwrap().body == iso9660::bytes(2, 100_000));
        if backend == "auto" {
            let mounted = fs::read(daemon.webroot().join("LINUX/file")).unwrap();
            assert!(mounted == iso9660::bytes(2, 100_000));
        }

        daemon.kill9().unwrap();
        daemon.start_again().unwrap();
        daemon.wait_for_state(PATIENCE, suffixed).unwrap();

        let config = fs::read_to_string(daemon.config()).unwrap();
        fs::write(daemon.config(), config.replace("keep: 2", "keep: 1")).unwrap();
        daemon.signal(Signal::HUP).unwrap();
        let releases = [("1.0", &*images[0]), ("2.0", &images[1]), ("3.0", &images[2])];
        fixture.release(&releases, "20260101T000000");
        let asked = run(&mut ask(&daemon, &["linux"]));
        assert_eq!(asked.code, Some(0), "{asked:?}");
        is_served(&daemon, "LINUX", "linux-3.0.iso");
        let alone = |state: &Value| state["media"].as_array().unwrap().len() == 1;
        daemon.wait_for_state(PATIENCE, alone).unwrap();
        is_served(&daemon, "LINUX", "linux-3.0.iso");
        assert!(daemon.http_get("/LINUX/file").unwrap().body == iso9660::bytes(3, 100_000));
    }
}

#[test]
pub(crate) fn a_medium_that_cannot_be_served_leaves_its_predecessor_where_it_is() {
    let fixture = Fixture::new();
    let old = iso("LINUX", 1);
    // Signed and verified, and all the same nothing that can be published: only the beginning of a disc.
    let mut broken = old[..40 << 10].to_vec();
    broken.extend_from_slice(b"no file system");
    fixture.release(&[("1.0", &old)], EARLY);
    let daemon = daemon(&fixture, "want: [linux]");
    wait_for(&daemon, "linux", is_current("1.0"));
    is_served(&daemon, "LINUX", "linux-1.0.iso");
    fixture.release(&[("1.0", &old), ("2.0", &broken)], LATER);
    let asked = run(&mut ask(&daemon, &["linux"]));
    assert_eq!(asked.code, Some(0), "{asked:?}");
    thread::sleep(Duration::from_secs(3));
    assert!(daemon.images().join("linux/1.0/linux-1.0.iso").exists());
    is_served(&daemon, "LINUX", "linux-1.0.iso");
}

#[test]
pub(crate) fn a_daemon_that_is_killed_in_the_middle_goes_on_where_it_was() {
    let fixture = Fixture::new();
    let mut image = iso("LINUX", 1);
    image.resize(24 << 20, 7);
    fixture.release(&[("1.0", &image)], EARLY);
    fixture.publisher.slow_down(Duration::ZERO, 6 << 20);
    let mut daemon = daemon(&fixture, "want: [linux]");
    wait_for(&daemon, "linux", |entry| {
        entry["state"] == "downloading" && entry["bytes"].as_u64() > Some(4 << 20)
    });
    daemon.kill9().unwrap();
    assert!(!daemon.images().join("linux").exists(), "nothing is published half");
    fixture.publisher.slow_down(Duration::ZERO, 0);
    daemon.start_again().unwrap();
    wait_for(&daemon, "linux", is_current("1.0"));
    assert!(fs::read(daemon.images().join("linux/1.0/linux-1.0.iso")).unwrap() == image);
    // Ended in order, it has put down all that had come.
    let other = iso("LINUX", 2);
    fixture.release(&[("1.0", &image), ("2.0", &other)], LATER);
    daemon.terminate().unwrap();
    daemon.start_again().unwrap();
    let first = wait_for(&daemon, "linux", |entry| entry["version"].is_string());
    assert_eq!(first["version"], "1.0", "it is not looked at again before its time");
}

#[test]
pub(crate) fn entries_come_and_go_with_the_configuration_and_with_what_people_ask_for() {
    let fixture = Fixture::new();
    let image = iso("LINUX", 1);
    fixture.release(&[("1.0", &image)], EARLY);
    let other = iso("OTHER", 2);
    fixture.publisher.put("/other/other-3.0.iso", &other);
    let list = format!("{}  other-3.0.iso\n", crate::keeper_fixture::sha256(&other));
    fixture.publisher.put("/other/SUMS", list.as_bytes());
    fixture.entries(&[("linux", "/linux/", SIGNED), ("other", "/other/", UNSIGNED)]);
    let daemon = daemon(&fixture, "want: []");
    assert!(!daemon.images().join(".lock").exists(), "a store that nobody needs is not opened");
    let nothing = run(&mut ask(&daemon, &[]));
    assert_eq!(nothing.code, Some(1));
    assert!(nothing.errors.contains("nothing is wanted"), "{nothing:?}");
    // Once, because somebody asked.
    let asked = run(&mut ask(&daemon, &["other"]));
    assert_eq!(asked.code, Some(0), "{asked:?}");
    is_served(&daemon, "OTHER", "other-3.0.iso");
    let medium = daemon.medium("OTHER").unwrap().unwrap();
    assert!(medium["verified"].is_null(), "nobody vouches for it: {medium}");
    fs::write(daemon.config(), config("want: [linux]")).unwrap();
    daemon.signal(Signal::HUP).unwrap();
    wait_for(&daemon, "linux", is_current("1.0"));
    fs::write(daemon.config(), config("want: [linx]")).unwrap();
    daemon.signal(Signal::HUP).unwrap();
    let held = wait_for(&daemon, "linx", |entry| entry["state"] == "held");
    assert!(held["problem"].as_str().unwrap().contains("did you mean `linux`?"), "{held}");
    let state = daemon.state().unwrap();
    assert!(entry(&state, "linux").is_none(), "it is wanted no more");
    assert!(daemon.images().join("linux/1.0/linux-1.0.iso").exists(), "and its image stays");
}

#[test]
pub(crate) fn a_store_in_which_somebody_else_works_is_waited_for_and_told_of() {
    let fixture = Fixture::new();
    let image = iso("LINUX", 1);
    fixture.release(&[("1.0", &image)], EARLY);
    let daemon = daemon(&fixture, "want: [linux]");
    wait_for(&daemon, "linux", is_current("1.0"));
    // Another one, with the same store and a runtime directory of its own.
    fixture.configure("");
    let elsewhere =
        run(fixture.command(["fetch", "linux"]).env("STATE_DIRECTORY", daemon.state_directory()));
    assert_eq!(elsewhere.code, Some(1));
    assert!(elsewhere.errors.contains("another process works in the store"), "{elsewhere:?}");
}

#[test]
pub(crate) fn outside_its_window_nothing_is_fetched_that_nobody_waits_for() {
    let fixture = Fixture::new();
    let image = iso("LINUX", 1);
    fixture.release(&[("1.0", &image)], EARLY);
    let window = window_ahead();
    let daemon = daemon(&fixture, &format!("want: [linux], window: '{window}'"));
    wait_for(&daemon, "linux", |entry| entry["state"] == "queued");
    thread::sleep(Duration::from_secs(1));
    assert!(!fixture.asked().iter().any(|path| is_image(path)));
    let asked = run(&mut ask(&daemon, &["linux"]));
    assert_eq!(asked.code, Some(0), "{asked:?}");
    wait_for(&daemon, "linux", is_current("1.0"));
}

/// A window that opens in two hours.
pub(crate) fn window_ahead() -> String {
    let minute = |ahead: i64| {
        let then = minute_of_day(ahead);
        format!("{:02}:{:02}", then / 60, then % 60)
    };
    format!("{}-{}", minute(120), minute(180))
}

/// Minute of the local day, `ahead` minutes from now.
fn minute_of_day(ahead: i64) -> i64 {
    let text = isomirror_tests::tool::run("date", |date| date.arg("+%H %M")).unwrap();
    let mut words = text.split_whitespace().map(|word| word.parse::<i64>().unwrap());
    let now = words.next().unwrap() * 60 + words.next().unwrap();
    (now + ahead) % (24 * 60)
}

#[test]
pub(crate) fn a_limit_of_bandwidth_holds_and_can_be_lifted_while_bytes_come() {
    let fixture = Fixture::new();
    let mut image = iso("LINUX", 1);
    image.resize(8 << 20, 7);
    fixture.release(&[("1.0", &image)], EARLY);
    let daemon = daemon(&fixture, "want: [linux], bandwidth: 1MiB");
    let begun = Instant::now();
    let now = wait_for(&daemon, "linux", |entry| entry["bytes"].as_u64() > Some(2 << 20));
    assert_eq!(now["state"], "downloading");
    assert!(begun.elapsed() > Duration::from_millis(1500), "{:?}", begun.elapsed());
    fs::write(daemon.config(), config("want: [linux]")).unwrap();
    daemon.signal(Signal::HUP).unwrap();
    wait_for(&daemon, "linux", is_current("1.0"));
    assert!(begun.elapsed() < Duration::from_secs(7), "{:?}", begun.elapsed());
}

#[test]
pub(crate) fn a_name_that_the_catalog_gives_stands_for_a_label_that_others_have_too() {
    let fixture = Fixture::new();
    let image = iso("SAME-LABEL", 1);
    fixture.release(&[("1.0", &image)], EARLY);
    let rules = format!("{SIGNED}    alias: 'linux-{{version}}-netinst'\n");
    fixture.entries(&[("linux", "/linux/", &rules)]);
    let daemon = daemon(&fixture, "want: [linux]");
    is_served(&daemon, "linux-1.0-netinst", "linux-1.0.iso");
    assert_eq!(daemon.medium("linux-1.0-netinst").unwrap().unwrap()["label"], "SAME-LABEL");
}

#[test]
pub(crate) fn somebody_elses_bytes_in_the_image_end_its_being_verified() {
    let fixture = Fixture::new();
    let image = iso("LINUX", 1);
    fixture.release(&[("1.0", &image)], EARLY);
    let daemon = daemon(&fixture, "want: [linux]");
    is_served(&daemon, "LINUX", "linux-1.0.iso");
    let path = daemon.images().join("linux/1.0/linux-1.0.iso");
    let mut file = fs::File::options().append(true).open(&path).unwrap();
    file.write_all(b"more").unwrap();
    drop(file);
    daemon
        .wait_for_state(PATIENCE, |state| {
            let media = state["media"].as_array().unwrap();
            media.iter().any(|medium| medium["state"] == "serving" && medium["verified"].is_null())
        })
        .unwrap();
    let asked = run(&mut ask(&daemon, &["linux"]));
    assert_eq!(asked.code, Some(1), "{asked:?}");
    assert!(asked.output.contains("is not ours"), "{asked:?}");
}
