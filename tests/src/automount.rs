//! A real automount with a master map of its own. Start it in [`PrivateMounts`](crate::private_mounts).

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{
    mount::{MntFlags, umount2},
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;

use crate::{mounts, scratch};

const PATIENCE: Duration = Duration::from_secs(10);

/// An automount. Dropped, it is ended, and its mount goes.
#[derive(Debug)]
pub struct Automount {
    process: Child,
    directory: TempDir,
    webroot: PathBuf,
}

impl Automount {
    /// Starts one whose only master entry is `webroot map options`, and waits until it serves.
    pub fn start(webroot: &Path, map: &Path, options: &str) -> io::Result<Self> {
        let directory = scratch::directory()?;
        let master = directory.path().join("master");
        fs::write(&master, format!("{} {} {options}\n", webroot.display(), map.display()))?;
        let log = fs::File::create(directory.path().join("log"))?;
        // In a session of its own: what is in automount's process group never makes it mount anything.
        let process = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "setsid", "automount", "-f", "-v", "-d"])
            .args(["--dont-check-daemon", "-p", "/run/autofs.pid"])
            .arg(&master)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let automount = Self { process, directory, webroot: webroot.to_owned() };
        let deadline = Instant::now() + PATIENCE;
        while mounts::at(webroot)?.is_none_or(|mount| mount.filesystem != "autofs") {
            if Instant::now() > deadline {
                return Err(io::Error::other(format!("no automount:\n{}", automount.log())));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(automount)
    }

    /// What it logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    /// How often it was told to read its maps again.
    #[must_use]
    pub fn hangups(&self) -> usize {
        self.log().matches("re-reading master map").count()
    }

    /// Kills it; its mount stays.
    pub fn kill9(&mut self) -> io::Result<()> {
        self.process.kill()?;
        self.process.wait().map(drop)
    }
}

impl Drop for Automount {
    #[expect(clippy::print_stderr, reason = "the test runner shows it with the failure")]
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- automount's log ---\n{}", self.log());
        }
        if let Ok(None) = self.process.try_wait() {
            let id = i32::try_from(self.process.id()).expect("process ids are small");
            kill(Pid::from_raw(id), Signal::SIGTERM).ok();
        }
        let deadline = Instant::now() + PATIENCE;
        while matches!(self.process.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                self.process.kill().ok();
            }
            thread::sleep(Duration::from_millis(10));
        }
        mounts::detach_below(&self.webroot).ok();
        umount2(&self.webroot, MntFlags::MNT_DETACH).ok();
    }
}
