//! What the kernel knows of a block device, asked of an open descriptor so that the answer is about the very device
//! that was opened.

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd},
};

use nix::errno::Errno;

/// Unsafe functions that the ioctl macros write.
mod request {
    // BLKGETSIZE64 and BLKGETDISKSEQ of linux/fs.h; the first is declared with size_t and writes 64 bits.
    nix::ioctl_read!(size, 0x12, 114, usize);
    nix::ioctl_read!(sequence, 0x12, 128, u64);
    // BLKSSZGET, which has no size in its number.
    nix::ioctl_read_bad!(logical_block_size, 0x1268, nix::libc::c_int);
}

/// Length of the device in bytes. `usize` in the request is only what its number is made of; the answer has 64 bits.
///
/// # Errors
/// The kernel's, such as `ENOTTY` for what is no block device.
pub fn size(device: BorrowedFd<'_>) -> io::Result<u64> {
    let mut bytes: u64 = 0;
    // SAFETY: the descriptor is borrowed and so open; the kernel writes 64 bits, and `bytes` has 64 bits.
    #[expect(unsafe_code, reason = "ioctls have no safe interface")]
    unsafe { request::size(device.as_raw_fd(), (&raw mut bytes).cast()) }?;
    Ok(bytes)
}

/// Length of the device's blocks in bytes, as it addresses them.
///
/// # Errors
/// The kernel's, such as `ENOTTY` for what is no block device.
pub fn logical_block_size(device: BorrowedFd<'_>) -> io::Result<u32> {
    let mut bytes = 0;
    // SAFETY: the descriptor is borrowed and so open; the kernel writes a C int.
    #[expect(unsafe_code, reason = "ioctls have no safe interface")]
    unsafe { request::logical_block_size(device.as_raw_fd(), &raw mut bytes) }?;
    u32::try_from(bytes).map_err(io::Error::other)
}

/// The kernel's DISKSEQ, which grows with every medium that is put into any drive; `None` before Linux 5.15.
///
/// # Errors
/// The kernel's, for instance where the device is gone.
pub fn disk_sequence(device: BorrowedFd<'_>) -> io::Result<Option<u64>> {
    let mut sequence = 0;
    // SAFETY: the descriptor is borrowed and so open; the kernel writes 64 bits to a `u64`.
    #[expect(unsafe_code, reason = "ioctls have no safe interface")]
    let answer = unsafe { request::sequence(device.as_raw_fd(), &raw mut sequence) };
    match answer {
        Ok(_) => Ok(Some(sequence)),
        Err(Errno::ENOTTY | Errno::EINVAL) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
