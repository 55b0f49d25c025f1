//! A directory that never answers, like that of a share whose server is gone.

use std::{
    fs::{File, OpenOptions},
    io,
    os::fd::AsRawFd,
    path::Path,
};

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use tempfile::TempDir;

use crate::scratch;

/// A FUSE mount whose server reads no request. Dropped, it is no more, and whoever waited gets an error.
#[derive(Debug)]
pub struct HungDirectory {
    directory: TempDir,
    connection: Option<File>,
}

impl HungDirectory {
    /// Mounts one.
    ///
    /// # Errors
    /// Those of FUSE, and where we may not mount.
    pub fn mount() -> io::Result<Self> {
        let directory = scratch::directory()?;
        let connection = OpenOptions::new().read(true).write(true).open("/dev/fuse")?;
        let options = format!("fd={},rootmode=40000,user_id=0,group_id=0", connection.as_raw_fd());
        let options = std::ffi::CString::new(options)?;
        mount("hung", directory.path(), "fuse", MountFlags::empty(), Some(options.as_c_str()))?;
        Ok(Self { directory, connection: Some(connection) })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}

impl Drop for HungDirectory {
    fn drop(&mut self) {
        // Wakes those who wait.
        drop(self.connection.take());
        let _ = unmount(self.directory.path(), UnmountFlags::DETACH);
    }
}
