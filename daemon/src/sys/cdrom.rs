//! What an optical drive says of itself (linux/cdrom.h). The descriptor must have been opened with `O_NONBLOCK`: a
//! blocking open closes the tray and waits for a disc.

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd},
};

/// Unsafe functions that the ioctl macros write.
mod request {
    // CDROM_DRIVE_STATUS and CDROM_DISC_STATUS of linux/cdrom.h.
    nix::ioctl_write_int_bad!(drive_status, 0x5326);
    nix::ioctl_none_bad!(disc_status, 0x5327);
    // CDROMEJECT and CDROM_LOCKDOOR.
    nix::ioctl_none_bad!(eject, 0x5309);
    nix::ioctl_write_int_bad!(lock_door, 0x5329);
}

/// `CDSL_CURRENT`: the slot that is in use, for changers.
const CURRENT_SLOT: i32 = i32::MAX;

/// Answer to `CDROM_DRIVE_STATUS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriveStatus {
    /// The drive does not tell (`CDS_NO_INFO`).
    Untold,
    /// The tray is closed and empty (`CDS_NO_DISC`).
    NoDisc,
    /// The tray is open (`CDS_TRAY_OPEN`).
    TrayOpen,
    /// It is closing, spinning up or busy (`CDS_DRIVE_NOT_READY`).
    NotReady,
    /// A disc can be read (`CDS_DISC_OK`).
    DiscOk,
}

/// Answer to `CDROM_DISC_STATUS`, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiscStatus {
    /// Audio tracks only (`CDS_AUDIO`).
    Audio,
    /// At least one data track, or the drive does not tell.
    Other,
}

/// Asks the drive for its state. It may take as long as the drive does to answer.
///
/// # Errors
/// The kernel's, for instance where the device is no optical drive or is gone.
pub fn drive_status(drive: BorrowedFd<'_>) -> io::Result<DriveStatus> {
    // SAFETY: the descriptor is borrowed and so open; the request takes an integer and touches no memory of ours.
    #[expect(unsafe_code, reason = "ioctls have no safe interface")]
    let answer = unsafe { request::drive_status(drive.as_raw_fd(), CURRENT_SLOT) }?;
    Ok(match answer {
        1 => DriveStatus::NoDisc,
        2 => DriveStatus::TrayOpen,
        3 => DriveStatus::NotReady,
        4 => DriveStatus::DiscOk,
        _ => DriveStatus::Untold,
    })
}

/// Asks the drive for the kind of its disc.
///
/// # Errors
/// As [`drive_status`].
pub fn disc_status(drive: BorrowedFd<'_>) -> io::Result<DiscStatus> {
    const AUDIO: i32 = 100;
    // SAFETY: the descriptor is borrowed and so open; the request takes no argument.
    #[expect(unsafe_code, reason = "ioctls have no safe interface")]
    let answer = unsafe { request::disc_status(drive.as_raw_fd()) }?;
    Ok(if answer == AUDIO { DiscStatus::Audio } else { DiscStatus::Other })
}

/// Opens the tray. Whoever uses the disc is not asked.
///
/// # Errors
/// The kernel's; and the drive's own, which the kernel hands on as a positive SCSI status, for instance while the
/// door is locked.
pub fn eject(drive: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: the descriptor is borrowed and so open; the request takes no argument.
    #[expect(unsafe_code, reason = "ioctls have no safe interface")]
    let answer = unsafe { request::eject(drive.as_raw_fd()) }?;
    match answer {
        0 => Ok(()),
        status => Err(io::Error::other(format!("the drive refused with SCSI status {status}"))),
    }
}

/// Locks or unlocks the door. A locked door is what makes an eject by the hypervisor or by the button a request that
/// can be heard, so it is unlocked for an eject of our own only.
///
/// # Errors
/// The kernel's, for instance where the drive has no lock.
pub fn lock_door(drive: BorrowedFd<'_>, locked: bool) -> io::Result<()> {
    // SAFETY: the descriptor is borrowed and so open; the request takes an integer and touches no memory of ours.
    #[expect(unsafe_code, reason = "ioctls have no safe interface")]
    unsafe { request::lock_door(drive.as_raw_fd(), i32::from(locked)) }?;
    Ok(())
}
