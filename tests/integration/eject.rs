//! Discs leave in order when they are asked for, at once when they are taken, and nobody ever gets another disc's
//! bytes.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::Read,
    os::unix::fs::FileExt,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use isomirror::sys::loop_device;
use isomirror_core::control::Request;
use isomirror_tests::{
    http,
    program::{Ended, command, run},
};

use crate::drive_fixture::{LARGE, PATIENCE, Reader, Station, large, wait_for};

/// What a hypervisor leaves of its patience (libvirt: 5 s, of which the kernel takes up to 2 s).
const HOOK: Duration = Duration::from_millis(2500);

fn isomirror(station: &Station, arguments: &[&str]) -> Ended {
    let mut command = command("isomirror", arguments);
    run(command.env("RUNTIME_DIRECTORY", station.daemon.runtime_directory()))
}

#[test]
fn an_idle_disc_is_let_go_of_at_once_and_published_again_if_nobody_ejects_it() {
    let station = Station::start(&["ONE", "TWO"], "");
    let start = Instant::now();
    let answer = station.release(0, 2500);
    assert!(answer.ok && answer.cut_off.is_empty(), "{answer:?}");
    assert_eq!(answer.name.unwrap().as_str(), "ONE");
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    assert!(station.is_nowhere("ONE"));
    assert!(!station.is_held(0), "the drive is still open");
    assert_eq!(fs::read_to_string(station.path("TWO/content")).unwrap(), "TWO");

    // Events of the very same disc do not bring it back.
    for _ in 0..3 {
        station.drives[0].announce().unwrap();
        thread::sleep(Duration::from_millis(300));
        assert!(station.is_nowhere("ONE"));
    }
    assert!(station.release(0, 2500).ok, "asked again");

    let start = Instant::now();
    station.daemon.wait_for_serving(Duration::from_secs(45), &["ONE", "TWO"]).unwrap();
    assert!(start.elapsed() > Duration::from_secs(20), "{:?}", start.elapsed());
    assert_eq!(fs::read_to_string(station.path("ONE/content")).unwrap(), "ONE");
}

#[test]
fn readers_have_their_time_and_then_are_cut_off_before_the_hypervisor_loses_patience() {
    let station = Station::start(&["BUSY"], "");
    let mut open = File::open(station.path("BUSY/large")).unwrap();
    let reader = Reader::of(&station.path("BUSY/content"));
    let start = Instant::now();
    let answer = thread::scope(|scope| {
        let asked = scope.spawn(|| station.release(0, 2300));
        wait_for("the refusal of new requests", || station.status("/BUSY/content") == 404);
        assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
        // The state document is written after the views have changed.
        wait_for("the draining", || station.is_draining("BUSY"));
        assert!(station.path("BUSY/content").exists(), "readers have no time at all");
        asked.join().unwrap()
    });
    let took = start.elapsed();
    assert!(answer.ok && took < HOOK && took > Duration::from_secs(1), "{took:?} {answer:?}");
    // This process is one of them.
    let cut_off: BTreeSet<_> = answer.cut_off.iter().map(|process| process.pid).collect();
    assert_eq!(cut_off, [reader.id(), std::process::id()].into());
    assert!(station.is_nowhere("BUSY"));
    // What comes into the drive next is nothing to those who had files of this disc open.
    let mut content = Vec::new();
    assert!(open.read_to_end(&mut content).is_err(), "the disc can still be read");
    assert!(large("BUSY").starts_with(&content));
}

#[test]
fn a_reader_that_ends_in_time_is_not_cut_off() {
    let station = Station::start(&["SHORT"], "");
    let reader = Reader::of(&station.path("SHORT/content"));
    let start = Instant::now();
    let answer = thread::scope(|scope| {
        let asked = scope.spawn(|| station.release(0, 2300));
        thread::sleep(Duration::from_millis(400));
        drop(reader);
        asked.join().unwrap()
    });
    assert!(answer.ok && answer.cut_off.is_empty(), "{answer:?}");
    assert!(start.elapsed() < Duration::from_millis(1500), "{:?}", start.elapsed());
}

