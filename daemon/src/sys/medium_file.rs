//! An image file or a drive, opened for positional reads.

use std::{
    fs::File,
    io,
    os::{
        fd::{AsFd, BorrowedFd},
        unix::fs::FileExt,
    },
    path::{Path, PathBuf},
};

use isomirror_core::{
    image::ReadAt,
    medium::{Identity, IdentityKey, Source},
};

/// The bytes of one medium. While it lives, the medium's identity is known, and for image files on file systems that
/// have leases so does the wish of anyone to write to it: whoever needs the bytes to stay what they are keeps it, and
/// the last to drop it lets the writer go on.
#[derive(Debug)]
pub struct MediumFile {
    file: File,
    source: Source,
    identity: Identity,
    key: IdentityKey,
    size: u64,
}

impl MediumFile {
    /// Wraps an opened file or device whose identity was read from the descriptor itself.
    #[must_use]
    pub fn new(file: File, source: Source, identity: Identity, size: u64) -> Self {
        Self { file, source, identity, key: identity.key(), size }
    }

    /// Where the medium was found.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Path of the image file or device node.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.source.path()
    }

    /// What makes it this medium.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// The key of its identity.
    #[must_use]
    pub fn key(&self) -> IdentityKey {
        self.key
    }

    /// A path through which this process reaches the very file that is open here, whatever its name is by now.
    #[must_use]
    pub fn descriptor_path(&self) -> PathBuf {
        use std::os::fd::AsRawFd;
        PathBuf::from(format!("/proc/self/fd/{}", self.file.as_raw_fd()))
    }
}

impl ReadAt for MediumFile {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    fn size(&self) -> u64 {
        self.size
    }
}

impl AsFd for MediumFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}
