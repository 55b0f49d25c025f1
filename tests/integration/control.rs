//! The control socket: who may, what is answered to whatever comes, and the hook that udev runs.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    os::unix::{
        fs::{FileTypeExt, MetadataExt, PermissionsExt},
        net::UnixStream,
    },
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use isomirror_core::control::{LONGEST_LINE, SOCKET};
use isomirror_tests::{
    binaries,
    daemon::{Daemon, DaemonOptions},
    program::{Ended, command, run},
    scratch,
};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::drive_fixture::Station;

const NOBODY: u32 = 65_534;

fn connect(daemon: &Daemon) -> BufReader<UnixStream> {
    let stream = UnixStream::connect(daemon.runtime_directory().join(SOCKET)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    BufReader::new(stream)
}

fn say(client: &mut BufReader<UnixStream>, line: &str) -> Value {
    client.get_mut().write_all(format!("{line}\n").as_bytes()).unwrap();
    hear(client)
}

fn hear(client: &mut BufReader<UnixStream>) -> Value {
    let mut answer = String::new();
    client.read_line(&mut answer).unwrap();
    serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
}

#[test]
fn lines_are_answered_in_their_order_whatever_they_say() {
    let daemon = Daemon::start(DaemonOptions::default()).unwrap();
    let mut client = connect(&daemon);
    assert_eq!(say(&mut client, r#"{"command":"ping"}"#), json!({"ok": true}));
    assert_eq!(say(&mut client, r#"{"command":"rescan"}"#), json!({"ok": true}));
    for nonsense in
        ["", "ping", "[1]", r#"{"command":"format"}"#, "\u{0}\u{1b}[2J", "{\"command\":"]
    {
        let answer = say(&mut client, nonsense);
        assert_eq!(answer["ok"], false, "{nonsense:?}");
        assert!(answer["error"].is_string() && answer["remedy"].is_string(), "{answer}");
    }
    let device = say(&mut client, r#"{"command":"release","device":"/dev/sr77"}"#);
    assert_eq!(device, json!({"ok": true, "device": "/dev/sr77"}), "nothing is to be let go of");
    client.get_mut().write_all(b"{\"command\":\"ping\"}\n{\"command\":\"ping\"}\n{\"comm").unwrap();
    assert_eq!(hear(&mut client), json!({"ok": true}));
    assert_eq!(hear(&mut client), json!({"ok": true}));
    client.get_mut().write_all(b"and\":\"ping\"}\n").unwrap();
    assert_eq!(hear(&mut client), json!({"ok": true}));
}

#[test]
fn endless_silent_and_numerous_clients_harm_nobody() {
    let daemon = Daemon::start(DaemonOptions::default()).unwrap();
    let mut endless = connect(&daemon);
    endless.get_mut().write_all(&vec![b'x'; LONGEST_LINE + 1]).unwrap();
    assert_eq!(hear(&mut endless)["ok"], false);
    assert_eq!(endless.read(&mut [0]).unwrap_or(0), 0, "it is let go");

    let mut silent: Vec<_> = (0..32).map(|_| connect(&daemon)).collect();
    thread::sleep(Duration::from_millis(200));
    let mut one_more = connect(&daemon);
    assert_eq!(hear(&mut one_more)["error"], "too many clients use the control socket");
    let start = Instant::now();
    assert_eq!(silent[0].read(&mut [0]).unwrap(), 0);
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    thread::sleep(Duration::from_millis(500));
    assert_eq!(say(&mut connect(&daemon), r#"{"command":"ping"}"#), json!({"ok": true}));
}

#[test]
fn the_socket_is_roots_alone_and_goes_with_the_daemon() {
    let mut daemon = Daemon::start(DaemonOptions::default()).unwrap();
    let path = daemon.runtime_directory().join(SOCKET);
    let metadata = fs::metadata(&path).unwrap();
    assert!(metadata.file_type().is_socket());
    assert_eq!((metadata.permissions().mode() & 0o7777, metadata.uid()), (0o660, 0));
    // Even where somebody opened it to everyone.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    open_way_to(&path);
    let directory = scratch::directory().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = directory.path().join("isomirror");
    fs::copy(binaries::path("isomirror").unwrap(), &program).unwrap();
    let mut foreign = Command::new("setpriv");
    foreign.args(["--reuid", &NOBODY.to_string(), "--clear-groups"]).arg(&program);
    let ended = run(foreign.arg("rescan").env("RUNTIME_DIRECTORY", daemon.runtime_directory()));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.errors.contains("did not answer"), "{ended:?}");
    daemon.terminate().unwrap();
    assert!(!path.exists());
    let ended = rescan(&daemon);
    assert!(ended.errors.starts_with("isomirror: isomirrord is not running"), "{ended:?}");
    daemon.start_again().unwrap();
    daemon.kill9().unwrap();
    assert!(path.exists());
    assert_eq!(rescan(&daemon).code, Some(1), "a socket that nobody listens on");
    daemon.start_again().unwrap();
    assert_eq!(rescan(&daemon).code, Some(0));
}

fn rescan(daemon: &Daemon) -> Ended {
    run(command("isomirror", ["rescan"]).env("RUNTIME_DIRECTORY", daemon.runtime_directory()))
}

/// Lets everybody into the directories that lead to `path`, which are this test's own.
fn open_way_to(path: &Path) {
    let own = path.ancestors().skip(1).take(2);
    own.for_each(|directory| {
        fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
    });
}

fn hook(device: &Path, socket: &Path) -> (Ended, Duration) {
    let mut command = command("isomirror", ["udev-release"]);
    // What udevd gives its programs.
    command.env_clear().arg(device).arg("--socket").arg(socket);
    let start = Instant::now();
    (run(&mut command), start.elapsed())
}

#[test]
fn the_hook_always_succeeds_and_is_quick_where_there_is_no_daemon() {
    let directory = scratch::directory().unwrap();
    let socket = directory.path().join(SOCKET);
    let (ended, took) = hook(Path::new("/dev/sr0"), &socket);
    assert_eq!((ended.code, ended.output.as_str(), ended.errors.as_str()), (Some(0), "", ""));
    assert!(took < Duration::from_secs(1), "{took:?}");
    // One that was killed leaves its socket behind.
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let (ended, took) = hook(Path::new("/dev/sr0"), &socket);
    assert_eq!((ended.code, ended.errors.as_str()), (Some(0), ""));
    assert!(took < Duration::from_secs(1), "{took:?}");
    let defer = run(command("isomirror", ["udev-defer", "/dev/sr0", "--socket"]).arg(&socket));
    assert_ne!(defer.code, Some(0), "nobody takes the request over");
}

#[test]
fn the_hook_lets_go_of_a_busy_disc_and_never_waits_for_a_daemon_that_hangs() {
    let station = Station::start(&["HOOK"], "");
    let device = station.drives[0].node().to_owned();
    let _reader = crate::drive_fixture::Reader::of(&station.path("HOOK/content"));
    let (ended, took) = hook(&device, &station.socket());
    assert_eq!((ended.code, ended.errors.as_str()), (Some(0), ""));
    assert!(took < Duration::from_millis(2600), "{took:?}");
    assert!(station.is_nowhere("HOOK"));
    station.daemon.signal(Signal::STOP).unwrap();
    let (ended, took) = hook(&device, &station.socket());
    station.daemon.signal(Signal::CONT).unwrap();
    assert_eq!(ended.code, Some(0));
    assert_eq!(ended.errors.lines().count(), 1, "{ended:?}");
    assert!(took < Duration::from_millis(2800), "{took:?}");
}
