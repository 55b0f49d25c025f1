//! Opening what a command was given as an image.

use std::{
    fs::{File, OpenOptions},
    io::{self, Seek, SeekFrom},
    os::unix::fs::{FileExt, FileTypeExt, OpenOptionsExt},
    path::Path,
    sync::Arc,
};

use isomirror_core::image::{Image, ReadAt};
use nix::libc;

use super::CommandError;

/// An image file or block device that is only looked at: no lease, no identity.
#[derive(Debug)]
struct ImageFile {
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

/// Opens the image at `path`.
pub(super) fn open(path: &Path) -> Result<Image, CommandError> {
    let failed = |source| CommandError::Open { path: path.to_owned(), source };
    let mut options = OpenOptions::new();
    // Without O_NONBLOCK opening a drive would close its tray, and opening a pipe would wait for a writer.
    options.read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    let mut file = options.open(path).map_err(failed)?;
    let kind = file.metadata().map_err(failed)?.file_type();
    if !kind.is_file() && !kind.is_block_device() {
        return Err(CommandError::NotAFile(path.to_owned()));
    }
    // The end of a block device is its size, which its metadata does not have.
    let size = file.seek(SeekFrom::End(0)).map_err(failed)?;
    Image::open(Arc::new(ImageFile { file, size }))
        .map_err(|source| CommandError::Image { path: path.to_owned(), source })
}
