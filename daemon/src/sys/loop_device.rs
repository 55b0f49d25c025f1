//! Loop devices: a file, or a part of what a drive holds, as a block device of its own.
//!
//! A device is attached by the descriptor of what lies behind it, and frees itself with its last user: there is
//! nothing to clean up, whenever this process ends. Unlike a drive, a device can be cut off from what lies behind it
//! while it is in use.
#![allow(unsafe_code, reason = "the ioctls of loop(4) have no safe wrapper")]

use std::{
    collections::BTreeSet,
    fs::{File, OpenOptions},
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd},
    path::{Path, PathBuf},
};

use nix::errno::Errno;
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};

use super::block_device;

/// How often another process may snatch the free device away before we give up.
const ATTEMPTS: usize = 64;
/// Bytes of a mark, the closing NUL included (`LO_NAME_SIZE`).
const MARK_SIZE: usize = 64;
/// Major number of loop devices.
pub const MAJOR: u32 = 7;

const FLAG_READ_ONLY: u32 = 1;
const FLAG_AUTOCLEAR: u32 = 4;
const FLAG_DIRECT_IO: u32 = 16;

/// `struct loop_info64` of `linux/loop.h`.
#[repr(C)]
#[derive(Clone, Copy)]
struct LoopInfo {
    device: u64,
    inode: u64,
    rdevice: u64,
    offset: u64,
    size_limit: u64,
    number: u32,
    encrypt_type: u32,
    encrypt_key_size: u32,
    flags: u32,
    file_name: [u8; MARK_SIZE],
    crypt_name: [u8; 64],
    encrypt_key: [u8; 32],
    init: [u64; 2],
}

/// `struct loop_config` of `linux/loop.h`.
#[repr(C)]
struct LoopConfig {
    descriptor: u32,
    block_size: u32,
    info: LoopInfo,
    reserved: [u64; 8],
}

nix::ioctl_none_bad! {
    /// `LOOP_CTL_GET_FREE`: the number of a device that is free now.
    loop_get_free, 0x4C82
}
nix::ioctl_write_ptr_bad! {
    /// `LOOP_CONFIGURE`, since Linux 5.8.
    loop_configure, 0x4C0A, LoopConfig
}
nix::ioctl_read_bad! {
    /// `LOOP_GET_STATUS64`.
    loop_get_status, 0x4C05, LoopInfo
}
nix::ioctl_write_int_bad! {
    /// `LOOP_CHANGE_FD`: another file of the same size, for a device that is read-only.
    loop_change_descriptor, 0x4C06
}
nix::ioctl_none_bad! {
    /// `LOOP_SET_CAPACITY`: takes over the size of the file behind the device.
    loop_set_capacity, 0x4C07
}

