//! Taking away images that a newer one has replaced.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use isomirror_core::{
    transfer::{
        entry::{Entry, Image},
        retention::{self, Kept},
    },
    verified::VerifiedRecord,
};

use super::{Store, StoreError, stamp};

impl Store {
    /// Removes images of an entry so that `keep` of them stay, and `excess` bytes are freed if that many may go.
    /// `is_used` tells of a path whether it is mounted or read: such an image stays. Returns what was removed.
    ///
    /// # Errors
    /// Where it cannot be done; what was removed before that is gone.
    pub fn retire(
        &self,
        id: &str,
        keep: usize,
        excess: u64,
        is_used: impl Fn(&Path) -> bool,
    ) -> Result<Vec<PathBuf>, StoreError> {
        let mut entry = self.entry(id)?;
        let path = |image: &Image| self.image_path(id, &image.version, &image.file);
        let kept: Vec<_> = entry
            .images
            .iter()
            .map(|image| Kept {
                version: image.version.clone(),
                size: image.size,
                is_pinned: image.is_pinned,
                is_used: is_used(&path(image)),
                is_verified: self.is_verified(&path(image)),
            })
            .collect();
        let mut removed = Vec::new();
        for version in retention::to_remove(&kept, keep, excess) {
            let Some(place) = entry.images.iter().position(|image| image.version == version) else {
                continue;
            };
            let target = path(&entry.images[place]);
            if self.remove_image(&entry.images[place], &target)? {
                removed.push(target);
            }
            entry.images.remove(place);
            self.save_entry(id, &entry)?;
        }
        Ok(removed)
    }

    /// Whether the record of the image at `path` is of the file that is there now.
    #[must_use]
    pub fn is_verified(&self, path: &Path) -> bool {
        let found = stamp(path).ok();
        let record = found.and_then(|found| fs::read(self.record_path(found.inode)).ok());
        let record = record.and_then(|text| serde_json::from_slice::<VerifiedRecord>(&text).ok());
        record.is_some_and(|record| Some(record.file) == found)
    }

    /// Keeps those images of an entry whatever comes that `is_pinned` says so of, by their versions, and no others.
    ///
    /// # Errors
    /// Where the memory of the entry cannot be read or written.
    pub fn pin(&self, id: &str, is_pinned: impl Fn(&str) -> bool) -> Result<(), StoreError> {
        let mut entry: Entry = self.entry(id)?;
        let before = entry.clone();
        for image in &mut entry.images {
            image.is_pinned = is_pinned(&image.version);
        }
        if entry == before { Ok(()) } else { self.save_entry(id, &entry) }
    }

    /// Removes an image, unless somebody has put another file in its place; true where it was removed.
    fn remove_image(&self, image: &Image, path: &Path) -> Result<bool, StoreError> {
        let failed = StoreError::io("remove", path);
        let is_ours = |inode, size| image.inode == inode && image.size == size;
        match stamp(path) {
            Ok(found) if is_ours(found.inode, found.size) => {
                fs::remove_file(path).map_err(failed)?;
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => return Ok(false),
        }
        let _ = fs::remove_file(self.record_path(image.inode));
        // Fails where somebody else has put something there, and then they stay.
        for directory in path.ancestors().skip(1).take(2) {
            if fs::remove_dir(directory).is_err() {
                break;
            }
        }
        Ok(true)
    }
}
