//! The digests of what passes by.

use std::path::Path;

use isomirror_core::digest::{Digest, Hasher};

use super::UploadError;

/// Digests that are computed, and those that they have to be.
#[derive(Debug)]
pub(super) struct Checked(Vec<(Hasher, Digest)>);

impl Checked {
    pub(super) fn new(digests: &[Digest]) -> Self {
        Self(digests.iter().map(|it| (Hasher::new(it.algorithm()), it.clone())).collect())
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.iter_mut().for_each(|(hasher, _)| hasher.update(bytes));
    }

    pub(super) fn finish(self, image: &Path) -> Result<(), UploadError> {
        for (hasher, expected) in self.0 {
            let found = hasher.finish();
            if found != expected {
                return Err(UploadError::Changed { image: image.to_owned(), found, expected });
            }
        }
        Ok(())
    }
}
