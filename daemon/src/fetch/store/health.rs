//! Whether the disk of a store is to be written to.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use nix::libc::EIO;

/// Once the disk has failed, nothing more is written to it before a restart: an error of fsync(2) is told once, and who
/// asks again is told that all is well. Clones are of the same disk.
#[derive(Clone, Debug, Default)]
pub(in crate::fetch) struct DiskHealth(Arc<AtomicBool>);

impl DiskHealth {
    /// The error that the disk failed with, for everybody who comes later.
    pub(in crate::fetch) fn check(&self) -> io::Result<()> {
        if self.0.load(Ordering::Relaxed) {
            return Err(io::Error::from_raw_os_error(EIO));
        }
        Ok(())
    }

    /// Takes in an error; true where the disk has failed.
    pub(in crate::fetch) fn note(&self, error: &io::Error) -> bool {
        let is_failure = error.raw_os_error() == Some(EIO);
        if is_failure {
            self.0.store(true, Ordering::Relaxed);
        }
        is_failure
    }
}
