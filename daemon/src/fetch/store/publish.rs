//! Making an image visible.
//!
//! A record tells of a file by its stamp, and a rename changes that: so the image is moved into a directory of the
//! staging area first, stamped and recorded there, and then that directory becomes `ID/VERSION`. Renaming the directory
//! leaves the file's stamp alone, so the image is verified from the first moment in which it can be seen.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use isomirror_core::{
    transfer::entry::{Entry, Image},
    verified::{SCHEMA, Verified, VerifiedRecord},
};
use rustix::{
    fs::{CWD, RenameFlags, renameat_with},
    io::Errno,
};

use super::{
    PUBLISH, Staged, Store, StoreError, VERIFIED, remove_directory_of_ours, stamp, sync_directory,
};
use crate::{fetch::writer, sys::replace_file::replace_file};

impl Store {
    /// Publishes an image that was verified, in place of ours of the same version and name if there is one, and returns
    /// its path. Other versions stay until they are retired.
    ///
    /// # Errors
    /// Where something that is not ours is in its way, or the disk fails. The image is staged still then, or published.
    pub fn publish(&self, staged: &Staged, verified: &Verified) -> Result<PathBuf, StoreError> {
        self.guarded(|| self.publish_image(staged, verified))
    }

    fn publish_image(&self, staged: &Staged, verified: &Verified) -> Result<PathBuf, StoreError> {
        let is_of_it = |digest| staged.digests.contains(digest);
        if verified.digests.is_empty() || !verified.digests.iter().all(is_of_it) {
            return Err(StoreError::NotVerified(staged.file.clone()));
        }
        let mut entry = self.entry(&staged.id)?;
        let target = self.image_path(&staged.id, &staged.version, &staged.file);
        ensure_ours(&target, &staged.version, &staged.file, &entry)?;
        let image = self.prepare(staged, verified, &mut entry)?;
        self.reveal(staged, &target, &image)?;
        // Where the file system stamps in another way, or the file itself was moved.
        self.write_record(&target, staged, verified)?;
        let replaced = entry.image(&image.version, &image.file).map(|old| old.inode);
        let inode = image.inode;
        entry.add(image);
        self.save_entry(&staged.id, &entry)?;
        if let Some(old) = replaced.filter(|old| *old != inode) {
            let _ = fs::remove_file(self.record_path(old));
        }
        let staging = self.staging(&staged.id);
        remove_directory_of_ours(&staging).map_err(StoreError::io("clear", &staging))?;
        Ok(target)
    }

    /// Moves the image to where it is stamped, and writes the intent and the record.
    fn prepare(
        &self,
        staged: &Staged,
        verified: &Verified,
        entry: &mut Entry,
    ) -> Result<Image, StoreError> {
        let directory = self.staging(&staged.id).join(PUBLISH);
        let (from, to) = (staged.path(), directory.join(&staged.file));
        let failed = StoreError::io("publish", from);
        let file = File::open(from).map_err(&failed)?;
        let mode = fs::Permissions::from_mode(0o644);
        file.set_permissions(mode).and_then(|()| file.sync_all()).map_err(&failed)?;
        let found = stamp(from).map_err(&failed)?;
        if found.size != staged.size {
            return Err(StoreError::NotVerified(staged.file.clone()));
        }
        let image = Image {
            version: staged.version.clone(),
            file: staged.file.clone(),
            inode: found.inode,
            size: found.size,
            digests: staged.digests.clone(),
            packed: staged.packed.clone(),
            trust: verified.trust,
            url: staged.url.clone(),
            published_at: verified.verified_at.clone(),
            scrubbed_at: None,
            is_pinned: entry.image(&staged.version, &staged.file).is_some_and(|old| old.is_pinned),
        };
        entry.publishing = Some(image.clone());
        self.save_entry(&staged.id, entry)?;
        let moved = remove_directory_of_ours(&directory).and_then(|()| {
            fs::create_dir(&directory)?;
            fs::set_permissions(&directory, fs::Permissions::from_mode(0o755))?;
            fs::rename(from, &to)
        });
        moved.map_err(failed)?;
        sync_directory(&directory)?;
        self.write_record(&to, staged, verified)?;
        Ok(image)
    }

