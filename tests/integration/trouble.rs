//! What the daemon does when the machine does not give it what it needs: it says what and how to mend it, goes on with
//! the rest, and recovers by itself.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use isomirror_tests::{
    binaries,
    daemon::{Daemon, DaemonOptions},
    mounts, scratch,
};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use serde_json::Value;

use crate::publishing::image;

const PATIENCE: Duration = Duration::from_secs(20);

fn with_backend(backend: &str) -> DaemonOptions {
    let options = DaemonOptions::default();
    DaemonOptions { config: format!("{}mount:\n  backend: {backend}\n", options.config), ..options }
}

fn content(daemon: &Daemon, name: &str) -> Option<String> {
    fs::read_to_string(daemon.webroot().join(name).join("content")).ok()
}

fn is_named(state: &Value, name: &str) -> bool {
    state["media"].as_array().is_some_and(|media| media.iter().any(|medium| medium["name"] == name))
}

fn problem(state: &Value, name: &str) -> Option<String> {
    let medium = state["media"].as_array()?.iter().find(|medium| medium["name"] == name)?;
    Some(medium["problem"].as_str()?.to_owned())
}

#[test]
fn a_read_only_web_root_is_told_and_media_are_served_until_it_is_mended() {
    let daemon = Daemon::start(DaemonOptions::default()).unwrap();
    let path = daemon.webroot();
    let webroot = ReadOnly::make(&path);
    image(&daemon.images().join("a.iso"), "LOCKED", "a");
    let state = daemon
        .wait_for_state(PATIENCE, |state| {
            problem(state, "LOCKED").is_some_and(|p| p.contains("web root"))
        })
        .unwrap();
    let told = problem(&state, "LOCKED").unwrap();
    assert!(
        told.contains("LOCKED") && told.contains("remount the web root's file system writable"),
        "{told}"
    );
    assert_eq!(daemon.http_get("/LOCKED/content").unwrap().body, b"a");
    drop(webroot);
    daemon.wait_for_state(PATIENCE, |state| problem(state, "LOCKED").is_none()).unwrap();
    assert_eq!(content(&daemon, "LOCKED").as_deref(), Some("a"));
}

/// A directory that is bound onto itself read-only, for as long as this lives.
struct ReadOnly<'a>(&'a Path);

impl<'a> ReadOnly<'a> {
    fn make(path: &'a Path) -> Self {
        let nothing = None::<&str>;
        mount(Some(path), path, nothing, MsFlags::MS_BIND, nothing).unwrap();
        let flags = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
        mount(nothing, path, nothing, flags, nothing).unwrap();
        Self(path)
    }
}

impl Drop for ReadOnly<'_> {
    fn drop(&mut self) {
        umount2(self.0, MntFlags::MNT_DETACH).ok();
    }
}

#[test]
fn a_state_directory_without_room_is_told_and_media_are_served_until_there_is_some() {
    let full = scratch::directory().unwrap();
    let nothing = None::<&str>;
    mount(Some("tmpfs"), full.path(), Some("tmpfs"), MsFlags::empty(), Some("size=64k")).unwrap();
    let _guard = Detached(full.path());
    fs::write(full.path().join("filler"), vec![1; 128 << 10]).unwrap_err();
    let options = DaemonOptions {
        environment: vec![("STATE_DIRECTORY".into(), full.path().into())],
        ..DaemonOptions::default()
    };
    let daemon = Daemon::start_with(options, |images| {
        image(&images.join("a.iso"), "CROWDED", "a");
        Ok(())
    })
    .unwrap();
    let is_told = |state: &Value| {
        let of_host = state["problems"].as_array().is_some_and(|problems| !problems.is_empty());
        of_host || problem(state, "CROWDED").is_some()
    };
    let state = daemon.wait_for_state(PATIENCE, is_told).unwrap();
    assert!(state.to_string().contains("make room"), "{state}");
    // The host's trouble is told before the image has been looked at.
    daemon.wait_for_state(PATIENCE, |state| is_named(state, "CROWDED")).unwrap();
    assert_eq!(daemon.http_get("/CROWDED/content").unwrap().body, b"a");
    mount(nothing, full.path(), nothing, MsFlags::MS_REMOUNT, Some("size=8m")).unwrap();
    daemon.wait_for_state(PATIENCE, |state| !is_told(state)).unwrap();
    fs::remove_file(full.path().join("filler")).unwrap();
    daemon.wait_for_serving(PATIENCE, &["CROWDED"]).unwrap();
}