/// Why no loop device could be had.
#[derive(Debug, thiserror::Error)]
pub enum LoopError {
    /// There is no `/dev/loop-control`, or it may not be used.
    #[error("cannot open `/dev/loop-control`")]
    Control(#[source] io::Error),
    /// The kernel has no free device and may not make another.
    #[error("cannot get a free loop device")]
    Free(#[source] io::Error),
    /// The device node cannot be opened.
    #[error("cannot open the loop device `{0}`")]
    Open(PathBuf, #[source] io::Error),
    /// The device cannot be attached.
    #[error("cannot attach to the loop device `{0}`")]
    Attach(PathBuf, #[source] io::Error),
}

impl LoopError {
    /// The failure of the system call.
    #[must_use]
    pub fn error(&self) -> &io::Error {
        match self {
            Self::Control(error)
            | Self::Free(error)
            | Self::Open(_, error)
            | Self::Attach(_, error) => error,
        }
    }
}

/// A loop device that was attached here. It lives for as long as this, or a mount of it, does.
#[derive(Debug)]
pub struct LoopDevice {
    /// Held open so that the device does not free itself before it is mounted.
    file: File,
    path: PathBuf,
}

impl LoopDevice {
    /// Attaches `backing`, a file or block device, read-only and without partitions, past the page cache where the
    /// file system allows it. `mark`, at most 63 bytes, is what the device gives as the name of its file.
    pub fn attach(backing: BorrowedFd<'_>, mark: &str) -> Result<Self, LoopError> {
        let control = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/loop-control")
            .map_err(LoopError::Control)?;
        let mut attempt = 0;
        loop {
            attempt += 1;
            // SAFETY: LOOP_CTL_GET_FREE takes no argument, and the descriptor is open for the call.
            let number = unsafe { loop_get_free(control.as_raw_fd()) }
                .map_err(|error| LoopError::Free(error.into()))?;
            match Self::attach_to(number, backing, mark) {
                // The free device was only a hint: others ask for it too, and may have removed it again.
                Err(error)
                    if attempt < ATTEMPTS
                        && matches!(
                            error.error().raw_os_error().map(Errno::from_raw),
                            Some(Errno::EBUSY | Errno::ENOENT | Errno::ENXIO)
                        ) => {}
                other => return other,
            }
        }
    }

    fn attach_to(number: i32, backing: BorrowedFd<'_>, mark: &str) -> Result<Self, LoopError> {
        let path = PathBuf::from(format!("/dev/loop{number}"));
        // O_RDONLY suffices to attach; read-only it is anyway.
        let file = File::open(&path).map_err(|error| LoopError::Open(path.clone(), error))?;
        let flags = FLAG_READ_ONLY | FLAG_AUTOCLEAR | FLAG_DIRECT_IO;
        let attached = match configure(&file, backing, mark, flags) {
            Err(Errno::EINVAL) => configure(&file, backing, mark, flags & !FLAG_DIRECT_IO),
            other => other,
        };
        match attached {
            Ok(()) => Ok(Self { file, path }),
            Err(error) => Err(LoopError::Attach(path, error.into())),
        }
    }

    /// The device node.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl AsFd for LoopDevice {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

fn configure(file: &File, backing: BorrowedFd<'_>, mark: &str, flags: u32) -> nix::Result<()> {
    let mut info = LoopInfo { flags, ..EMPTY };
    let length = mark.len().min(MARK_SIZE - 1);
    info.file_name[..length].copy_from_slice(&mark.as_bytes()[..length]);
    let descriptor = u32::try_from(backing.as_raw_fd()).map_err(|_| Errno::EBADF)?;
    // Past the page cache only whole blocks of what lies behind can be read.
    let block_size = block_device::logical_block_size(backing).unwrap_or(512);
    let config = LoopConfig { descriptor, block_size, info, reserved: [0; 8] };
    // SAFETY: `config` is a whole `struct loop_config` that outlives the call, and both descriptors in it are open.
    unsafe { loop_configure(file.as_raw_fd(), &raw const config) }?;
    Ok(())
}

/// The mark of the attached loop device with this minor number; `None` where it has none or is not attached.
#[must_use]
pub fn mark(minor: u32) -> Option<String> {
    let link = std::fs::read_link(format!("/sys/dev/block/{MAJOR}:{minor}")).ok()?;
    let file = File::open(Path::new("/dev").join(link.file_name()?)).ok()?;
    status(&file).ok().and_then(|info| info.mark())
}

/// A loop device over a block device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriveLoop {
    /// Device number of the block device behind it.
    pub drive: u64,
    /// Its mark.
    pub mark: String,
}

/// Cuts everybody off from the drives behind the marked loop devices for which `is_meant` holds, and from all other
/// devices with the same marks: from now on reads fail, whatever is in the drives by then, and nothing holds these open
/// any more. Media of which no device lies over a drive are left as they are.
///
/// Waits for reads that are under way.
///
/// # Errors
/// The last failure, where a device could not be cut off.
pub fn cut_off(is_meant: impl Fn(&DriveLoop) -> bool) -> io::Result<()> {
    let devices: Vec<_> = attached()?.collect();
    let drives = devices.iter().filter_map(|(_, _, info)| info.drive_loop());
    let marks: BTreeSet<String> = drives.filter(is_meant).map(|drive| drive.mark).collect();
    let mut outcome = Ok(());
    for (sysfs, device, info) in &devices {
        if info.mark().is_some_and(|mark| marks.contains(&mark)) {
            outcome = outcome.and(empty(device, sysfs));
        }
    }
    outcome
}

/// Whether the attached device with this minor number was cut off.
#[must_use]
pub fn is_cut_off(minor: u32) -> bool {
    std::fs::read_to_string(format!("/sys/dev/block/{MAJOR}:{minor}/size"))
        .is_ok_and(|sectors| sectors.trim() == "0")
}

/// All attached devices: the directory in sysfs, the device and its status.
fn attached() -> io::Result<impl Iterator<Item = (PathBuf, File, LoopInfo)>> {
    let entries = std::fs::read_dir("/sys/block")?.flatten();
    Ok(entries.filter_map(|entry| {
        let sysfs = entry.path();
        if !sysfs.join("loop/backing_file").exists() {
            return None;
        }
        let device = File::open(Path::new("/dev").join(entry.file_name())).ok()?;
        let info = status(&device).ok()?;
        Some((sysfs, device, info))
    }))
}

/// Puts an empty file behind an attached device. The kernel wants one of the size that the present one has, which is
/// another than the device's where the disc was changed, and none where the drive is gone.
fn empty(device: &File, sysfs: &Path) -> io::Result<()> {
    let memory = memfd_create("isomirror: cut off", MemfdFlags::CLOEXEC)?;
    // A file that may not be read: older kernels would give zeros for what is beyond its end.
    let replacement =
        File::options().write(true).open(format!("/proc/self/fd/{}", memory.as_raw_fd()))?;
    let mut outcome = Err(Errno::EINVAL);
    for size in [block_device::size(device.as_fd()).ok(), backing_size(sysfs), Some(0)] {
        let Some(size) = size else { continue };
        ftruncate(&memory, size)?;
        // SAFETY: both descriptors are open for the call, and the device takes a reference of its own.
        outcome = unsafe { loop_change_descriptor(device.as_raw_fd(), replacement.as_raw_fd()) };
        if outcome != Err(Errno::EINVAL) {
            break;
        }
    }
    outcome?;
    ftruncate(&memory, 0)?;
    // SAFETY: LOOP_SET_CAPACITY takes no argument, and the descriptor is open for the call.
    unsafe { loop_set_capacity(device.as_raw_fd()) }?;
    Ok(())
}

/// Bytes of the drive behind a device, as the kernel has them now.
fn backing_size(sysfs: &Path) -> Option<u64> {
    let backing = std::fs::read_to_string(sysfs.join("loop/backing_file")).ok()?;
    let name = Path::new(backing.trim_end()).file_name()?.to_owned();
    let sectors = std::fs::read_to_string(Path::new("/sys/class/block").join(name).join("size"));
    sectors.ok()?.trim().parse::<u64>().ok()?.checked_mul(512)
}

fn status(device: &File) -> io::Result<LoopInfo> {
    let mut info = EMPTY;
    // SAFETY: `info` is a whole `struct loop_info64` to be filled, and the descriptor is open for the call.
    unsafe { loop_get_status(device.as_raw_fd(), &raw mut info) }?;
    Ok(info)
}

impl LoopInfo {
    fn drive_loop(&self) -> Option<DriveLoop> {
        let drive = Some(self.rdevice).filter(|device| *device != 0)?;
        Some(DriveLoop { drive, mark: self.mark()? })
    }

    fn mark(&self) -> Option<String> {
        let length = self.file_name.iter().position(|byte| *byte == 0).unwrap_or(MARK_SIZE);
        String::from_utf8(self.file_name[..length].to_vec()).ok().filter(|mark| !mark.is_empty())
    }
}

const EMPTY: LoopInfo = LoopInfo {
    device: 0,
    inode: 0,
    rdevice: 0,
    offset: 0,
    size_limit: 0,
    number: 0,
    encrypt_type: 0,
    encrypt_key_size: 0,
    flags: 0,
    file_name: [0; MARK_SIZE],
    crypt_name: [0; 64],
    encrypt_key: [0; 32],
    init: [0; 2],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structures_are_as_large_as_the_kernels() {
        assert_eq!(size_of::<LoopInfo>(), 232);
        assert_eq!(size_of::<LoopConfig>(), 304);
    }
}