#[test]
fn a_running_download_is_cut_off_and_never_holds_up_the_eject() {
    let station = Station::start(&["LOAD"], "");
    let head = "GET /LOAD/large HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut client = std::net::TcpStream::connect(("127.0.0.1", station.daemon.port())).unwrap();
    std::io::Write::write_all(&mut client, head.as_bytes()).unwrap();
    let mut received = vec![0; 100_000];
    client.read_exact(&mut received).unwrap();
    let start = Instant::now();
    let answer = station.release(0, 2300);
    assert!(answer.ok && start.elapsed() < HOOK, "{:?} {answer:?}", start.elapsed());
    assert!(!station.is_held(0));
    let rest = client.read_to_end(&mut received);
    assert!(rest.is_err() || received.len() < LARGE, "it was sent whole");
}

#[test]
fn eject_force_cuts_off_at_once_and_says_whom() {
    let station = Station::start(&["HELD"], "drain: 1m");
    let reader = Reader::of(&station.path("HELD/content"));
    let start = Instant::now();
    let ended = isomirror(&station, &["eject", "--force", "HELD"]);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    let node = station.drives[0].node().display();
    let expected = format!(
        "`HELD` was let go of; `{node}` has no tray: take it out within half a minute\n\
         cut off: {} sleep\n",
        reader.id()
    );
    assert_eq!((ended.code, ended.output, ended.errors), (Some(0), expected, String::new()));
    assert!(station.is_nowhere("HELD"));
    let log = station.daemon.log();
    assert!(log.contains("processes were cut off from a medium"), "{log}");
}

#[test]
fn force_helps_where_readers_are_being_waited_for() {
    let station = Station::start(&["SLOW"], "drain: 1m");
    let _reader = Reader::of(&station.path("SLOW/content"));
    thread::scope(|scope| {
        let waiting = scope.spawn(|| isomirror(&station, &["eject", "SLOW"]));
        wait_for("the draining", || station.is_draining("SLOW"));
        let start = Instant::now();
        let device = station.drives[0].node().to_str().unwrap();
        let forced = isomirror(&station, &["eject", "--force", device]);
        assert_eq!(forced.code, Some(0), "{forced:?}");
        assert_eq!(waiting.join().unwrap().code, Some(0));
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    });
    assert!(station.is_nowhere("SLOW"));
}

#[test]
fn what_cannot_be_ejected_says_why() {
    let station = Station::start(&["DISC"], "");
    let image = station.daemon.images().join("file.iso");
    fs::rename(station.disc("IMAGE"), &image).unwrap();
    station.daemon.wait_for_serving(PATIENCE, &["DISC", "IMAGE"]).unwrap();
    for (target, expected) in [
        (
            "IMAGE",
            format!(
                "isomirror: `IMAGE` is an image file, and those are not ejected: remove or move `{}`\n",
                image.display()
            ),
        ),
        ("NONE", "isomirror: nothing is published as `NONE`: see `isomirror list`\n".to_owned()),
        (
            "/dev/null",
            "isomirror: nothing is published from `/dev/null`: see `isomirror list`\n".to_owned(),
        ),
    ] {
        let ended = isomirror(&station, &["eject", target]);
        assert_eq!((ended.code, ended.errors), (Some(1), expected));
    }
    assert_eq!(fs::read_to_string(station.path("DISC/content")).unwrap(), "DISC");
    assert_eq!(isomirror(&station, &["rescan"]).code, Some(0));
}

