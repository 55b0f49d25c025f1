//! By what a file is known to be unchanged.

use std::{fs::Metadata, os::unix::fs::MetadataExt};

use isomirror_core::verified::FileStamp;

/// The stamp of the file that `found` tells of.
#[must_use]
pub fn file_stamp(found: &Metadata) -> FileStamp {
    let moment = |seconds: i64, nanoseconds: i64| {
        i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds)
    };
    FileStamp {
        inode: found.ino(),
        size: found.len(),
        modified: moment(found.mtime(), found.mtime_nsec()),
        changed: moment(found.ctime(), found.ctime_nsec()),
    }
}
