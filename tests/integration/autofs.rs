//! `mount.backend: autofs` with the real automount: everything is listed, what is asked for is mounted, what goes
//! leaves nothing behind.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::Path,
    thread::sleep,
    time::{Duration, Instant},
};

use isomirror_tests::{
    automount::Automount,
    daemon::{Daemon, DaemonOptions},
    mounts,
    private_mounts::PrivateMounts,
};
use rustix::process::Signal;

use crate::publishing::image;

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
pub(crate) const MASTER_OPTIONS: &str = "--timeout=60 --negative-timeout=1 browse";

/// A daemon and the automount that it tells. The fields end in this order.
pub(crate) struct Machine {
    pub(crate) automount: Automount,
    pub(crate) daemon: Daemon,
    _mounts: PrivateMounts,
}

impl Machine {
    /// Starts both, with an image for each label in the watched directory.
    pub(crate) fn start(labels: &[&str], options: &str) -> Self {
        let mounts = PrivateMounts::enter().unwrap();
        let daemon = Daemon::start_with(daemon_options(), |images| {
            for (index, label) in labels.iter().enumerate() {
                image(&images.join(format!("file{index}.iso")), label, label);
            }
            Ok(())
        });
        let daemon = daemon.unwrap();
        let automount = Automount::start(&daemon.webroot(), &map(&daemon), options).unwrap();
        Self { automount, daemon, _mounts: mounts }
    }

    /// Waits until exactly `names` are served and listed.
    pub(crate) fn wait_for(&self, names: &[&str]) {
        self.daemon
            .wait_for_state(PATIENCE, |state| {
                let media = state["media"].as_array().unwrap();
                media.len() == names.len()
                    && media
                        .iter()
                        .all(|it| it["state"] == "serving" && it["mountpoint"].is_string())
            })
            .unwrap();
        let names: BTreeSet<String> = names.iter().map(|name| (*name).to_owned()).collect();
        wait("the list", || self.listed() == names);
    }

    pub(crate) fn listed(&self) -> BTreeSet<String> {
        let entries = fs::read_dir(self.daemon.webroot()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// Names that are mounted.
    pub(crate) fn mounted(&self) -> BTreeSet<String> {
        let webroot = self.daemon.webroot();
        let below = mounts::below(&webroot).unwrap().into_iter();
        below
            .filter(|mount| mount.target != webroot)
            .map(|mount| mount.target.file_name().unwrap().to_str().unwrap().to_owned())
            .collect()
    }

    pub(crate) fn content(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.daemon.webroot().join(name).join("content")).ok()
    }

    /// Puts an image in at once, maybe in the place of another.
    fn move_in(&self, file: &str, label: &str, content: &str) {
        let beside = self.daemon.images().parent().unwrap().join(format!("new-{file}"));
        image(&beside, label, content);
        fs::rename(beside, self.daemon.images().join(file)).unwrap();
    }

    fn remove(&self, file: &str) {
        fs::remove_file(self.daemon.images().join(file)).unwrap();
    }
}

pub(crate) fn daemon_options() -> DaemonOptions {
    let DaemonOptions { config, .. } = DaemonOptions::default();
    let config = format!("{config}mount:\n  backend: autofs\n  drain: 1s\n");
    DaemonOptions { config, ..DaemonOptions::default() }
}

pub(crate) fn map(daemon: &Daemon) -> std::path::PathBuf {
    daemon.runtime_directory().join("autofs/auto.isomirror")
}

pub(crate) fn wait(what: &str, mut done: impl FnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < PATIENCE, "{what} did not come true");
        sleep(Duration::from_millis(20));
    }
    start.elapsed()
}

