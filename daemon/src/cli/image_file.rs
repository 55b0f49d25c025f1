//! Opening what a command was given as an image.

use std::{path::Path, sync::Arc};

use isomirror_core::image::Image;

use super::CommandError;
use crate::image_file::ImageFile;

/// Opens the image at `path`.
pub(super) fn open(path: &Path) -> Result<Image, CommandError> {
    let failed = |source| CommandError::Open { path: path.to_owned(), source };
    let file = ImageFile::open(path).map_err(failed)?;
    let file = file.ok_or_else(|| CommandError::NotAFile(path.to_owned()))?;
    Image::open(Arc::new(file))
        .map_err(|source| CommandError::Image { path: path.to_owned(), source })
}
