//! After kill -9 at any moment and a new start, what is right is kept, what is wrong is replaced, and what is not
//! ours is as it was.

use std::{
    fs,
    path::{Path, PathBuf},
    thread::sleep,
    time::Duration,
};

use isomirror_tests::daemon::{Daemon, DaemonOptions, VIEWS};
use rustix::process::Signal;
use serde_json::Value;

use crate::publishing::image;

const PATIENCE: Duration = Duration::from_secs(30);

/// Mount ids of what is mounted below the web root.
fn mounts(daemon: &Daemon) -> Vec<(String, String)> {
    mounts_below(&daemon.webroot())
}

fn mounts_below(web_root: &Path) -> Vec<(String, String)> {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let root = format!("{}/", web_root.display());
    let mut mounts: Vec<_> = table
        .lines()
        .map(|line| line.split(' ').collect::<Vec<_>>())
        .filter_map(|fields| {
            Some((fields[4].strip_prefix(&root)?.to_owned(), fields[0].to_owned()))
        })
        .collect();
    mounts.sort();
    mounts
}

fn names(mounts: &[(String, String)]) -> Vec<&str> {
    mounts.iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn mounts_that_are_right_are_kept_and_wrong_ones_are_replaced() {
    let mut daemon = Daemon::start(DaemonOptions::default()).unwrap();
    for label in ["KEPT", "REPLACED", "REMOVED"] {
        image(&daemon.images().join(format!("{label}.iso")), label, "old");
    }
    daemon.wait_for_serving(PATIENCE, &["KEPT", "REMOVED", "REPLACED"]).unwrap();
    let before = mounts(&daemon);
    daemon.kill9().unwrap();
    assert_eq!(mounts(&daemon), before, "mounts live on without the daemon");
    fs::remove_file(daemon.images().join("REMOVED.iso")).unwrap();
    let replacement = daemon.images().parent().unwrap().join("replacement");
    image(&replacement, "REPLACED", "new");
    fs::rename(replacement, daemon.images().join("REPLACED.iso")).unwrap();
    daemon.start_again().unwrap();
    daemon.wait_for_serving(PATIENCE, &["KEPT", "REPLACED"]).unwrap();
    let after = mounts(&daemon);
    assert_eq!(names(&after), ["KEPT", "REPLACED"]);
    assert_eq!(after[0], before[0], "the same mount");
    let content = fs::read_to_string(daemon.webroot().join("REPLACED/content")).unwrap();
    assert_eq!(content, "new");
    assert!(!daemon.webroot().join("REMOVED").exists());
}

#[test]
fn what_was_published_is_kept_however_young_it_is() {
    let config = "media: {drives: none, settle: 1h}\n".to_owned();
    let mut daemon = Daemon::start(DaemonOptions { config, ..DaemonOptions::default() }).unwrap();
    let beside = daemon.images().parent().unwrap().join("beside");
    image(&beside, "YOUNG", "young");
    fs::rename(beside, daemon.images().join("young.iso")).unwrap();
    daemon.wait_for_serving(PATIENCE, &["YOUNG"]).unwrap();
    let before = mounts(&daemon);
    daemon.kill9().unwrap();
    daemon.start_again().unwrap();
    daemon.wait_for_serving(PATIENCE, &["YOUNG"]).unwrap();
    assert_eq!(mounts(&daemon), before, "the same mount after kill -9");
    daemon.terminate().unwrap();
    daemon.start_again().unwrap();
    daemon.wait_for_serving(PATIENCE, &["YOUNG"]).unwrap();
    assert_eq!(mounts(&daemon), before, "the same mount after a restart");
    let config = fs::read_to_string(daemon.config()).unwrap().replace("1h", "2h");
    fs::write(daemon.config(), config).unwrap();
    daemon.signal(Signal::HUP).unwrap();
    for _ in 0..20 {
        sleep(Duration::from_millis(100));
        assert_eq!(mounts(&daemon), before, "the same mount over a reload");
    }
    assert!(daemon.log().contains("media.settle"), "{}", daemon.log());
    daemon.wait_for_serving(PATIENCE, &["YOUNG"]).unwrap();
}

#[test]
fn nothing_stays_in_a_web_root_that_is_left() {
    let options = DaemonOptions { is_web_root_in_file: true, ..DaemonOptions::default() };
    let mut daemon = Daemon::start(options).unwrap();
    image(&daemon.images().join("a.iso"), "MOVED", "a");
    let [first, second, third] =
        ["web", "second", "third"].map(|name| daemon.webroot().with_file_name(name));
    let is_left = |web_root: &Path| {
        mounts_below(web_root).is_empty() && fs::read_dir(web_root).unwrap().next().is_none()
    };
    let is_moved_to = |daemon: &Daemon, web_root: &Path| {
        let state = |state: &Value| {
            let medium = &state["media"][0];
            medium["state"] == "serving"
                && medium["mountpoint"] == web_root.join("MOVED").to_str().unwrap()
        };
        daemon.wait_for_state(PATIENCE, state).unwrap();
        assert_eq!(fs::read_to_string(web_root.join("MOVED/content")).unwrap(), "a");
    };
    let move_to = |daemon: &Daemon, from: &Path, to: &Path| {
        let config = fs::read_to_string(daemon.config()).unwrap();
        let config = config.replace(from.to_str().unwrap(), to.to_str().unwrap());
        fs::write(daemon.config(), config).unwrap();
    };
    is_moved_to(&daemon, &first);
    move_to(&daemon, &first, &second);
    daemon.signal(Signal::HUP).unwrap();
    is_moved_to(&daemon, &second);
    assert!(is_left(&first), "{:?}", fs::read_dir(&first).unwrap().collect::<Vec<_>>());
    assert!(!daemon.log().contains("somebody else unmounted it"), "{}", daemon.log());

    move_to(&daemon, &second, &third);
    daemon.terminate().unwrap();
    assert_eq!(names(&mounts_below(&second)), ["MOVED"], "kept for the next start");
    daemon.start_again().unwrap();
    is_moved_to(&daemon, &third);
    assert!(is_left(&second), "{:?}", fs::read_dir(&second).unwrap().collect::<Vec<_>>());
}

#[test]
fn a_hundred_kills_in_the_middle_of_rounds_leave_nothing_stale_lost_or_touched() {
    let mut daemon = Daemon::start(DaemonOptions::default()).unwrap();
    let foreign = Foreign::make(&daemon);
    let store = daemon.images().parent().unwrap().join("store");
    fs::create_dir(&store).unwrap();
    let labels: Vec<String> = (0..6).map(|number| format!("L{number}")).collect();
    for label in &labels {
        image(&store.join(format!("{label}.iso")), label, label);
    }
    for round in 0..100_u32 {
        // Another subset every time, so that every kill falls into additions and removals.
        let present = |index: usize| (round >> (index % 4)) & 1 == 0 || index == 5;
        for (index, label) in labels.iter().enumerate() {
            let (here, there) =
                (store.join(format!("{label}.iso")), daemon.images().join(format!("{label}.iso")));
            if present(index) && here.exists() {
                fs::rename(&here, &there).unwrap();
            } else if !present(index) && there.exists() {
                fs::rename(&there, &here).unwrap();
            }
        }
        sleep(Duration::from_millis(u64::from(round * 7 % 60)));
        daemon.kill9().unwrap();
        daemon.start_again().unwrap();
        if round % 10 == 9 {
            let expected: Vec<&str> = labels
                .iter()
                .enumerate()
                .filter(|(index, _)| present(*index))
                .map(|(_, label)| label.as_str())
                .collect();
            daemon.wait_for_serving(PATIENCE, &expected).unwrap();
            check(&daemon, &expected, &foreign);
        }
    }
}

fn check(daemon: &Daemon, expected: &[&str], foreign: &Foreign) {
    let mounted = mounts(daemon);
    let ours: Vec<&str> =
        names(&mounted).into_iter().filter(|name| *name != "foreign-mount").collect();
    assert_eq!(ours, expected);
    for label in expected {
        let content = fs::read_to_string(daemon.webroot().join(label).join("content")).unwrap();
        assert_eq!(&content, label);
    }
    foreign.is_untouched();
    let mut entries: Vec<_> = fs::read_dir(daemon.webroot())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with("foreign") && !VIEWS.contains(&name.as_str()))
        .collect();
    entries.sort();
    assert_eq!(entries, expected);
}