#[test]
fn the_shipped_master_entry_is_the_one_that_is_tested() {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let text = fs::read_to_string(checkout.join("autofs/isomirror.autofs")).unwrap();
    let entries: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let expected = format!("/srv/isomirror /run/isomirror/autofs/auto.isomirror {MASTER_OPTIONS}");
    assert_eq!(entries, [expected]);
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn all_are_listed_and_what_is_asked_for_is_mounted_until_nobody_uses_it() {
    let machine = Machine::start(&["ONE", "TWO", "THREE"], "--timeout=2 browse");
    machine.wait_for(&["ONE", "THREE", "TWO"]);
    assert_eq!(machine.mounted(), names(&[]), "listing mounts nothing");
    assert_eq!(machine.content("TWO").as_deref(), Some("TWO"));
    assert_eq!(machine.mounted(), names(&["TWO"]));
    let medium = machine.daemon.medium("TWO").unwrap().unwrap();
    let mountpoint = machine.daemon.webroot().join("TWO");
    assert_eq!(
        (medium["backend"].as_str(), medium["mountpoint"].as_str(), medium["problem"].as_str()),
        (Some("autofs"), mountpoint.to_str(), None)
    );
    let mount = mounts::at(&mountpoint).unwrap().unwrap();
    assert_eq!(mount.filesystem, "erofs");
    for option in ["ro", "nosuid", "nodev", "noexec"] {
        assert!(mount.options.split(',').any(|it| it == option), "{option}: {}", mount.options);
    }
    let response = machine.daemon.http_get("/ONE/content").unwrap();
    assert_eq!(response.body, b"ONE", "our own server needs no mount");
    assert_eq!(machine.mounted(), names(&["TWO"]));
    wait("the expiry", || machine.mounted().is_empty());
    assert_eq!(machine.listed(), names(&["ONE", "THREE", "TWO"]));
    assert_eq!(machine.content("TWO").as_deref(), Some("TWO"), "and again");
}

#[test]
fn automount_is_told_when_keys_change_and_only_then() {
    let mut machine = Machine::start(&["KEPT"], MASTER_OPTIONS);
    machine.wait_for(&["KEPT"]);
    let text = fs::read(map(&machine.daemon)).unwrap();
    let start = machine.automount.hangups();
    assert_eq!(machine.content("KEPT").as_deref(), Some("KEPT"));
    machine.daemon.signal(Signal::HUP).unwrap();
    sleep(Duration::from_secs(1));
    machine.daemon.kill9().unwrap();
    machine.daemon.start_again().unwrap();
    machine.wait_for(&["KEPT"]);
    machine.daemon.terminate().unwrap();
    assert_eq!(machine.mounted(), names(&["KEPT"]), "a stop keeps what is there");
    machine.daemon.start_again().unwrap();
    machine.wait_for(&["KEPT"]);
    sleep(Duration::from_millis(1500));
    assert_eq!(machine.automount.hangups(), start, "no key changed");
    assert_eq!(fs::read(map(&machine.daemon)).unwrap(), text);
    machine.move_in("new.iso", "NEW", "new");
    machine.wait_for(&["KEPT", "NEW"]);
    sleep(Duration::from_millis(2500));
    assert_eq!(machine.automount.hangups(), start + 1);
    machine.remove("new.iso");
    machine.wait_for(&["KEPT"]);
    sleep(Duration::from_millis(2500));
    assert_eq!(machine.automount.hangups(), start + 2);
    assert_eq!(machine.mounted(), names(&["KEPT"]), "it was in nobody's way");
}

#[test]
fn a_medium_that_goes_while_it_is_read_leaves_no_ghost() {
    let machine = Machine::start(&["BUSY", "IDLE"], MASTER_OPTIONS);
    machine.wait_for(&["BUSY", "IDLE"]);
    let reader = File::open(machine.daemon.webroot().join("BUSY/content")).unwrap();
    assert_eq!(machine.content("IDLE").as_deref(), Some("IDLE"));
    machine.remove("file0.iso");
    machine.remove("file1.iso");
    let took = wait("the end", || machine.listed().is_empty() && machine.mounted().is_empty());
    assert!(took > Duration::from_millis(900), "the reader had its time: {took:?}");
    assert!(took < Duration::from_secs(6), "{took:?}");
    assert_eq!(machine.content("BUSY"), None);
    assert_eq!(std::io::read_to_string(reader).unwrap(), "BUSY", "whoever has it open goes on");
    sleep(Duration::from_secs(1));
    assert_eq!(machine.listed(), names(&[]));
    let metadata = machine.daemon.state_directory().join("erofs");
    wait("the end of the metadata", || fs::read_dir(&metadata).unwrap().count() == 0);
}

#[test]
fn another_medium_under_the_same_name_is_never_the_old_one() {
    let machine = Machine::start(&["SAME"], MASTER_OPTIONS);
    machine.wait_for(&["SAME"]);
    for round in 0..6 {
        if round % 2 == 0 {
            // Mounted, and in the other rounds not.
            assert!(machine.content("SAME").is_some());
        }
        let content = format!("content {round}");
        machine.move_in("file0.iso", "SAME", &content);
        let replaced = Instant::now();
        wait("the new content", || {
            let found = machine.content("SAME");
            let is_late = replaced.elapsed() > Duration::from_secs(4);
            assert!(!is_late || found.is_none() || found.as_ref() == Some(&content), "{found:?}");
            found.as_ref() == Some(&content)
        });
    }
}

#[test]
fn a_file_that_was_replaced_behind_the_daemons_back_is_refused() {
    let mut machine = Machine::start(&["GONE"], MASTER_OPTIONS);
    machine.wait_for(&["GONE"]);
    machine.daemon.kill9().unwrap();
    machine.move_in("file0.iso", "GONE", "another");
    assert_eq!(machine.content("GONE"), None);
    assert_eq!(machine.mounted(), names(&[]));
    let log = machine.automount.log();
    assert!(log.contains("is not the medium that was asked for"), "{log}");
    machine.daemon.start_again().unwrap();
    wait("the new one", || machine.content("GONE").as_deref() == Some("another"));
}

#[test]
fn a_name_that_was_asked_for_too_early_is_found_when_it_appears() {
    let machine = Machine::start(&["HERE"], MASTER_OPTIONS);
    machine.wait_for(&["HERE"]);
    assert_eq!(machine.content("LATE"), None);
    let beside = machine.daemon.images().parent().unwrap().join("late");
    image(&beside, "LATE", "late");
    assert_eq!(machine.content("LATE"), None);
    fs::rename(&beside, machine.daemon.images().join("late.iso")).unwrap();
    let took = wait("the late one", || machine.content("LATE").as_deref() == Some("late"));
    assert!(took < Duration::from_millis(3500), "{took:?}");
}

#[test]
fn without_automount_media_are_served_and_everybody_is_told() {
    let _mounts = PrivateMounts::enter().unwrap();
    let mut daemon = Daemon::start(daemon_options()).unwrap();
    image(&daemon.images().join("a.iso"), "ALONE", "alone");
    let state = daemon.wait_for_serving(PATIENCE, &["ALONE"]).unwrap();
    let medium = &state["media"][0];
    assert_eq!((medium["backend"].as_str(), medium["mountpoint"].as_str()), (Some("autofs"), None));
    let problem = state["problems"][0].as_str().unwrap();
    assert!(
        problem.contains("no automount serves") && problem.contains("install autofs"),
        "{problem}"
    );
    assert!(medium["problem"].as_str().unwrap().contains("no automount serves"));
    assert_eq!(daemon.http_get("/ALONE/content").unwrap().body, b"alone");
    let has_no_problem = |state: &serde_json::Value| {
        state["problems"].is_null() && state["media"][0]["mountpoint"].is_string()
    };
    let mut automount = Automount::start(&daemon.webroot(), &map(&daemon), MASTER_OPTIONS).unwrap();
    daemon.wait_for_state(PATIENCE, has_no_problem).unwrap();
    automount.kill9().unwrap();
    // Nothing tells of its end; the next sign of anything makes the daemon look.
    image(&daemon.images().join("b.iso"), "SECOND", "second");
    let state = daemon.wait_for_state(PATIENCE, |state| !state["problems"].is_null()).unwrap();
    assert!(state["problems"][0].as_str().unwrap().contains("has ended"), "{state:#}");
    daemon.terminate().unwrap();
    drop(automount);
}

#[test]
fn leaving_autofs_takes_its_media_away() {
    let machine = Machine::start(&["ONE"], MASTER_OPTIONS);
    machine.wait_for(&["ONE"]);
    let config = fs::read_to_string(machine.daemon.config()).unwrap();
    fs::write(machine.daemon.config(), config.replace("autofs", "auto")).unwrap();
    machine.daemon.signal(Signal::HUP).unwrap();
    let state = machine.daemon.wait_for_state(PATIENCE, |state| !state["problems"].is_null());
    let problem = state.unwrap()["problems"][0].as_str().unwrap().to_owned();
    assert!(problem.contains("belongs to autofs"), "{problem}");
    wait("the list to be empty", || machine.listed().is_empty());
    assert_eq!(machine.daemon.http_get("/ONE/content").unwrap().body, b"ONE");
}

#[test]
fn a_stop_that_unmounts_leaves_nothing_to_mount() {
    let mut machine = Machine::start(&["ONE", "TWO"], MASTER_OPTIONS);
    machine.wait_for(&["ONE", "TWO"]);
    let config = fs::read_to_string(machine.daemon.config()).unwrap();
    fs::write(machine.daemon.config(), format!("{config}  on_stop: unmount\n")).unwrap();
    machine.daemon.signal(Signal::HUP).unwrap();
    assert!(machine.content("ONE").is_some());
    sleep(Duration::from_millis(500));
    machine.daemon.terminate().unwrap();
    wait("the end", || machine.listed().is_empty() && machine.mounted().is_empty());
    assert!(!Path::new(&machine.daemon.webroot()).join("ONE").exists());
}
