//! What is in a store.

use std::{
    fs::{self, Metadata},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use isomirror_core::{digest::Digest, transfer::entry::Image};

use super::{QUARANTINE, STAGING, STATE, Store, StoreError};

impl Store {
    /// Ids of all entries of which something is remembered.
    ///
    /// # Errors
    /// Where they cannot be listed.
    pub fn remembered(&self) -> Result<Vec<String>, StoreError> {
        let mut ids = self.ids(STATE, ".json")?;
        ids.sort();
        Ok(ids)
    }

    /// Bytes on the disk of all images of ours, of those that are being fetched, and of those that were put aside.
    ///
    /// # Errors
    /// Where what is remembered cannot be read.
    pub fn usage(&self) -> Result<u64, StoreError> {
        let mut bytes = 0;
        for id in self.remembered()? {
            bytes += self.usage_of(&id)?;
        }
        for part in [STAGING, QUARANTINE] {
            bytes += allocated_below(&self.root().join(part));
        }
        Ok(bytes)
    }

    /// Bytes on the disk of the images of an entry.
    ///
    /// # Errors
    /// Where what is remembered of it cannot be read.
    pub fn usage_of(&self, id: &str) -> Result<u64, StoreError> {
        let path = |image: &Image| self.image_path(id, &image.version, &image.file);
        Ok(self.entry(id)?.images.iter().map(|image| allocated(&path(image))).sum())
    }

    /// A verified image of any entry that has one of `digests`, of a strong kind: no need to fetch those bytes again.
    ///
    /// # Errors
    /// Where what is remembered cannot be read.
    pub fn twin(&self, digests: &[Digest]) -> Result<Option<PathBuf>, StoreError> {
        let is_it = |digest: &&Digest| digest.algorithm().is_strong() && digests.contains(digest);
        for id in self.remembered()? {
            for image in self.entry(&id)?.images {
                let path = self.image_path(&id, &image.version, &image.file);
                if image.digests.iter().any(|digest| is_it(&digest)) && self.is_verified(&path) {
                    return Ok(Some(path));
                }
            }
        }
        Ok(None)
    }
}

fn allocated(path: &Path) -> u64 {
    fs::symlink_metadata(path).map_or(0, |found| blocks(&found))
}

fn blocks(found: &Metadata) -> u64 {
    if found.is_file() { found.blocks() * 512 } else { 0 }
}

/// Of files in directories of `path`, one below the other.
pub(super) fn allocated_below(path: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(path) else { return 0 };
    let entries = entries.filter_map(Result::ok).filter_map(|entry| {
        let found = entry.metadata().ok()?;
        Some(if found.is_dir() { allocated_below(&entry.path()) } else { blocks(&found) })
    });
    entries.sum()
}
