//! Notices when anything is mounted or unmounted in this mount namespace.

use std::{fs::File, io};

use tokio::io::{Interest, unix::AsyncFd};

/// `/proc/self/mountinfo`, which the kernel marks as exceptional when the table changed (proc(5)).
#[derive(Debug)]
pub struct MountTable(AsyncFd<File>);

impl MountTable {
    /// Starts to watch. Needs a tokio runtime.
    pub fn watch() -> io::Result<Self> {
        let table = File::open("/proc/self/mountinfo")?;
        Ok(Self(AsyncFd::with_interest(table, Interest::PRIORITY)?))
    }

    /// Waits for the next change. Loses none if it is dropped while waiting: the mark stays.
    pub async fn changed(&self) -> io::Result<()> {
        self.0.ready(Interest::PRIORITY).await?.clear_ready();
        Ok(())
    }
}
