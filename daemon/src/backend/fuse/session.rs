//! A running FUSE server, owned by whoever wants the mount.

use std::{
    ffi::OsString,
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
    time::{Duration, Instant},
};

use fuser::BackgroundSession;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::filesystem::Shelf;
use crate::sys::mount_target::{MountTarget, UnmountMode};

/// How long [`FuseSession::end`] sleeps between looks at its thread.
const PAUSE: Duration = Duration::from_millis(5);

/// The server of one FUSE mount. When it is dropped the mount goes away, whoever uses it gets errors from then on,
/// and the medium is let go of.
#[derive(Debug)]
pub struct FuseSession {
    shelf: Arc<Shelf>,
    thread: Option<BackgroundSession>,
    place: Option<Place>,
}

/// Where the session is mounted. By now something else may be mounted there; but while the kernel's end of the
/// connection lives, no other file system has the device number. (Mount numbers are given again.)
#[derive(Debug)]
pub(super) struct Place {
    pub(super) parent: OwnedFd,
    pub(super) name: OsString,
    pub(super) device: (u32, u32),
    pub(super) connection: OwnedFd,
}

impl Place {
    /// Whether the file system still exists, mounted or detached.
    fn is_connected(&self) -> bool {
        let mut descriptors = [PollFd::new(&self.connection, PollFlags::empty())];
        let polled = poll(&mut descriptors, Some(&Timespec::default()));
        polled.is_ok() && !descriptors[0].revents().contains(PollFlags::ERR)
    }
}

impl FuseSession {
    pub(super) fn new(shelf: Arc<Shelf>, thread: BackgroundSession, place: Option<Place>) -> Self {
        Self { shelf, thread: Some(thread), place }
    }

    /// Whether the server has ended, because the mount and all who used it are gone.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(|thread| thread.guard.is_finished())
    }

    /// Waits until the mount and all who use it are gone.
    pub fn wait(mut self) {
        if let Some(thread) = self.thread.take() {
            // How the server ended makes no difference: the mount is gone either way.
            let _ = thread.join();
        }
    }

    /// Takes the mount away if it is still there, lets go of the medium, and gives the server's threads `patience`
    /// to end. Returns whether they did; else they end with the last user of the mount.
    #[must_use]
    pub fn end(mut self, patience: Duration) -> bool {
        self.release();
        let deadline = Instant::now() + patience;
        while !self.has_ended() {
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(PAUSE);
        }
        true
    }

    fn release(&mut self) {
        if let Some(place) = self.place.take()
            && let Some(target) = MountTarget::new(place.parent.as_fd(), &place.name)
            && place.is_connected()
            && target.device().is_ok_and(|device| device == place.device)
        {
            // Where even detaching fails, the mount stays and answers with errors only.
            let _ = target.unmount(UnmountMode::Detach);
        }
        self.shelf.clear();
    }
}

impl Drop for FuseSession {
    fn drop(&mut self) {
        self.release();
    }
}
