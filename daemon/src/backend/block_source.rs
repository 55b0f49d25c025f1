//! A medium as a block device: a drive itself where that is safe, else a loop device over the medium.

use std::{
    fs::OpenOptions,
    os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use nix::libc::{O_EXCL, O_NONBLOCK};

use super::{MountError, MountRequest, source_mark};
use crate::open_medium::OpenMedium;
use crate::sys::{
    cdrom::{DriveStatus, drive_status},
    loop_device::LoopDevice,
    medium_file::MediumFile,
};

/// A device node to mount from.
#[derive(Debug)]
pub(super) enum BlockSource {
    /// The drive's own node.
    Drive(PathBuf),
    /// A loop device, which has to be held until it is mounted.
    Loop(LoopDevice),
}

impl BlockSource {
    pub(super) fn of(request: &MountRequest<'_>) -> Result<Self, MountError> {
        let file = request.medium.file();
        if is_open(file) {
            return Err(MountError::Changed { medium: file.path().display().to_string() });
        }
        if !request.marked && is_block_device(file) && is_free(file) && is_same_device(file) {
            return Ok(Self::Drive(file.path().to_owned()));
        }
        LoopDevice::attach(std::os::fd::AsFd::as_fd(&**file), &source_mark(request.key))
            .map(Self::Loop)
            .map_err(|source| MountError::Loop {
                medium: file.path().display().to_string(),
                source,
            })
    }

    /// Why a drive's medium is not mounted from the drive itself.
    pub(super) fn remark(&self, medium: &OpenMedium) -> Option<String> {
        let is_detour = matches!(self, Self::Loop(_)) && is_block_device(medium.file());
        is_detour.then(|| {
            let drive = medium.file().path().display();
            format!("a loop device is used, for something else still holds `{drive}`")
        })
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Drive(path) => path,
            Self::Loop(device) => device.path(),
        }
    }
}

/// Whether the drive's tray is open, or was emptied: mount(2) would close it, and take back what somebody ejected.
fn is_open(file: &MediumFile) -> bool {
    let status = drive_status(std::os::fd::AsFd::as_fd(file));
    matches!(status, Ok(DriveStatus::TrayOpen | DriveStatus::NoDisc))
}

/// Whether the medium is a block device.
pub(super) fn is_block_device(file: &MediumFile) -> bool {
    std::fs::metadata(file.descriptor_path()).is_ok_and(|it| it.file_type().is_block_device())
}

/// Whether no file system of an earlier medium lives on the drive. The kernel would go on with that one, and so
/// show the sizes and bytes of a disc that is no longer there; over a loop device it makes one of its own.
fn is_free(file: &MediumFile) -> bool {
    let flags = O_EXCL | O_NONBLOCK;
    OpenOptions::new().read(true).custom_flags(flags).open(file.descriptor_path()).is_ok()
}

/// Whether the medium's path still is the node of the device that was opened.
fn is_same_device(file: &MediumFile) -> bool {
    match (std::fs::metadata(file.path()), std::fs::metadata(file.descriptor_path())) {
        (Ok(named), Ok(opened)) => {
            named.file_type().is_block_device() && named.rdev() == opened.rdev()
        }
        _ => false,
    }
}