/// Ends the watching, also where the test has failed.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// GETs from both names until told to end: whatever comes in whole has to be of the disc with that name.
fn watch(station: &Station, names: &[&str], end: &AtomicBool) -> u32 {
    let mut right = 0;
    while !end.load(Ordering::Relaxed) {
        for name in names {
            let Ok(response) = http::get(station.daemon.port(), &format!("/{name}/large")) else {
                continue;
            };
            if response.status == 200 && response.body.len() == LARGE {
                assert!(response.body == large(name), "bytes of another disc as `{name}`");
                right += 1;
            } else if response.status == 200 {
                // Cut off: what came before is right all the same.
                assert!(
                    large(name).starts_with(&response.body),
                    "bytes of another disc as `{name}`"
                );
            }
        }
    }
    right
}

#[test]
fn after_a_forced_change_under_busy_readers_no_disc_shows_anothers_bytes() {
    for mount in ["", "backend: fuse", "backend: none"] {
        let station = Station::start(&["OLD"], mount);
        let new = station.disc("NEW");
        let is_mounted = mount != "backend: none";
        let busy = is_mounted.then(|| File::open(station.path("OLD/large")).unwrap());
        let end = AtomicBool::new(false);
        thread::scope(|scope| {
            let ending = Ending(&end);
            let watching = scope.spawn(|| watch(&station, &["OLD", "NEW"], &end));
            thread::sleep(Duration::from_millis(300));
            station.drives[0].exchange(&new).unwrap();
            let gone = wait_for("the end of the old disc", || station.is_nowhere("OLD"));
            assert!(gone < Duration::from_secs(2), "{mount}: {gone:?}");
            station.daemon.wait_for_serving(PATIENCE, &["NEW"]).unwrap();
            thread::sleep(Duration::from_millis(300));
            drop(ending);
            assert!(watching.join().unwrap() > 0, "{mount}: nothing was ever served");
        });
        if is_mounted {
            assert!(fs::read(station.path("NEW/large")).unwrap() == large("NEW"), "{mount}");
        }
        if let Some(file) = busy {
            let mut buffer = vec![0; 1 << 20];
            let read = file.read_at(&mut buffer, 4 << 20);
            assert!(read.is_err(), "{mount}: the old disc can still be read: {read:?}");
        }
    }
}

#[test]
fn a_disc_that_was_changed_while_the_daemon_was_away_is_not_taken_for_the_old_one() {
    let mut station = Station::start(&["FORMER", "SAME"], "");
    let busy = File::open(station.path("FORMER/content")).unwrap();
    station.daemon.kill9().unwrap();
    assert!(station.path("FORMER/content").exists(), "mounts live on without the daemon");
    station.drives[0].exchange(&station.disc("LATTER")).unwrap();
    station.daemon.start_again().unwrap();
    station.daemon.wait_for_serving(PATIENCE, &["LATTER", "SAME"]).unwrap();
    assert!(!station.path("FORMER").exists());
    assert!(fs::read(station.path("LATTER/large")).unwrap() == large("LATTER"));
    assert!(fs::read(station.path("SAME/large")).unwrap() == large("SAME"));
    drop(busy);
}

#[test]
fn a_disc_that_only_seemed_to_be_gone_is_mounted_anew() {
    let station = Station::start(&["BLINK"], "");
    let file = File::open(station.path("BLINK/large")).unwrap();
    let medium = station.daemon.medium("BLINK").unwrap().unwrap();
    let mark = format!("isomirror:{}", medium["id"].as_str().unwrap());
    loop_device::cut_off(|device| device.mark == mark).unwrap();
    assert!(file.read_at(&mut [0; 4096], 4 << 20).is_err());
    assert_eq!(isomirror(&station, &["rescan"]).code, Some(0));
    wait_for("the disc", || {
        fs::read(station.path("BLINK/large")).is_ok_and(|bytes| bytes == large("BLINK"))
    });
}

