//! Opens a drive.

use std::{
    fs::File,
    fs::OpenOptions,
    io,
    os::{fd::AsFd, unix::fs::OpenOptionsExt},
    path::Path,
};

use isomirror_core::drive::DeviceKind;
use nix::libc::O_NONBLOCK;

use crate::sys::cdrom::{eject, lock_door};

/// Whether the device is a drive that has a tray, by its name in the kernel. Others would take the request for one to
/// stop.
pub(super) fn has_tray(device: &Path) -> bool {
    let name = device.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    device.starts_with("/dev") && DeviceKind::of(name) == DeviceKind::Optical
}

/// Opens the tray of a drive that is not used any more. The door is locked, as it is from the moment that udev sees a
/// disc, so it is unlocked for this; where the tray stays closed it is locked again, or nobody would hear of the next
/// request. Blocks for as long as the drive takes.
pub(super) fn open_tray(device: &Path) -> io::Result<()> {
    let drive: File = OpenOptions::new().read(true).custom_flags(O_NONBLOCK).open(device)?;
    // A drive without a lock refuses, and opens all the same.
    let was_unlocked = lock_door(drive.as_fd(), false).is_ok();
    eject(drive.as_fd()).inspect_err(|_| {
        if was_unlocked {
            let _ = lock_door(drive.as_fd(), true);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_optical_drives_have_a_tray() {
        for (device, expected) in [
            ("/dev/sr0", true),
            ("/dev/sr12", true),
            ("/dev/sda", false),
            ("/dev/loop0", false),
            ("/tmp/sr0", false),
            ("/dev/sr", false),
            ("", false),
        ] {
            assert_eq!(has_tray(Path::new(device)), expected, "{device}");
        }
    }
}
