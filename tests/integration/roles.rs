//! Roles in processes of their own: the server is handed what it serves, and none of them falls with another.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use isomirror_tests::{
    binaries,
    daemon::{Daemon, DaemonOptions, RoleBeside},
    images::iso9660::bytes,
};
use rustix::process::{Signal, kill_process};
use serde_json::Value;

use crate::{
    http_fixture::{Workshop, within},
    keeper_daemon,
    keeper_fixture::{EARLY, Fixture, iso},
};

const PATIENCE: Duration = Duration::from_secs(20);

/// More than all buffers between a server and a client that does not read.
const LARGE: usize = 48 << 20;

fn options() -> DaemonOptions {
    let config = "media: {drives: none, settle: 100ms}\nmount: {backend: none, drain: 1s}\n";
    let config = config.to_owned();
    DaemonOptions { config, has_roles_beside: true, ..DaemonOptions::default() }
}

/// A daemon with an image of each name, whose file `file` has so many bytes of the seed that is its place.
fn daemon(names: &[&str], length: usize) -> Daemon {
    Daemon::start_with(options(), |images| {
        for (seed, name) in (1..).zip(names) {
            make(&images.join(format!("{name}.iso")), name, seed, length);
        }
        Ok(())
    })
    .unwrap()
}

fn make(path: &Path, label: &str, seed: u64, length: usize) {
    let workshop = Workshop::new();
    workshop.file("file", &bytes(seed, length));
    let made = workshop.directory.path().join("made.iso");
    isomirror_tests::images::iso9660::xorriso(&workshop.tree, &made, &["-R", "-V", label]);
    fs::copy(made, path).unwrap();
}

fn status(daemon: &Daemon, path: &str) -> u16 {
    daemon.http_get(path).unwrap().status
}

/// A download of which the head was read, and nothing else yet.
struct Slow {
    stream: TcpStream,
    head: Vec<u8>,
}

impl Slow {
    fn begin(daemon: &Daemon, path: &str) -> Self {
        let mut stream = TcpStream::connect(("127.0.0.1", daemon.port())).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
        let mut head = vec![0; 1024];
        stream.read_exact(&mut head).unwrap();
        Self { stream, head }
    }

    /// All that comes until the end.
    fn finish(mut self) -> Vec<u8> {
        // Cut off is an end too.
        let _ = self.stream.read_to_end(&mut self.head);
        let end = self.head.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        self.head.split_off(end + 4)
    }
}

#[test]
fn a_server_in_its_own_process_gives_out_what_it_is_handed() {
    let daemon = daemon(&["ONE", "TWO"], 100_000);
    daemon.wait_for_serving(PATIENCE, &["ONE", "TWO"]).unwrap();
    for (seed, name) in [(1, "ONE"), (2, "TWO")] {
        let whole = daemon.http_get(&format!("/{name}/file")).unwrap();
        assert!(whole.status == 200 && whole.body == bytes(seed, 100_000));
        let image = daemon.http_get(&format!("/_/{name}.iso")).unwrap();
        assert!(image.body == fs::read(daemon.images().join(format!("{name}.iso"))).unwrap());
    }
    let index: Value =
        serde_json::from_slice(&daemon.http_get("/index.json").unwrap().body).unwrap();
    let names: Vec<_> =
        index["media"].as_array().unwrap().iter().map(|medium| &medium["name"]).collect();
    assert_eq!(names, ["ONE", "TWO"]);
    assert!(daemon.http_get("/").unwrap().text().contains("ONE"));
    assert!(daemon.http_get("/metrics").unwrap().text().contains("isomirror_media"));
    // The process has none of the images' paths, only what it was handed.
    let server = daemon.id_beside(RoleBeside::Serve).unwrap();
    let open = fs::read_dir(format!("/proc/{server}/fd")).unwrap();
    let images = open.filter(|entry| {
        let target = fs::read_link(entry.as_ref().unwrap().path()).unwrap_or_default();
        target.starts_with(daemon.images())
    });
    assert_eq!(images.count(), 2);
}

#[test]
fn what_has_left_is_refused_by_the_time_that_it_is_told() {
    let daemon = daemon(&["ONE"], 100_000);
    let (place, away) = (daemon.images().join("ONE.iso"), daemon.images().join("../away.iso"));
    for _ in 0..10 {
        daemon.wait_for_serving(PATIENCE, &["ONE"]).unwrap();
        assert!(within(PATIENCE, || status(&daemon, "/ONE/file") == 200));
        fs::rename(&place, &away).unwrap();
        daemon.wait_for_serving(PATIENCE, &[]).unwrap();
        assert_eq!(status(&daemon, "/ONE/file"), 404);
        assert_eq!(status(&daemon, "/_/ONE.iso"), 404);
        fs::rename(&away, &place).unwrap();
    }
}

