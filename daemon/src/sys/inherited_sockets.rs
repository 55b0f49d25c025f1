//! Sockets that the service manager opened for this process (`sd_listen_fds(3)`).
#![expect(
    unsafe_code,
    reason = "whose a descriptor is that was there at the start, only its number tells"
)]

use std::{
    io,
    os::fd::{FromRawFd, OwnedFd},
    sync::atomic::{AtomicBool, Ordering},
};

/// A socket, with the name that its unit gives it (`FileDescriptorName=`), or that of the unit.
#[derive(Debug)]
pub struct InheritedSocket {
    /// The name; `unknown` where there is none.
    pub name: String,
    /// The socket. It is not inherited any further.
    pub socket: OwnedFd,
}

/// Takes the sockets that are meant for this very process (`LISTEN_PID`); none from the second call on.
///
/// # Errors
/// `LISTEN_FDS` promises descriptors that are not there, or has no number.
pub fn take_inherited_sockets() -> io::Result<Vec<InheritedSocket>> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if TAKEN.swap(true, Ordering::Relaxed) {
        return Ok(Vec::new());
    }
    // It has set close-on-exec for all of them, which fails for one that is not open.
    let descriptors = sd_notify::listen_fds_with_names()?;
    Ok(descriptors
        .map(|(descriptor, name)| {
            // SAFETY: the service manager opened it for this process, and it is taken here once and nowhere else.
            let socket = unsafe { OwnedFd::from_raw_fd(descriptor) };
            InheritedSocket { name, socket }
        })
        .collect())
}
