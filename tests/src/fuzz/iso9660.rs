//! ISO 9660 with its extensions: any packed image.

use std::sync::Arc;

use super::{sparse::SparseImage, walk::open_and_walk};

/// Opens and walks the packed image `data`.
pub fn run(data: &[u8]) {
    open_and_walk(Arc::new(SparseImage::unpack(data)));
}
