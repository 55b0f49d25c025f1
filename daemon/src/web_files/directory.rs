//! The directories of files below the web root.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::{
    fs::{AtFlags, Mode, OFlags, mkdirat, openat, unlinkat},
    io::Errno,
};

use super::place;

/// Opens a directory below `root`, without following links. `path` may be empty.
pub(super) fn open(root: BorrowedFd<'_>, path: &str) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut directory = openat(root, ".", flags, Mode::empty())?;
    for name in path.split('/').filter(|name| !name.is_empty()) {
        directory = openat(&directory, name, flags, Mode::empty())?;
    }
    Ok(directory)
}

/// Makes a directory below `root`; says whether it was not there.
pub(super) fn create(root: BorrowedFd<'_>, path: &str) -> io::Result<bool> {
    let (parent, name) = split(path);
    match mkdirat(open(root, parent)?, name, Mode::from_raw_mode(0o755)) {
        Ok(()) => Ok(true),
        Err(Errno::EXIST) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Removes a directory below `root` if nothing is in it but what a crash may have left.
pub(super) fn remove(root: BorrowedFd<'_>, path: &str) -> io::Result<()> {
    let (parent, name) = split(path);
    if let Ok(directory) = open(root, path) {
        place::remove_temporary(directory.as_fd())?;
    }
    match unlinkat(open(root, parent)?, name, AtFlags::REMOVEDIR) {
        Err(Errno::NOENT | Errno::NOTEMPTY) | Ok(()) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The directory of a path, empty for the root itself, and the name in it.
pub(super) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// The directories that a path leads through, from the root on, which is not among them.
pub(super) fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(slash, _)| &path[..slash])
}
