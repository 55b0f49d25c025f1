//! Which formats a medium has, and which of its trees is shown.

use super::{OpenError, ReadAt, Volume, image::Tree};

/// Reads the descriptors of every format and chooses the tree to show.
pub(super) fn recognise(source: &dyn ReadAt) -> Result<(Volume, Box<dyn Tree>), OpenError> {
    let _ = source;
    Err(OpenError::NotAnImage)
}
