//! An image file or block device that a command looks at: no lease, no identity.

use std::{
    fs::{File, OpenOptions},
    io::{self, Seek, SeekFrom},
    os::unix::fs::{FileExt, FileTypeExt, OpenOptionsExt},
    path::Path,
};

use isomirror_core::image::ReadAt;
use nix::libc;

/// An opened file or device.
#[derive(Debug)]
pub struct ImageFile {
    file: File,
    size: u64,
}

impl ReadAt for ImageFile {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    fn size(&self) -> u64 {
        self.size
    }
}

impl ImageFile {
    /// Opens the file or block device at `path`; `None` for anything else.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub fn open(path: &Path) -> io::Result<Option<Self>> {
        let mut options = OpenOptions::new();
        // Without O_NONBLOCK opening a drive would close its tray, and opening a pipe would wait for a writer.
        options.read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
        let mut file = options.open(path)?;
        let kind = file.metadata()?.file_type();
        if !kind.is_file() && !kind.is_block_device() {
            return Ok(None);
        }
        // The end of a block device is its size, which its metadata does not have.
        let size = file.seek(SeekFrom::End(0))?;
        Ok(Some(Self { file, size }))
    }
}
