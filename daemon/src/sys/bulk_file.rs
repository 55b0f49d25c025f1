//! Writing a large file without taking the page cache away from everything else.

use std::{
    fs::File,
    io::{self, IoSlice},
    num::NonZeroU64,
    ops::Range,
    os::fd::AsRawFd,
    path::Path,
};

use nix::libc;
use rustix::{
    fs::{Advice, FallocateFlags, SeekFrom, fadvise, fallocate, seek, statvfs},
    io::{Errno, pwritev},
};

/// Most buffers of one call; the kernel takes 1024.
const MOST_BUFFERS: usize = 512;

/// Writes all of `buffers`, one after the other, from `offset` on.
///
/// # Errors
/// Those of pwritev(2); part of it may be written then.
pub fn write_all_at(file: &File, buffers: &[&[u8]], mut offset: u64) -> io::Result<()> {
    let mut slices: Vec<_> = buffers.iter().map(|buffer| IoSlice::new(buffer)).collect();
    let mut rest = slices.as_mut_slice();
    // Leading empty buffers would look like a write that made no progress.
    IoSlice::advance_slices(&mut rest, 0);
    while !rest.is_empty() {
        let written = match pwritev(file, &rest[..rest.len().min(MOST_BUFFERS)], offset) {
            Err(Errno::INTR) => continue,
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            written => written?,
        };
        offset += written as u64;
        IoSlice::advance_slices(&mut rest, written);
    }
    Ok(())
}

/// Reserves blocks for `size` bytes and leaves the file's length as it is, so that a full disk is known before the
/// transfer. False where the file system cannot do that.
///
/// # Errors
/// ENOSPC, EDQUOT, EFBIG and other errors of fallocate(2).
pub fn reserve(file: &File, size: u64) -> io::Result<bool> {
    if size == 0 {
        return Ok(true);
    }
    match fallocate(file, FallocateFlags::KEEP_SIZE, 0, size) {
        Ok(()) => Ok(true),
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Begins to write a range to the disk, and does not wait for it. It is a hint: where it fails nothing is lost.
#[expect(unsafe_code, reason = "no crate here wraps sync_file_range(2)")]
pub fn start_writing(file: &File, offset: u64, length: u64) {
    let (Ok(offset), Ok(length)) = (i64::try_from(offset), i64::try_from(length)) else { return };
    // SAFETY: the descriptor is open for as long as `file` is borrowed, and no memory is passed.
    unsafe {
        libc::sync_file_range(file.as_raw_fd(), offset, length, libc::SYNC_FILE_RANGE_WRITE);
    }
}

/// Lets the kernel forget a range that is on the disk. It is a hint.
pub fn forget(file: &File, offset: u64, length: u64) {
    if let Some(length) = NonZeroU64::new(length) {
        let _ = fadvise(file, offset, Some(length), Advice::DontNeed);
    }
}

/// Whether part of `range` was never written, or holds zeros for which the file system keeps no blocks. The position of
/// the descriptor is moved. False where the file system cannot tell.
#[must_use]
pub fn has_hole(file: &File, range: Range<u64>) -> bool {
    seek(file, SeekFrom::Hole(range.start)).is_ok_and(|hole| hole < range.end)
}

/// Size of the file system of `path`, and what of it this process may still use, in bytes.
///
/// # Errors
/// Those of statvfs(3).
pub fn file_system_space(path: &Path) -> io::Result<(u64, u64)> {
    let found = statvfs(path)?;
    Ok((found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;

    #[test]
    fn buffers_are_written_one_after_the_other() {
        let file = tempfile::tempfile().unwrap();
        let parts: Vec<Vec<u8>> = (0..1500_u32).map(|n| n.to_string().into_bytes()).collect();
        let buffers: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        write_all_at(&file, &[&[], &[]], 0).unwrap();
        write_all_at(&file, &buffers, 10).unwrap();
        let expected = parts.concat();
        let mut found = vec![0; expected.len()];
        file.read_exact_at(&mut found, 10).unwrap();
        assert_eq!(found, expected);
        assert_eq!(file.metadata().unwrap().len(), 10 + expected.len() as u64);
    }

    #[test]
    fn what_was_never_written_is_a_hole() {
        let file = tempfile::tempfile().unwrap();
        let part = vec![7; 1 << 20];
        write_all_at(&file, &[&part], 0).unwrap();
        write_all_at(&file, &[&part], 2 << 20).unwrap();
        assert!(!has_hole(&file, 0..1 << 20) && !has_hole(&file, 2 << 20..3 << 20));
        assert!(has_hole(&file, 0..3 << 20));
        reserve(&file, 3 << 20).unwrap();
        assert!(has_hole(&file, 0..3 << 20), "what is reserved is not written");
    }

    #[test]
    fn reserved_blocks_do_not_make_a_file_longer() {
        let file = tempfile::tempfile().unwrap();
        reserve(&file, 1 << 20).unwrap();
        assert_eq!(file.metadata().unwrap().len(), 0);
        write_all_at(&file, &[&[7; 4096]], 0).unwrap();
        start_writing(&file, 0, 4096);
        forget(&file, 0, 4096);
        assert_eq!(file.metadata().unwrap().len(), 4096);
    }
}
