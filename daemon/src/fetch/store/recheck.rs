//! Reading an image at rest again, to see whether it is still what was verified.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use isomirror_core::{
    digest::{Digest, Hasher},
    transfer::entry::Image,
    verified::{SCHEMA, Verified, VerifiedRecord},
};

use super::{Store, StoreError, stamp};
use crate::sys::{bulk_file, replace_file::replace_file};

/// Bytes of one read.
const READ: usize = 1 << 20;

/// What became of an image at rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recheck {
    /// It is what it was.
    Good,
    /// Its bytes are others, though nobody wrote to it. It was put aside, and is not published any more.
    Rotten,
    /// Somebody wrote to it or replaced it: it is theirs now, stays where it is, and is vouched for by nothing.
    Foreign,
    /// It is gone.
    Gone,
}

impl Store {
    /// Reads all of `image` and compares it with the digests that were verified. `pace` is told how many bytes were read,
    /// each time, and may wait; where it says false, nothing is decided and `None` returned.
    ///
    /// # Errors
    /// Where it cannot be read, or what was found cannot be written down. Bytes that the disk does not give back are no
    /// error: they are rot.
    pub fn recheck(
        &self,
        id: &str,
        image: &Image,
        now: &str,
        mut pace: impl FnMut(u64) -> bool,
    ) -> Result<Option<Recheck>, StoreError> {
        let path = self.image_path(id, &image.version, &image.file);
        let found = match stamp(&path) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.forget_image(id, image)?;
                return Ok(Some(Recheck::Gone));
            }
            Err(error) => return Err(StoreError::io("look at", &path)(error)),
        };
        let is_untouched = self.is_verified(&path);
        if found.inode != image.inode || found.size != image.size {
            self.forget_image(id, image)?;
            return Ok(Some(Recheck::Foreign));
        }
        let digests = match digests_of(&path, image, &mut pace) {
            Ok(Some(digests)) => digests,
            Ok(None) => return Ok(None),
            Err(error) if is_rot(&error) => Vec::new(),
            Err(error) => return Err(StoreError::io("read", &path)(error)),
        };
        let is_same = !digests.is_empty() && digests == image.digests;
        if is_same && stamp(&path).is_ok_and(|after| after == found) {
            self.confirm(id, image, &path, now)?;
            return Ok(Some(Recheck::Good));
        }
        if is_same {
            // Written to while it was read: the next time tells.
            return Ok(None);
        }
        if is_untouched {
            self.put_aside(id, &path, &image.file)?;
        }
        self.forget_image(id, image)?;
        Ok(Some(if is_untouched { Recheck::Rotten } else { Recheck::Foreign }))
    }

    /// Notes that an image was read and is right, and vouches for it again where somebody touched it.
    fn confirm(&self, id: &str, image: &Image, path: &Path, now: &str) -> Result<(), StoreError> {
        let mut entry = self.entry(id)?;
        let known = entry.images.iter_mut().find(|known| known.inode == image.inode);
        if let Some(known) = known {
            known.scrubbed_at = Some(now.to_owned());
            self.save_entry(id, &entry)?;
        }
        let target = self.record_path(image.inode);
        let record = fs::read(&target).ok();
        let record = record.and_then(|text| serde_json::from_slice::<VerifiedRecord>(&text).ok());
        let file = stamp(path).map_err(StoreError::io("look at", path))?;
        if record.as_ref().is_some_and(|record| record.file == file) {
            return Ok(());
        }
        // Only its dates or its owner were changed, or the record was lost.
        let record = record.filter(|record| {
            record.verified.digests.iter().all(|digest| image.digests.contains(digest))
        });
        let record = record.unwrap_or_else(|| VerifiedRecord {
            schema: SCHEMA,
            file,
            verified: Verified {
                trust: image.trust,
                digests: image.digests.clone(),
                signer: None,
                verified_at: now.to_owned(),
            },
            id: Some(id.to_owned()),
            version: Some(image.version.clone()),
            alias: None,
        });
        let text = serde_json::to_vec(&VerifiedRecord { file, ..record }).map_err(io::Error::from);
        let written = text.and_then(|text| replace_file(&target, &text));
        written.map_err(StoreError::io("write", &target))
    }

    /// Forgets that an image was ever ours.
    fn forget_image(&self, id: &str, image: &Image) -> Result<(), StoreError> {
        let mut entry = self.entry(id)?;
        entry.images.retain(|known| known.inode != image.inode);
        self.save_entry(id, &entry)?;
        let _ = fs::remove_file(self.record_path(image.inode));
        Ok(())
    }
}

/// All digests of the file that the image has; `None` where `pace` ended it.
fn digests_of(
    path: &Path,
    image: &Image,
    pace: &mut impl FnMut(u64) -> bool,
) -> io::Result<Option<Vec<Digest>>> {
    let mut file = File::open(path)?;
    let mut hashers: Vec<_> =
        image.digests.iter().map(|digest| Hasher::new(digest.algorithm())).collect();
    let mut buffer = vec![0; READ];
    let mut offset = 0;
    loop {
        let read = match file.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        if read == 0 {
            return Ok(Some(hashers.into_iter().map(Hasher::finish).collect()));
        }
        for hasher in &mut hashers {
            hasher.update(&buffer[..read]);
        }
        // What is being served has more use for the memory.
        bulk_file::forget(&file, offset, read as u64);
        offset += read as u64;
        if !pace(read as u64) {
            return Ok(None);
        }
    }
}

/// Whether an error means that the disk has lost the bytes.
fn is_rot(error: &io::Error) -> bool {
    use nix::libc::{EBADMSG, EIO, ENODATA, EUCLEAN};
    matches!(error.raw_os_error(), Some(EIO | EBADMSG | ENODATA | EUCLEAN))
}
