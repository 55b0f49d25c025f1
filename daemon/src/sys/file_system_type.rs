//! Whether other machines may change a directory's files without this kernel hearing of it.

use std::{io, path::Path};

/// Magic numbers (statfs(2), linux/magic.h) of file systems whose files others may change: NFS, SMB, CIFS, SMB2, FUSE
/// (virtiofs too), 9p, Ceph, AFS, Coda, OCFS2, GFS2, Lustre, `VirtualBox` and `VMware` shared folders.
const REMOTE: [u32; 15] = [
    0x6969,
    0x517B,
    0xFF53_4D42,
    0xFE53_4D42,
    0x6573_5546,
    0x0102_1997,
    0x00C3_6400,
    0x5346_414F,
    0x6B41_4653,
    0x7375_7245,
    0x7461_636F,
    0x0116_1970,
    0x0BD0_0BD0,
    0x786F_4256,
    0xBACB_ACBC,
];

/// Whether `path` lies on a file system whose changes inotify may not tell of.
///
/// # Errors
/// That of statfs(2).
pub fn is_remote(path: &Path) -> io::Result<bool> {
    let kind = rustix::fs::statfs(path)?.f_type;
    // The field is signed and as wide as a word; the magic numbers have 32 bits.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "32-bit number")]
    let magic = kind as u32;
    Ok(REMOTE.contains(&magic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_and_the_root_are_local_and_what_is_missing_is_an_error() {
        assert!(!is_remote(Path::new("/proc")).unwrap());
        assert!(is_remote(Path::new("/nonexistent/isomirror")).is_err());
    }
}
