//! UDF: any packed image. The same reader as for ISO 9660, but from a corpus of UDF and bridges.

use std::sync::Arc;

use super::{sparse::SparseImage, walk::open_and_walk};

/// Opens and walks the packed image `data`.
pub fn run(data: &[u8]) {
    open_and_walk(Arc::new(SparseImage::unpack(data)));
}
