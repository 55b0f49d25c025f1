//! A medium as a block device.
//!
//! A disc is never mounted from its drive: a drive shows whatever is in it, to whoever has a file open, and the kernel
//! goes on with the file system of an earlier disc while somebody uses that. A loop device over the drive belongs to
//! one disc, tells which, and can be cut off from the drive the moment that disc is gone.

use std::os::fd::AsFd;

use super::{MountError, MountRequest};
use crate::sys::{
    cdrom::{DriveStatus, drive_status},
    loop_device::LoopDevice,
    medium_file::MediumFile,
};

/// A loop device over the medium, which has to be held until it is mounted.
pub(super) fn attach(request: &MountRequest<'_>) -> Result<LoopDevice, MountError> {
    let file = request.medium.file();
    let medium = file.path().display().to_string();
    if is_open(file) {
        return Err(MountError::Changed { medium });
    }
    LoopDevice::attach((**file).as_fd(), &request.key.mark())
        .map_err(|source| MountError::Loop { medium, source })
}

/// Whether the drive's tray is open, or was emptied: there is nothing to mount, and to open the drive might take
/// back what somebody ejected.
fn is_open(file: &MediumFile) -> bool {
    matches!(drive_status(file.as_fd()), Ok(DriveStatus::TrayOpen | DriveStatus::NoDisc))
}
