//! Notices when anything is mounted or unmounted in this mount namespace.

#![expect(unsafe_code, reason = "registering a descriptor whose owner is elsewhere is unsafe")]

use std::{fs::File, io};

use tokio::io::{Interest, unix::AsyncFd};

/// `/proc/self/mountinfo`, which the kernel marks as exceptional when the table changed (proc(5)).
#[derive(Debug)]
pub struct MountTable(AsyncFd<File>);

impl MountTable {
    /// Starts to watch. Needs a tokio runtime.
    pub fn watch() -> io::Result<Self> {
        let table = File::open("/proc/self/mountinfo")?;
        // SAFETY: the file owns its descriptor, gives the same one for as long as it lives, and lives in the AsyncFd.
        let watched = unsafe { AsyncFd::register_with_interest(table, Interest::PRIORITY) };
        Ok(Self(watched?))
    }

    /// Waits for the next change. Loses none if it is dropped while waiting: the mark stays.
    pub async fn changed(&self) -> io::Result<()> {
        self.0.ready(Interest::PRIORITY).await?.clear_ready();
        Ok(())
    }
}
