//! An image that has been fetched whole.

use std::path::{Path, PathBuf};

use isomirror_core::digest::{Digest, Hasher};

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
    /// Of what was fetched, where this was packed in it.
    pub(super) packed: Vec<Digest>,
    pub(super) alias: Option<String>,
    hashers: Vec<Hasher>,
    pub(super) url: String,
    is_resumed: bool,
    path: PathBuf,
}

impl Staged {
    pub(in crate::fetch) fn new(
        download: &Download,
        store: &Store,
        size: u64,
        hashers: Vec<Hasher>,
        url: String,
        is_resumed: bool,
    ) -> Self {
        Self {
            id: download.id.clone(),
            version: download.version.clone(),
            file: download.file_name.clone(),
            size,
            digests: hashers.iter().cloned().map(Hasher::finish).collect(),
            packed: Vec::new(),
            alias: None,
            hashers,
            url,
            is_resumed,
            path: store.staging(&download.id).join(writer::IMAGE),
        }
    }

    /// It, to be published under this name instead of its label.
    #[must_use]
    pub fn named(self, alias: Option<String>) -> Self {
        Self { alias, ..self }
    }

    /// What was in it, with so many bytes, under this name.
    pub(super) fn unpacked(self, file: &str, size: u64, hasher: Hasher) -> Self {
        Self {
            file: file.to_owned(),
            size,
            packed: self.digests,
            digests: vec![hasher.clone().finish()],
            hashers: vec![hasher],
            ..self
        }
    }

    /// What has taken in every byte that was written, not finished: a signature adds to it.
    #[must_use]
    pub fn hashers(&self) -> &[Hasher] {
        &self.hashers
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