#[test]
fn whoever_wants_to_write_waits_until_the_server_has_let_go_too() {
    let daemon = daemon(&["ONE"], LARGE);
    daemon.wait_for_serving(PATIENCE, &["ONE"]).unwrap();
    let path = daemon.images().join("ONE.iso");
    let before = fs::read(&path).unwrap();
    let slow = Slow::begin(&daemon, "/_/ONE.iso");
    let begun = Instant::now();
    // Open(2) waits for the lease.
    // As cp does: open(2) waits for the lease, and from then on the old pages are no longer those of the file.
    let writer = thread::spawn(move || {
        let mut file = fs::OpenOptions::new().write(true).truncate(true).open(path).unwrap();
        let waited = begun.elapsed();
        file.write_all(&vec![0xee; 1 << 20]).unwrap();
        waited
    });
    let waited = writer.join().unwrap();
    assert!(waited >= Duration::from_millis(900), "the reader had its second: {waited:?}");
    assert!(waited < Duration::from_secs(10), "and not the kernel's 45 s: {waited:?}");
    let got = slow.finish();
    assert!(got.len() < before.len() && got == before[..got.len()], "cut short, and never mixed");
}

#[test]
fn a_crash_of_the_process_that_mounts_is_not_noticed_by_who_downloads() {
    let mut daemon = daemon(&["ONE"], LARGE);
    daemon.wait_for_serving(PATIENCE, &["ONE"]).unwrap();
    let server = daemon.id_beside(RoleBeside::Serve);
    let slow = Slow::begin(&daemon, "/ONE/file");
    daemon.kill9().unwrap();
    assert_eq!(status(&daemon, "/ONE/file"), 200);
    daemon.start_again().unwrap();
    daemon.wait_for_serving(PATIENCE, &["ONE"]).unwrap();
    // It has taken up the conversation: what comes now is served too.
    make(&daemon.images().join("TWO.iso"), "TWO", 2, 1000);
    assert!(within(PATIENCE, || status(&daemon, "/TWO/file") == 200));
    assert!(slow.finish() == bytes(1, LARGE), "whole, and its own");
    assert_eq!(daemon.id_beside(RoleBeside::Serve), server);
    // And what goes is gone.
    fs::remove_file(daemon.images().join("ONE.iso")).unwrap();
    daemon.wait_for_serving(PATIENCE, &["TWO"]).unwrap();
    assert_eq!(status(&daemon, "/ONE/file"), 404);
}

#[test]
fn without_the_process_that_mounts_nothing_is_served_that_has_changed_or_gone() {
    let mut daemon = daemon(&["CHANGED", "GONE", "STAYS"], 10_000);
    daemon.wait_for_serving(PATIENCE, &["CHANGED", "GONE", "STAYS"]).unwrap();
    daemon.kill9().unwrap();
    fs::remove_file(daemon.images().join("GONE.iso")).unwrap();
    let path = daemon.images().join("CHANGED.iso");
    let begun = Instant::now();
    fs::OpenOptions::new().append(true).open(path).unwrap().write_all(b"more").unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5), "who writes does not wait for the kernel");
    for name in ["CHANGED", "GONE"] {
        let is_refused = || status(&daemon, &format!("/{name}/file")) == 404;
        assert!(within(Duration::from_secs(5), is_refused), "{name}");
    }
    assert_eq!(status(&daemon, "/STAYS/file"), 200);
}

#[test]
fn a_crash_of_the_server_costs_nothing_but_its_connections() {
    let mut daemon = daemon(&["ONE"], 100_000);
    daemon.wait_for_serving(PATIENCE, &["ONE"]).unwrap();
    let main = daemon.id();
    daemon.kill9_beside(RoleBeside::Serve).unwrap();
    // What it held is let go of, and the set goes on changing without it.
    let begun = Instant::now();
    fs::remove_file(daemon.images().join("ONE.iso")).unwrap();
    daemon.wait_for_serving(PATIENCE, &[]).unwrap();
    make(&daemon.images().join("TWO.iso"), "TWO", 2, 1000);
    daemon.wait_for_serving(PATIENCE, &["TWO"]).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(8), "nobody waits for it");
    daemon.start_beside(RoleBeside::Serve).unwrap();
    // The first that it answers is right: until then clients wait.
    let mut first = None;
    assert!(within(PATIENCE, || {
        first = daemon.http_get("/TWO/file").ok();
        first.is_some()
    }));
    assert_eq!(first.unwrap().body, bytes(2, 1000));
    assert_eq!(daemon.id(), main);
}

