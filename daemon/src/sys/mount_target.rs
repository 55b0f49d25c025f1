//! A directory below an open one, as the place of a mount. Its path is never followed through links, nor into
//! another mount.

use std::{
    ffi::OsStr,
    io,
    os::fd::{AsRawFd, BorrowedFd, OwnedFd},
    path::PathBuf,
};

use nix::{errno::Errno, libc::UMOUNT_NOFOLLOW};
use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags, StatxFlags, openat, openat2, statx};
use sys_mount::UnmountFlags;

/// The directory `name` in the directory that `parent` is open on.
#[derive(Clone, Copy, Debug)]
pub struct MountTarget<'a> {
    parent: BorrowedFd<'a>,
    name: &'a OsStr,
}

/// How a mount is taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnmountMode {
    /// Only if nobody uses it.
    Orderly,
    /// From the tree of directories at once; whoever uses it still goes on until done.
    Detach,
}

/// What taking a mount away came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unmounted {
    /// It was mounted and is no longer.
    Done,
    /// Nothing was mounted, or the directory is gone: the kernel or systemd was faster.
    Already,
}

/// Why a mount is still there.
#[derive(Debug, thiserror::Error)]
pub enum UnmountError {
    /// Somebody uses it.
    #[error("cannot unmount `{0}`: it is in use")]
    Busy(String),
    /// The kernel refused.
    #[error("cannot unmount `{name}`")]
    Failed {
        /// The directory's name.
        name: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl UnmountError {
    /// Whether trying again may help.
    #[must_use]
    pub fn retryable(&self) -> bool {
        matches!(self, Self::Busy(_))
    }
}

impl<'a> MountTarget<'a> {
    /// `None` where `name` is not the name of one directory.
    #[must_use]
    pub fn new(parent: BorrowedFd<'a>, name: &'a OsStr) -> Option<Self> {
        let bytes = name.as_encoded_bytes();
        let plain = !matches!(bytes, b"" | b"." | b"..")
            && !bytes.iter().any(|byte| matches!(byte, 0 | b'/'));
        plain.then_some(Self { parent, name })
    }

    /// The directory's name.
    #[must_use]
    pub fn name(&self) -> &'a OsStr {
        self.name
    }

    /// A path to the directory that only this process can use, and only while `parent` is open.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        let mut path = PathBuf::from(format!("/proc/self/fd/{}", self.parent.as_raw_fd()));
        path.push(self.name);
        path
    }

    /// The directory that holds it.
    #[must_use]
    pub fn parent(&self) -> BorrowedFd<'a> {
        self.parent
    }

    /// A path to the directory that other processes can use, as long as nobody renames what it leads through.
    pub fn real_path(&self) -> io::Result<PathBuf> {
        let parent = std::fs::read_link(format!("/proc/self/fd/{}", self.parent.as_raw_fd()))?;
        Ok(parent.join(self.name))
    }

    /// Opens the directory to be mounted on.
    ///
    /// # Errors
    /// ELOOP where it is a link, ENOTDIR where it is no directory, EXDEV where something is mounted there already.
    pub fn open(&self) -> io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let resolve = ResolveFlags::BENEATH
            | ResolveFlags::NO_SYMLINKS
            | ResolveFlags::NO_MAGICLINKS
            | ResolveFlags::NO_XDEV;
        Ok(openat2(self.parent, self.name, flags, Mode::empty(), resolve)?)
    }

    /// Opens what is mounted on the directory, without asking its file system. While it is open the number of the
    /// mount is given to no other, even after it was detached.
    pub fn open_mount(&self) -> io::Result<OwnedFd> {
        // Not openat2(2), which RestrictSUIDSGID= of a unit refuses; the name is one component, and no link.
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(openat(self.parent, self.name, flags, Mode::empty())?)
    }

    /// Takes away what is mounted on the directory; of several mounts the uppermost.
    pub fn unmount(&self, mode: UnmountMode) -> Result<Unmounted, UnmountError> {
        let flags = match mode {
            UnmountMode::Orderly => UnmountFlags::empty(),
            UnmountMode::Detach => UnmountFlags::DETACH,
        };
        // `UnmountFlags::NOFOLLOW` of sys-mount 3.1 is O_NOFOLLOW, which umount2(2) refuses with EINVAL.
        let flags = flags | UnmountFlags::from_bits_retain(UMOUNT_NOFOLLOW);
        let name = || self.name.to_string_lossy().into_owned();
        match sys_mount::unmount(self.path(), flags) {
            Ok(()) => Ok(Unmounted::Done),
            Err(error) => match error.raw_os_error().map(Errno::from_raw) {
                Some(Errno::EINVAL | Errno::ENOENT) => Ok(Unmounted::Already),
                Some(Errno::EBUSY) => Err(UnmountError::Busy(name())),
                _ => Err(UnmountError::Failed { name: name(), source: error }),
            },
        }
    }

    /// Whether what is mounted here has lost its server, as a FUSE mount does when the server dies. Asks the
    /// server, if there is one: what the kernel remembers of it outlives it.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT | AtFlags::STATX_FORCE_SYNC;
        let found = statx(self.parent, self.name, flags, StatxFlags::BASIC_STATS);
        matches!(found, Err(error) if error == rustix::io::Errno::NOTCONN)
    }

    /// The kernel's number of the uppermost mount here, or of the mount that the directory itself lies in. Numbers of
    /// mounts that are gone are given again.
    pub fn mount_id(&self) -> io::Result<u64> {
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT | AtFlags::STATX_DONT_SYNC;
        Ok(statx(self.parent, self.name, flags, StatxFlags::MNT_ID)?.stx_mnt_id)
    }

    /// Device number (major and minor) of the file system that the directory shows. Does not wait for a server.
    pub fn device(&self) -> io::Result<(u32, u32)> {
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT | AtFlags::STATX_DONT_SYNC;
        let found = statx(self.parent, self.name, flags, StatxFlags::empty())?;
        Ok((found.stx_dev_major, found.stx_dev_minor))
    }
}
