//! Read leases (fcntl(2), "Leases"): the kernel tells the holder before anybody opens the file for writing or
//! truncates it, and keeps that process waiting for at most /proc/sys/fs/lease-break-time.
//!
//! Whoever takes a lease must have a handler for SIGIO: the signal's default is to end the process.

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd},
    process,
};

use nix::libc::{self, c_int};

/// `F_SETLEASE` and `F_GETLEASE` of linux/fcntl.h: `F_LINUX_SPECIFIC_BASE` + 0 and + 1.
const SET_LEASE: c_int = 1024;
const GET_LEASE: c_int = 1025;

/// How the kernel answered the wish for a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseOutcome {
    /// It is held: nobody has the file open for writing, and nobody can without this process being told.
    Granted,
    /// Somebody has the file open for writing, or is about to.
    Writer,
    /// Not possible here: the file system has no leases, or the file is not ours and `CAP_LEASE` is missing.
    Unavailable,
}

/// Asks for a read lease on a file that is open for reading only. It goes with the last copy of the descriptor.
///
/// # Errors
/// What the kernel says beyond the outcomes that [`LeaseOutcome`] names.
pub fn take_read_lease(file: BorrowedFd<'_>) -> io::Result<LeaseOutcome> {
    // Without an owner the kernel would signal the thread that took the lease, and nobody once that has ended.
    let owner = c_int::try_from(process::id()).map_err(io::Error::other)?;
    control(file, libc::F_SETOWN, owner)?;
    match control(file, SET_LEASE, libc::F_RDLCK) {
        Ok(_) => Ok(LeaseOutcome::Granted),
        Err(error) => match error.raw_os_error() {
            Some(libc::EAGAIN) => Ok(LeaseOutcome::Writer),
            Some(libc::EINVAL | libc::EACCES | libc::EPERM | libc::EOPNOTSUPP | libc::ENOLCK) => {
                Ok(LeaseOutcome::Unavailable)
            }
            _ => Err(error),
        },
    }
}

/// Whether the read lease on this descriptor is whole: not broken, nor being broken.
#[must_use]
pub fn holds_read_lease(file: BorrowedFd<'_>) -> bool {
    matches!(control(file, GET_LEASE, 0), Ok(kind) if kind == libc::F_RDLCK)
}

fn control(file: BorrowedFd<'_>, command: c_int, argument: c_int) -> io::Result<c_int> {
    // SAFETY: the descriptor is borrowed and so open; these commands take an integer and touch no memory of ours.
    #[expect(unsafe_code, reason = "neither nix nor rustix has leases")]
    let answer = unsafe { libc::fcntl(file.as_raw_fd(), command, argument) };
    if answer == -1 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}
