//! A daemon with discs in drives. Loop devices stand in for the drives.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use isomirror::control::ask;
use isomirror_core::control::{Answer, Request, SOCKET};
use isomirror_tests::{
    daemon::{Daemon, DaemonOptions},
    http,
    images::iso9660::bytes,
    loop_drive::LoopDrive,
};
use tempfile::TempDir;

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Every image has this size: only an image of the same size can be exchanged for another.
const SIZE: u64 = 16 << 20;

/// Length of the file `large` of a disc.
pub(crate) const LARGE: usize = 8_000_000;

/// A daemon and its drives. The drives are detached after the daemon let go of them.
pub(crate) struct Station {
    pub(crate) daemon: Daemon,
    pub(crate) drives: Vec<LoopDrive>,
    pub(crate) directory: TempDir,
}

/// Options that make these devices a daemon's drives.
fn options(drives: &[LoopDrive], mount: &str) -> DaemonOptions {
    let names: Vec<_> = drives.iter().map(LoopDrive::name).collect();
    DaemonOptions {
        config: format!("media:\n  drives: none\n  settle: 100ms\nmount: {{{mount}}}\n"),
        environment: vec![("ISOMIRROR_DRIVES".into(), names.join(",").into())],
        ..DaemonOptions::default()
    }
}

impl Station {
    /// Starts a daemon with a disc for each label in a drive of its own, all published.
    pub(crate) fn start(labels: &[&str], mount: &str) -> Self {
        let directory = TempDir::new().unwrap();
        let drives: Vec<_> = labels
            .iter()
            .map(|label| LoopDrive::attach(&disc(directory.path(), label)).unwrap())
            .collect();
        let daemon = Daemon::start(options(&drives, mount)).unwrap();
        daemon.wait_for_serving(PATIENCE, labels).unwrap();
        Self { daemon, drives, directory }
    }

    /// Makes an image that fits into the drives.
    pub(crate) fn disc(&self, label: &str) -> PathBuf {
        disc(self.directory.path(), label)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.daemon.runtime_directory().join(SOCKET)
    }

    pub(crate) fn ask(&self, request: &Request) -> Answer {
        ask(&self.socket(), request, Duration::from_mins(1)).unwrap()
    }

    pub(crate) fn release(&self, drive: usize, wait_ms: u64) -> Answer {
        let device = self.drives[drive].node().to_owned();
        self.ask(&Request::Release { device, wait_ms })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.daemon.webroot().join(name)
    }

    /// That neither mount nor directory, nor anything over HTTP is left of `name`.
    pub(crate) fn is_nowhere(&self, name: &str) -> bool {
        !self.path(name).exists() && self.status(&format!("/{name}/large")) == 404
    }

    pub(crate) fn is_draining(&self, name: &str) -> bool {
        self.daemon.medium(name).unwrap().is_some_and(|medium| medium["state"] == "draining")
    }

    pub(crate) fn status(&self, path: &str) -> u16 {
        http::request(self.daemon.port(), "HEAD", path, &[]).unwrap().status
    }

    /// Whether the daemon has this drive open.
    pub(crate) fn is_held(&self, drive: usize) -> bool {
        let descriptors = format!("/proc/{}/fd", self.daemon.id());
        fs::read_dir(descriptors).unwrap().flatten().any(|entry| {
            fs::read_link(entry.path()).is_ok_and(|link| link == self.drives[drive].node())
        })
    }
}

/// The content of the file `large` of the disc with this label.
pub(crate) fn large(label: &str) -> Vec<u8> {
    let seed = label.bytes().fold(7, |seed: u64, byte| seed * 31 + u64::from(byte));
    bytes(seed, LARGE)
}

fn disc(directory: &Path, label: &str) -> PathBuf {
    let tree = directory.join(format!("{label}.tree"));
    fs::create_dir(&tree).unwrap();
    fs::write(tree.join("large"), large(label)).unwrap();
    fs::write(tree.join("content"), label).unwrap();
    let path = directory.join(format!("{label}.iso"));
    let label = label.split('~').next().unwrap();
    let arguments = ["-as", "mkisofs", "-quiet", "-R", "-V", label, "-o"];
    let made = Command::new("xorriso").args(arguments).arg(&path).arg(&tree).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    fs::File::options().write(true).open(&path).unwrap().set_len(SIZE).unwrap();
    path
}

/// A process that has a file open until it is dropped.
pub(crate) struct Reader(Child);

impl Reader {
    pub(crate) fn of(path: &Path) -> Self {
        let file = fs::File::open(path).unwrap();
        let child = Command::new("sleep").arg("600").stdin(file).stdout(Stdio::null()).spawn();
        Self(child.unwrap())
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until it is so, and tells how long that took.
pub(crate) fn wait_for(what: &str, mut done: impl FnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < PATIENCE, "{what} did not come true");
        std::thread::sleep(Duration::from_millis(5));
    }
    start.elapsed()
}