struct Detached<'a>(&'a Path);

impl Drop for Detached<'_> {
    fn drop(&mut self) {
        umount2(self.0, MntFlags::MNT_DETACH).ok();
    }
}

#[test]
fn fuse_mounts_end_with_the_daemon_and_dead_ones_are_cleared_at_the_next_start() {
    let mut daemon = Daemon::start(with_backend("fuse")).unwrap();
    image(&daemon.images().join("a.iso"), "FUSED", "a");
    daemon.wait_for_serving(PATIENCE, &["FUSED"]).unwrap();
    assert_eq!(content(&daemon, "FUSED").as_deref(), Some("a"));
    let at = daemon.webroot().join("FUSED");
    daemon.kill9().unwrap();
    assert!(mounts::at(&at).unwrap().is_some(), "a killed server leaves its mount");
    assert!(fs::read_dir(&at).is_err(), "and nobody can read it");
    daemon.start_again().unwrap();
    daemon.wait_for_serving(PATIENCE, &["FUSED"]).unwrap();
    assert_eq!(content(&daemon, "FUSED").as_deref(), Some("a"));
    daemon.terminate().unwrap();
    assert!(mounts::at(&at).unwrap().is_none());
    assert!(!at.exists());
}

#[test]
fn without_mounting_media_are_served_all_the_same() {
    let daemon = Daemon::start(with_backend("none")).unwrap();
    image(&daemon.images().join("a.iso"), "PLAIN", "a");
    daemon.wait_for_serving(PATIENCE, &["PLAIN"]).unwrap();
    assert_eq!(daemon.http_get("/PLAIN/content").unwrap().body, b"a");
    assert!(!daemon.webroot().join("PLAIN").exists());
}

#[test]
fn an_ordinary_user_serves_over_http_and_is_told_why_nothing_is_mounted() {
    let daemon =
        Daemon::start(DaemonOptions { user: Some(65534), ..DaemonOptions::default() }).unwrap();
    image(&daemon.images().join("a.iso"), "USER", "a");
    let state = daemon.wait_for_serving(PATIENCE, &["USER"]).unwrap();
    let medium = &state["media"][0];
    assert_eq!(medium["backend"], "none");
    assert!(medium["backend_reason"].as_str().unwrap().contains("mounting needs root"), "{medium}");
    assert_eq!(daemon.http_get("/USER/content").unwrap().body, b"a");
}

#[test]
fn a_web_root_that_only_the_daemon_would_see_is_refused_with_the_reason() {
    let directory = scratch::directory().unwrap();
    let images = directory.path().join("images");
    fs::create_dir(&images).unwrap();
    image(&images.join("a.iso"), "HIDDEN", "a");
    // A namespace that is a slave of one whose root is shared, as a service manager makes them. The latter has to
    // live on, for a slave without a master is just private.
    let script = "mount --make-rshared / && { unshare --mount --propagation slave \"$@\" & \
                  trap 'kill $!' TERM; wait; }";
    let arguments = ["--mount", "--propagation", "private", "sh", "-c", script, "sh"];
    let mut command = Command::new("unshare");
    command.args(arguments).arg(binaries::path("isomirrord").unwrap());
    command.arg("--images").arg(&images).arg("--webroot").arg(directory.path().join("web"));
    command.args(["--listen", "127.0.0.1:0"]);
    command.env("RUNTIME_DIRECTORY", directory.path().join("run"));
    command.env("STATE_DIRECTORY", directory.path().join("state"));
    let mut daemon = Ended(command.stderr(Stdio::piped()).spawn().unwrap());
    let log = BufReader::new(daemon.0.stderr.take().unwrap());
    let said = log
        .lines()
        .map_while(Result::ok)
        .take(20)
        .find(|line| line.contains("private mount namespace"));
    assert!(said.is_some_and(|line| line.contains("PrivateTmp=")));
    let state = directory.path().join("run/state.json");
    let end = Instant::now() + PATIENCE;
    while !fs::read_to_string(&state).is_ok_and(|text| text.contains("\"serving\"")) {
        assert!(Instant::now() < end, "it is served over HTTP");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(fs::read_dir(directory.path().join("web")).unwrap().count(), 0);
}

/// A process that is ended with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let id = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).ok();
        self.0.wait().ok();
    }
}
