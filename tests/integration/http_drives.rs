//! Media in drives: the same bytes as from files, and a hung drive stops nobody else.

use std::{
    fs,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use isomirror::open_medium::OpenMedium;
use isomirror_tests::images::iso9660::{bytes, xorriso};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use rustix::fs::{Advice, fadvise};

use crate::http_fixture::{Client, Workshop, disc, exports, medium, server, settings, within};

#[test]
fn a_disc_is_served_like_a_file() {
    let workshop = Workshop::with_files();
    let path = workshop.image("a.iso");
    let (server, address) = server(&settings());
    server.publish(exports([("DISC", disc(&path)), ("FILE", medium(&path))]));
    let mut client = Client::connect(address);
    for round in 0..3 {
        for target in ["small.txt", "large.bin", "empty", "dir/", "missing", "dir"] {
            let from_disc = client.get(&format!("/DISC/{target}"));
            let from_file = client.get(&format!("/FILE/{target}"));
            assert_eq!(from_disc.status, from_file.status, "{round} {target}");
            if !target.starts_with("dir") {
                assert!(from_disc.body == from_file.body, "{round} {target}");
            }
        }
    }
    let image = fs::read(&path).unwrap();
    assert!(client.get("/_/DISC.iso").body == image);
    let clients: Vec<_> = (0..20)
        .map(|_| {
            std::thread::spawn(move || {
                let mut client = Client::connect(address);
                client.send("GET /DISC/large.bin HTTP/1.1\r\nHost: a\r\n\r\n".repeat(3));
                for _ in 0..3 {
                    assert!(client.response(false).body == bytes(2, 3_000_001));
                }
            })
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
}

#[test]
fn a_disc_that_is_taken_out_is_let_go_of() {
    let workshop = Workshop::with_files();
    let opened = disc(&workshop.image("a.iso"));
    let weak = std::sync::Arc::downgrade(&opened);
    let (server, address) = server(&settings());
    server.publish(exports([("DISC", opened)]));
    let mut client = Client::connect(address);
    assert_eq!(client.get("/DISC/large.bin").status, 200);
    server.publish(exports([]));
    assert_eq!(client.get("/DISC/large.bin").status, 404);
    assert!(within(Duration::from_secs(1), || weak.strong_count() == 0));
}

/// A file system whose server can be stopped, so that reads from it hang as those from a bad disc do.
struct StoppableMount {
    server: Child,
    at: std::path::PathBuf,
}

impl StoppableMount {
    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.server.id()).unwrap()), signal).unwrap();
    }
}

impl Drop for StoppableMount {
    fn drop(&mut self) {
        self.signal(Signal::SIGCONT);
        let _ = Command::new("umount").arg("-l").arg(&self.at).status();
        let _ = self.server.wait();
    }
}

/// Makes the next reads of a medium go to its file system again.
fn forget_pages(medium: &OpenMedium) {
    fadvise(&**medium.file(), 0, None, Advice::DontNeed).unwrap();
}

#[test]
fn a_hung_drive_stops_only_those_who_ask_for_it() {
    let workshop = Workshop::with_files();
    let path = workshop.image("a.iso");
    let outer_tree = workshop.directory.path().join("outer");
    fs::create_dir(&outer_tree).unwrap();
    fs::copy(&path, outer_tree.join("inner.iso")).unwrap();
    let outer = xorriso(&outer_tree, &workshop.directory.path().join("outer.iso"), &["-R"]);
    let at = workshop.directory.path().join("mount");
    fs::create_dir(&at).unwrap();
    let server_process = Command::new("fuseiso")
        .arg("-n")
        .args([&outer, &at])
        .arg("-f")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("fuseiso is installed");
    let mount = StoppableMount { server: server_process, at: at.clone() };
    assert!(within(Duration::from_secs(5), || at.join("inner.iso").exists()));

    let opened = disc(&at.join("inner.iso"));
    let (server, address) = server(&settings());
    server.publish(exports([("DISC", opened.clone()), ("FILE", medium(&path))]));
    mount.signal(Signal::SIGSTOP);
    forget_pages(&opened);
    let mut waiting: Vec<_> = (0..10).map(|_| Client::connect(address)).collect();
    for client in &mut waiting {
        client.send("GET /DISC/large.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    let start = Instant::now();
    for _ in 0..10 {
        let mut client = Client::connect(address);
        for target in ["/FILE/large.bin", "/FILE/small.txt", "/", "/healthz"] {
            assert_eq!(client.get(target).status, 200);
        }
    }
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    waiting[0].stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    assert!(waiting[0].stream.peek(&mut [0]).is_err(), "the drive does hang");
    mount.signal(Signal::SIGCONT);
    for client in &mut waiting {
        client.stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        assert!(client.response(false).body == bytes(2, 3_000_001));
    }

    // Taken out while it hangs: its clients are cut off in time, whatever the drive does.
    mount.signal(Signal::SIGSTOP);
    forget_pages(&opened);
    let client = &mut waiting[0];
    client.send("GET /_/DISC.iso HTTP/1.1\r\nHost: a\r\n\r\n");
    std::thread::sleep(Duration::from_millis(100));
    server.publish(exports([]));
    let start = Instant::now();
    while client.receive() {}
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
}