    /// Writes what was found about the image at `path`, unless it stands there already.
    fn write_record(
        &self,
        path: &Path,
        staged: &Staged,
        verified: &Verified,
    ) -> Result<(), StoreError> {
        let file = stamp(path).map_err(StoreError::io("look at", path))?;
        let record = VerifiedRecord {
            schema: SCHEMA,
            file,
            verified: verified.clone(),
            id: Some(staged.id.clone()),
            version: Some(staged.version.clone()),
            alias: staged.alias.clone(),
        };
        let target = self.record_path(file.inode);
        let failed = StoreError::io("write", &target);
        let text = serde_json::to_vec(&record).map_err(|error| failed(error.into()))?;
        if fs::read(&target).is_ok_and(|present| present == text) {
            return Ok(());
        }
        replace_file(&target, &text).map_err(&failed)?;
        File::open(&target).and_then(|file| file.sync_all()).map_err(failed)?;
        sync_directory(&self.root().join(VERIFIED))
    }

    /// The one step that others can see.
    fn reveal(&self, staged: &Staged, target: &Path, image: &Image) -> Result<(), StoreError> {
        let prepared = self.staging(&staged.id).join(PUBLISH);
        let failed = StoreError::io("publish", target);
        let version = target.parent().unwrap_or(target);
        let entry = version.parent().unwrap_or(version);
        fs::create_dir_all(entry).map_err(&failed)?;
        let is_there = fs::symlink_metadata(version).is_ok();
        let moved = if !is_there {
            rename(&prepared, version, RenameFlags::NOREPLACE)
        } else if holds_only(version, &staged.file).map_err(&failed)? {
            rename(&prepared, version, RenameFlags::EXCHANGE)
        } else {
            // What somebody else put there stays; the image is moved by itself, and recorded once more after that.
            fs::rename(prepared.join(&staged.file), target)
        };
        moved.map_err(&failed)?;
        for directory in [version, entry, self.root()] {
            sync_directory(directory)?;
        }
        let seen = stamp(target).map_err(&failed)?;
        if seen.inode == image.inode { Ok(()) } else { Err(StoreError::Foreign(target.to_owned())) }
    }
}

/// An error where there is a file that none of our records describes.
pub(super) fn ensure_ours(
    target: &Path,
    version: &str,
    file: &str,
    entry: &Entry,
) -> Result<(), StoreError> {
    for directory in target.ancestors().skip(1).take(2) {
        if fs::symlink_metadata(directory).is_ok_and(|found| !found.is_dir()) {
            return Err(StoreError::Foreign(directory.to_owned()));
        }
    }
    match stamp(target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(StoreError::io("look at", target)(error)),
        Ok(found) => {
            let ours = entry.image(version, file);
            let is_ours = |ours: &Image| ours.inode == found.inode && ours.size == found.size;
            if ours.is_some_and(is_ours) {
                Ok(())
            } else {
                Err(StoreError::Foreign(target.to_owned()))
            }
        }
    }
}

/// Whether there is nothing in a directory but that file.
fn holds_only(directory: &Path, file: &str) -> io::Result<bool> {
    let mut names = fs::read_dir(directory)?.map(|found| found.map(|found| found.file_name()));
    names.try_fold(true, |only, name| Ok(only && name?.to_str() == Some(file)))
}

/// Renames a directory, by what the file system can do of it.
fn rename(from: &Path, to: &Path, flags: RenameFlags) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, flags) {
        // A rename without flags replaces no directory that holds something.
        Err(Errno::INVAL | Errno::NOSYS) if flags == RenameFlags::NOREPLACE => fs::rename(from, to),
        Err(Errno::INVAL | Errno::NOSYS) => move_files(from, to),
        result => Ok(result?),
    }
}

/// Moves the file of one directory over that of another, where they cannot be exchanged.
fn move_files(from: &Path, to: &Path) -> io::Result<()> {
    for found in fs::read_dir(from)? {
        let found = found?;
        fs::rename(found.path(), to.join(found.file_name()))?;
    }
    fs::remove_dir(from)
}

/// Puts a file that was about to be published back to where it is staged.
pub(super) fn take_back(directory: &Path, file: &str) -> io::Result<()> {
    let staging = directory.parent().unwrap_or(directory);
    fs::rename(directory.join(file), staging.join(writer::IMAGE))
}
