//! An image that has been fetched whole.

use std::path::{Path, PathBuf};

use isomirror_core::digest::Digest;

use super::Store;
use crate::fetch::{Download, writer};

/// An image in the staging area, every byte on the disk. Its digests are those that were expected, if any were.
#[derive(Clone, Debug)]
pub struct Staged {
    pub(super) id: String,
    pub(super) version: String,
    pub(super) file: String,
    pub(super) size: u64,
    pub(super) digests: Vec<Digest>,
    pub(super) url: String,
    is_resumed: bool,
    path: PathBuf,
}

impl Staged {
    pub(in crate::fetch) fn new(
        download: &Download,
        store: &Store,
        size: u64,
        digests: Vec<Digest>,
        url: String,
        is_resumed: bool,
    ) -> Self {
        Self {
            id: download.id.clone(),
            version: download.version.clone(),
            file: download.file_name.clone(),
            size,
            digests,
            url,
            is_resumed,
            path: store.staging(&download.id).join(writer::IMAGE),
        }
    }

    /// Where it lies until it is published, for those who verify more of it.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Its digests, computed from what was written.
    #[must_use]
    pub fn digests(&self) -> &[Digest] {
        &self.digests
    }

    /// Where its last bytes came from; empty where nothing was left to be fetched.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether parts of it were there from an earlier attempt. Of those only samples were read once more, so such an
    /// image is the first that a scrub should read.
    #[must_use]
    pub fn is_resumed(&self) -> bool {
        self.is_resumed
    }
}