/// Things of somebody else's below the web root.
struct Foreign {
    file: PathBuf,
    empty: PathBuf,
    full: PathBuf,
    mount: PathBuf,
}

impl Foreign {
    fn make(daemon: &Daemon) -> Self {
        let at = |name: &str| daemon.webroot().join(name);
        let foreign = Self {
            file: at("foreign-file"),
            empty: at("foreign-empty"),
            full: at("foreign-full"),
            mount: at("foreign-mount"),
        };
        fs::write(&foreign.file, "file").unwrap();
        for directory in [&foreign.empty, &foreign.full, &foreign.mount] {
            fs::create_dir(directory).unwrap();
        }
        fs::write(foreign.full.join("mine"), "mine").unwrap();
        let tmpfs = Some("tmpfs");
        let flags = nix::mount::MsFlags::empty();
        nix::mount::mount(tmpfs, &foreign.mount, tmpfs, flags, None::<&str>).unwrap();
        fs::write(foreign.mount.join("there"), "there").unwrap();
        foreign
    }

    fn is_untouched(&self) {
        assert_eq!(fs::read_to_string(&self.file).unwrap(), "file");
        assert_eq!(fs::read_dir(&self.empty).unwrap().count(), 0);
        assert_eq!(fs::read_to_string(self.full.join("mine")).unwrap(), "mine");
        assert_eq!(fs::read_to_string(self.mount.join("there")).unwrap(), "there");
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        nix::mount::umount2(&self.mount, nix::mount::MntFlags::MNT_DETACH).ok();
    }
}
