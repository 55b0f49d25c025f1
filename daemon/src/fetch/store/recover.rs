//! Bringing to an end what a process began that was killed.

use std::{
    fs, io,
    path::Path,
    time::{Duration, SystemTime},
};

use isomirror_core::transfer::{
    entry::{Image, is_safe_name},
    retention,
};

use super::{
    PUBLISH, QUARANTINE, STAGING, STATE, Store, StoreError, publish, remove_directory_of_ours,
    stamp,
};

/// How long a stage that nobody touches is kept.
const ABANDONED: Duration = Duration::from_hours(30 * 24);

impl Store {
    /// Completes or undoes publications, and removes stages and images put aside that nobody wants any more. Only what
    /// has our names is touched.
    pub(super) fn recover(&self) -> Result<(), StoreError> {
        for id in self.ids(STATE, ".json")? {
            self.recover_entry(&id)?;
        }
        for id in self.ids(STAGING, "")? {
            self.recover_stage(&id)?;
        }
        for id in self.ids(QUARANTINE, "")? {
            let path = self.root().join(QUARANTINE).join(&id);
            if retention::is_quarantine_over(age(&path).as_secs()) {
                remove_directory_of_ours(&path).map_err(StoreError::io("remove", &path))?;
            }
        }
        Ok(())
    }

    pub(super) fn ids(&self, part: &str, ending: &str) -> Result<Vec<String>, StoreError> {
        let path = self.root().join(part);
        let failed = StoreError::io("list", &path);
        let mut ids = Vec::new();
        for found in fs::read_dir(&path).map_err(&failed)? {
            let name = found.map_err(&failed)?.file_name();
            let id = name.to_str().and_then(|name| name.strip_suffix(ending));
            ids.extend(id.filter(|id| is_safe_name(id)).map(str::to_owned));
        }
        Ok(ids)
    }

    /// A publication is over when the image is where it should be; else it has not happened.
    fn recover_entry(&self, id: &str) -> Result<(), StoreError> {
        let mut entry = self.entry(id)?;
        let Some(image) = entry.publishing.take() else { return Ok(()) };
        let target = self.image_path(id, &image.version, &image.file);
        let prepared = self.staging(id).join(PUBLISH);
        let is_it =
            |path: &Path| stamp(path).is_ok_and(|found| is_image(&image, found.inode, found.size));
        if is_it(&target) {
            let replaced = entry.image(&image.version, &image.file).map(|old| old.inode);
            if let Some(old) = replaced.filter(|old| *old != image.inode) {
                let _ = fs::remove_file(self.record_path(old));
            }
            entry.add(image);
            let staging = self.staging(id);
            remove_directory_of_ours(&staging).map_err(StoreError::io("clear", &staging))?;
        } else if is_it(&prepared.join(&image.file)) {
            // The record is of a stamp that it has no more; it goes before the next one is written.
            let _ = fs::remove_file(self.record_path(image.inode));
            publish::take_back(&prepared, &image.file)
                .map_err(StoreError::io("keep", &prepared))?;
        }
        self.save_entry(id, &entry)
    }

    fn recover_stage(&self, id: &str) -> Result<(), StoreError> {
        let path = self.staging(id);
        let prepared = path.join(PUBLISH);
        // Whatever is in it still has no intent: it was replaced, or never got that far.
        remove_directory_of_ours(&prepared).map_err(StoreError::io("clear", &prepared))?;
        if age(&path) > ABANDONED {
            remove_directory_of_ours(&path).map_err(StoreError::io("remove", &path))?;
        }
        Ok(())
    }
}

fn is_image(image: &Image, inode: u64, size: u64) -> bool {
    image.inode == inode && image.size == size
}

/// Time since the last change in a directory; none where that cannot be told.
fn age(path: &Path) -> Duration {
    let modified = || -> io::Result<SystemTime> { fs::metadata(path)?.modified() };
    modified().ok().and_then(|then| then.elapsed().ok()).unwrap_or_default()
}