#[test]
fn without_a_daemon_the_hook_cuts_off_the_readers_of_a_disc_that_was_changed() {
    let mut station = Station::start(&["KEPT", "GONE"], "");
    let open = |name: &str| File::open(station.path(name).join("large")).unwrap();
    let files = [open("KEPT"), open("GONE")];
    let reads = |file: &File| file.read_at(&mut [0; 4096], 4 << 20).is_ok();
    let changed = |station: &Station| {
        for drive in &station.drives {
            let node = drive.node().as_os_str();
            let socket = station.socket();
            let arguments =
                ["udev-changed".as_ref(), node, "--socket".as_ref(), socket.as_os_str()];
            let ended = run(&mut command("isomirror", arguments));
            assert_eq!((ended.code, ended.errors), (Some(0), String::new()));
        }
    };
    changed(&station);
    assert!(files.iter().all(reads), "a daemon that lives was not asked");
    station.daemon.kill9().unwrap();
    changed(&station);
    assert!(files.iter().all(reads), "nothing was changed");
    station.drives[1].exchange(&station.disc("NEXT")).unwrap();
    changed(&station);
    assert!(files[1].read_at(&mut [0; 4096], 6 << 20).is_err(), "the next disc can be read");
    assert!(files[0].read_at(&mut [0; 4096], 6 << 20).is_ok(), "another drive's disc cannot");
    station.daemon.start_again().unwrap();
    station.daemon.wait_for_serving(PATIENCE, &["KEPT", "NEXT"]).unwrap();
    assert!(fs::read(station.path("KEPT/large")).unwrap() == large("KEPT"));
}

#[test]
fn the_same_label_in_the_next_disc_is_another_medium() {
    let station = Station::start(&["LABEL"], "");
    station.drives[0].exchange(&station.disc("LABEL~2")).unwrap();
    wait_for("the new disc", || {
        fs::read_to_string(station.path("LABEL/content")).is_ok_and(|text| text == "LABEL~2")
    });
    let response = station.daemon.http_get("/LABEL/large").unwrap();
    assert!(response.body == large("LABEL~2"));
}

#[test]
fn an_eject_that_is_deferred_waits_for_readers_and_not_for_ever() {
    let station = Station::start(&["DEFER"], "eject: defer, eject_deadline: 4s, drain: 100ms");
    assert!(station.daemon.runtime_directory().join("defer-eject").exists());
    let reader = Reader::of(&station.path("DEFER/content"));
    let socket = station.socket();
    let arguments = || {
        [
            "udev-defer".as_ref(),
            station.drives[0].node().as_os_str(),
            "--socket".as_ref(),
            socket.as_os_str(),
        ]
    };
    let defer = || run(&mut command("isomirror", arguments())).code;
    assert_eq!(defer(), Some(0));
    wait_for("the refusal of new requests", || station.status("/DEFER/content") == 404);
    thread::sleep(Duration::from_secs(1));
    assert!(station.path("DEFER/content").exists(), "the reader was cut off");
    assert_eq!(defer(), Some(0), "the hypervisor asks again");
    drop(reader);
    let gone = wait_for("the end", || station.is_nowhere("DEFER"));
    assert!(gone < Duration::from_secs(1), "{gone:?}");
    wait_for("the descriptors", || !station.is_held(0));

    let station = Station::start(&["HOLD"], "eject: defer, eject_deadline: 1s");
    let _reader = Reader::of(&station.path("HOLD/content"));
    let device = station.drives[0].node().to_owned();
    assert!(station.ask(&Request::Defer { device }).ok);
    let gone = wait_for("the end", || station.is_nowhere("HOLD"));
    assert!(gone > Duration::from_millis(900) && gone < Duration::from_secs(3), "{gone:?}");
}

#[test]
fn with_the_usual_policy_nothing_is_deferred() {
    let station = Station::start(&["USUAL"], "");
    assert!(!station.daemon.runtime_directory().join("defer-eject").exists());
    let device = station.drives[0].node().to_owned();
    assert!(!station.ask(&Request::Defer { device }).ok);
    assert!(station.path("USUAL/content").exists());
}
