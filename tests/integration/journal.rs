//! Entries of the journal have their fields and fixed numbers. A socket of our own stands in for the journal.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    os::unix::{fs::MetadataExt, net::UnixDatagram},
    path::Path,
    process::{Child, Stdio},
    thread,
    time::Duration,
};

use isomirror::logging::message_id;
use isomirror_tests::{
    images::iso9660::{bytes, xorriso},
    private_mounts::PrivateMounts,
    program::command,
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// How long an entry may take.
const SOON: Duration = Duration::from_secs(20);

/// Where the journal listens (systemd-journald.service(8)).
const SOCKET: &str = "/run/systemd/journal/socket";

type Entry = BTreeMap<String, String>;

/// An entry in the journal's own protocol: `FIELD=TEXT`, or the field alone, the length of its text, and the text.
fn entry(mut datagram: &[u8]) -> Entry {
    let mut entry = Entry::new();
    while let Some(end) = datagram.iter().position(|byte| *byte == b'\n') {
        let line = &datagram[..end];
        datagram = &datagram[end + 1..];
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        if let Some(equals) = line.iter().position(|byte| *byte == b'=') {
            entry.insert(text(&line[..equals]), text(&line[equals + 1..]));
        } else {
            let (length, rest) = datagram.split_at(8);
            let length = usize::try_from(u64::from_le_bytes(length.try_into().unwrap())).unwrap();
            entry.insert(text(line), text(&rest[..length]));
            datagram = &rest[length + 1..];
        }
    }
    entry
}

struct Journal(UnixDatagram);

impl Journal {
    fn listen() -> Self {
        fs::create_dir_all(Path::new(SOCKET).parent().unwrap()).unwrap();
        let socket = UnixDatagram::bind(SOCKET).unwrap();
        socket.set_read_timeout(Some(SOON)).unwrap();
        Self(socket)
    }

    /// Waits for the entry of an event.
    fn wait_for(&self, id: &str) -> Entry {
        let mut datagram = vec![0; 1 << 18];
        loop {
            let length = self.0.recv(&mut datagram).unwrap_or_else(|error| panic!("{id}: {error}"));
            let entry = entry(&datagram[..length]);
            if entry.get("MESSAGE_ID").is_some_and(|found| found == id) {
                assert!(!entry["MESSAGE"].contains(id), "{entry:?}");
                return entry;
            }
        }
    }
}

/// The daemon, with standard error that `JOURNAL_STREAM` says is the journal's.
fn daemon(directory: &Path) -> Child {
    let log = File::create(directory.join("stderr")).unwrap();
    let status = log.metadata().unwrap();
    let mut daemon = command("isomirrord", ["--roles", "mount", "--config"]);
    daemon
        .arg(directory.join("isomirror.yaml"))
        .env("RUNTIME_DIRECTORY", directory.join("run"))
        .env("STATE_DIRECTORY", directory.join("state"))
        .env("JOURNAL_STREAM", format!("{}:{}", status.dev(), status.ino()));
    daemon.stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

fn signal(process: &Child, signal: Signal) {
    kill(Pid::from_raw(process.id().try_into().unwrap()), signal).unwrap();
}

#[test]
fn each_event_that_people_want_to_be_told_of_has_its_number() {
    // The namespace is that of a thread, and goes with it.
    thread::spawn(story).join().unwrap();
}

fn story() {
    let _mounts = PrivateMounts::enter().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let (images, tree) = (path.join("images"), path.join("tree"));
    fs::create_dir_all(&images).unwrap();
    fs::create_dir(&tree).unwrap();
    fs::write(tree.join("file"), bytes(1, 2_000_000)).unwrap();
    let image = xorriso(&tree, &path.join("image.iso"), &["-R", "-V", "Rocky-9"]);
    let config = path.join("isomirror.yaml");
    let sound = format!(
        "webroot: {}\nmedia: {{drives: none, directories: [{}], settle: 100ms}}\nmount: {{backend: none}}\n",
        path.join("web").display(),
        images.display(),
    );
    fs::write(&config, &sound).unwrap();
    let journal = Journal::listen();
    let mut process = daemon(path);
    assert_eq!(journal.wait_for(message_id::READY)["MEDIA"], "0");

    fs::copy(&image, images.join("image.iso")).unwrap();
    let served = journal.wait_for(message_id::SERVED);
    assert_eq!(
        (&*served["NAME"], &*served["LABEL"], &*served["PRIORITY"]),
        ("Rocky-9", "Rocky-9", "5")
    );
    assert!(served["MESSAGE"].starts_with("serving name=\"Rocky-9\""), "{served:?}");
    fs::remove_file(images.join("image.iso")).unwrap();
    assert_eq!(journal.wait_for(message_id::GONE)["NAME"], "Rocky-9");
    fs::write(images.join("bad.iso"), vec![7; 2_000_000]).unwrap();
    let refused = journal.wait_for(message_id::NOT_PUBLISHED);
    assert!(
        refused["SOURCE"].ends_with("bad.iso") && !refused["PROBLEM"].is_empty(),
        "{refused:?}"
    );

    fs::write(&config, "medai: {}\n").unwrap();
    signal(&process, Signal::SIGHUP);
    let refused = journal.wait_for(message_id::CONFIGURATION_REFUSED);
    assert!(refused["ERROR"].ends_with("did you mean `media`?"), "{refused:?}");
    assert_eq!(refused["PRIORITY"], "3");
    signal(&process, Signal::SIGTERM);
    journal.wait_for(message_id::STOPPING);
    assert!(process.wait().unwrap().success());

    let mut process = daemon(path);
    journal.wait_for(message_id::CONFIGURATION_REFUSED);
    assert_eq!(process.wait().unwrap().code(), Some(78));
}

fn checkout(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    fs::read_to_string(root.join(path)).unwrap()
}

#[test]
fn every_number_is_explained_in_the_catalog_and_the_readme() {
    let ids: BTreeSet<&str> = message_id::ALL.iter().map(|(_, id)| *id).collect();
    assert_eq!(ids.len(), message_id::ALL.len(), "no two events share one");
    let is_number =
        |id: &&str| id.len() == 32 && id.bytes().all(|b| b"0123456789abcdef".contains(&b));
    assert!(ids.iter().all(is_number));
    let catalog = checkout("systemd/isomirror.catalog");
    let explained: BTreeSet<&str> =
        catalog.lines().filter_map(|line| line.strip_prefix("-- ")).collect();
    assert_eq!(explained, ids);
    for section in catalog.split("\n-- ").skip(1) {
        let lines: Vec<_> = section.lines().collect();
        assert!(lines[1].starts_with("Subject: "), "{section}");
        assert_eq!(lines[2], "Defined-By: isomirror");
        assert!(
            lines[3].starts_with("Support: https://")
                && lines[4].is_empty()
                && !lines[5].is_empty()
        );
    }
    let readme = checkout("README.md");
    for id in &ids {
        assert!(readme.contains(&format!("| `{id}` |")), "{id}");
    }
}