#[test]
fn a_server_that_hangs_holds_up_nobody() {
    let daemon = daemon(&["ONE"], 100_000);
    daemon.wait_for_serving(PATIENCE, &["ONE"]).unwrap();
    let server = daemon.id_beside(RoleBeside::Serve).unwrap();
    let server = rustix::process::Pid::from_raw(server.cast_signed()).unwrap();
    kill_process(server, Signal::STOP).unwrap();
    let begun = Instant::now();
    fs::remove_file(daemon.images().join("ONE.iso")).unwrap();
    daemon.wait_for_serving(PATIENCE, &[]).unwrap();
    let waited = begun.elapsed();
    kill_process(server, Signal::CONT).unwrap();
    assert!(waited < Duration::from_secs(5), "{waited:?}");
    // Awake again it learns that it was hung up on, and what there is.
    assert!(within(PATIENCE, || status(&daemon, "/ONE/file") == 404));
    make(&daemon.images().join("TWO.iso"), "TWO", 2, 1000);
    assert!(within(PATIENCE, || status(&daemon, "/TWO/file") == 200));
}

#[test]
fn a_stranger_is_handed_nothing() {
    let daemon = daemon(&["ONE"], 1000);
    daemon.wait_for_serving(PATIENCE, &["ONE"]).unwrap();
    // The frame of a hello, as `nobody` says it.
    let hello = br#"{"message":"hello","protocol":1,"role":"serve","holds":[]}"#;
    let mut frame = u32::try_from(hello.len()).unwrap().to_be_bytes().to_vec();
    frame.extend_from_slice(hello);
    let socket = daemon.runtime_directory().join("roles.sock");
    let mut stranger = Command::new("socat")
        .args(["-t5", "-"])
        .arg(format!("UNIX-CONNECT:{}", socket.display()))
        .uid(65534)
        .gid(65534)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    stranger.stdin.take().unwrap().write_all(&frame).unwrap();
    let said = stranger.wait_with_output().unwrap();
    let complaint = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(!complaint.contains("connect("), "it was let as far as the socket: {complaint}");
    assert_eq!(String::from_utf8_lossy(&said.stdout), "");
    // And the one that belongs there goes on.
    make(&daemon.images().join("TWO.iso"), "TWO", 2, 1000);
    assert!(within(PATIENCE, || status(&daemon, "/TWO/file") == 200));
}

#[test]
fn a_second_server_is_turned_away_and_takes_over_when_the_first_has_gone() {
    let mut daemon = daemon(&["ONE"], 1000);
    daemon.wait_for_serving(PATIENCE, &["ONE"]).unwrap();
    let port = isomirror_tests::daemon::free_port().unwrap();
    let mut second = Command::new(binaries::path("isomirrord").unwrap())
        .args(["--roles", "serve", "--listen", &format!("127.0.0.1:{port}")])
        .arg("--config")
        .arg(daemon.config())
        .env("RUNTIME_DIRECTORY", daemon.runtime_directory())
        .env("STATE_DIRECTORY", daemon.state_directory())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    assert!(within(PATIENCE, || daemon.log().contains("another process plays it")));
    assert_eq!(status(&daemon, "/ONE/file"), 200);
    daemon.kill9_beside(RoleBeside::Serve).unwrap();
    let answers =
        || isomirror_tests::http::get(port, "/ONE/file").is_ok_and(|answer| answer.status == 200);
    let has_taken_over = within(PATIENCE, answers);
    second.kill().unwrap();
    second.wait().unwrap();
    assert!(has_taken_over);
}

#[test]
fn that_nobody_fetches_is_told_where_something_is_wanted() {
    let mut daemon = Daemon::start(DaemonOptions {
        config: format!("{}fetch: {{want: [debian-13-netinst-amd64]}}\n", options().config),
        has_roles_beside: false,
        arguments: vec!["--roles".into(), "mount".into()],
        ..options()
    })
    .unwrap();
    let state =
        daemon.wait_for_state(PATIENCE, |state| state["fetch"][0]["state"] == "held").unwrap();
    let problem = state["fetch"][0]["problem"].as_str().unwrap();
    assert!(problem.contains("systemctl start isomirror-fetch"), "{problem}");
    assert!(daemon.terminate().unwrap().success());
}

#[test]
fn who_asks_for_downloads_waits_for_the_role_as_long_as_it_may_be_away() {
    let fixture = Fixture::new();
    let image = iso("LINUX", 1);
    fixture.release(&[("1.0", &image)], EARLY);
    let mut daemon = keeper_daemon::daemon_with_roles_beside(&fixture, "want: [linux]");
    keeper_daemon::wait_for(&daemon, "linux", |entry| entry["state"] == "current");
    daemon.kill9_beside(RoleBeside::Fetch).unwrap();
    let asked = keeper_daemon::ask(&daemon, &["linux"]).stdout(Stdio::null()).spawn().unwrap();
    thread::sleep(Duration::from_secs(1));
    daemon.start_beside(RoleBeside::Fetch).unwrap();
    let asked = asked.wait_with_output().unwrap();
    assert!(asked.status.success(), "{asked:?}");
}
