//! `isomirror cat`: a file of an image on standard output.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt, path::Path};

use isomirror_core::{containment::FinalLink, image::Kind};

use super::{
    CommandError,
    output::Output,
    tree_path::{OpenImage, shown},
};

/// Bytes that are read and written at once, and all that is held of the file.
const STRETCH: usize = 1 << 18;

pub(super) fn run(image: &Path, path: &OsStr) -> Result<(), CommandError> {
    let open = OpenImage::open(image)?;
    let (file, kind) = open.find(path, FinalLink::Follow)?;
    if kind != Kind::File {
        return Err(CommandError::NotARegularFile { image: image.to_owned(), object: shown(path) });
    }
    let unreadable = |source| open.unreadable(path.as_bytes(), source);
    let content = open.image.content(file).map_err(unreadable)?;
    let mut output = Output::new();
    let mut buffer = vec![0; STRETCH];
    let mut offset = 0;
    loop {
        let length = match open.image.read(&content, offset, &mut buffer) {
            Ok(length) => length,
            Err(error) => {
                // What was read before is right, and is wanted.
                output.finish()?;
                return Err(unreadable(error));
            }
        };
        if length == 0 {
            return output.finish();
        }
        output.write(&buffer[..length])?;
        offset += length as u64;
    }
}
