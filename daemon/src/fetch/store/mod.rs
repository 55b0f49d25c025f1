//! The store: where images lie that were fetched, and what is remembered of them.
//!
//! `ID/VERSION/FILE` are images, seen by everybody. Beside them, hidden: `.staging/ID/` is what is being fetched,
//! `.verified/INODE.json` what was found about an image, `.state/ID.json` the memory of an entry, and
//! `.quarantine/ID/FILE` the last image of an entry that was wrong. What none of our records describes is not ours, and
//! is never overwritten or removed.

mod error;
mod health;
mod lock;
mod publish;
mod recheck;
mod recover;
mod retire;
mod staged;
mod survey;
mod unpack;

use std::{
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use isomirror_core::{
    transfer::entry::{DIRECTORY as STATE, Entry, SCHEMA},
    verified::{DIRECTORY as VERIFIED, FileStamp},
};

use crate::sys::{file_stamp::file_stamp, replace_file::replace_file};

pub use error::StoreError;
pub(super) use health::DiskHealth;
pub use recheck::Recheck;
pub use staged::Staged;
pub use unpack::{Packing, UnpackError};

const STAGING: &str = ".staging";
const QUARANTINE: &str = ".quarantine";
/// Directory in a staging directory that becomes `ID/VERSION`.
const PUBLISH: &str = "publish";

/// The store of this process. Clones are the same one; nobody else works in it until the last is gone.
#[derive(Clone, Debug)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    health: DiskHealth,
    _lock: lock::StoreLock,
}

impl Store {
    /// Takes the store at `root`, makes what is missing of it, and brings to an end what an earlier process began.
    ///
    /// # Errors
    /// Where somebody else works in it, or it cannot be used.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let failed = |path: &Path| StoreError::io("open", path);
        for directory in ["", STAGING, VERIFIED, STATE, QUARANTINE] {
            let path = root.join(directory);
            fs::create_dir_all(&path).map_err(failed(&path))?;
        }
        let lock = lock::StoreLock::acquire(root)?;
        let device =
            |path: &Path| fs::metadata(path).map(|found| found.dev()).map_err(failed(path));
        for part in [STAGING, VERIFIED, QUARANTINE] {
            let path = root.join(part);
            if device(root)? != device(&path)? {
                return Err(StoreError::OtherFileSystem(path));
            }
        }
        let store = Self(Arc::new(Inner {
            root: root.to_owned(),
            health: DiskHealth::default(),
            _lock: lock,
        }));
        store.recover()?;
        Ok(store)
    }

    /// Its directory.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.0.root
    }

    pub(super) fn health(&self) -> &DiskHealth {
        &self.0.health
    }

    /// Does something that writes, unless the disk has failed before.
    fn guarded<T>(&self, work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.health().check().map_err(StoreError::io("write to", self.root()))?;
        work().inspect_err(|error| {
            if let StoreError::Io { source, .. } = error {
                self.health().note(source);
            }
        })
    }

    pub(super) fn staging(&self, id: &str) -> PathBuf {
        self.root().join(STAGING).join(id)
    }

    /// Where an image is, or would be.
    #[must_use]
    pub fn image_path(&self, id: &str, version: &str, file: &str) -> PathBuf {
        self.root().join(id).join(version).join(file)
    }

    fn record_path(&self, inode: u64) -> PathBuf {
        self.root().join(VERIFIED).join(format!("{inode}.json"))
    }

    fn entry_path(&self, id: &str) -> PathBuf {
        self.root().join(STATE).join(format!("{id}.json"))
    }

    /// What is remembered of an entry; a fresh memory where there is none, or where it is broken: then no image of it
    /// is ours, and all of them stay.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn entry(&self, id: &str) -> Result<Entry, StoreError> {
        let path = self.entry_path(id);
        let fresh = || Entry { schema: SCHEMA, ..Entry::default() };
        match fs::read(&path) {
            Ok(text) => Ok(Entry::parse(&text).unwrap_or_else(fresh)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(fresh()),
            Err(error) => Err(StoreError::io("read", &path)(error)),
        }
    }

    /// Replaces the memory of an entry.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn save_entry(&self, id: &str, entry: &Entry) -> Result<(), StoreError> {
        let path = self.entry_path(id);
        let failed = StoreError::io("write", &path);
        self.guarded(|| {
            let text = serde_json::to_vec_pretty(entry).map_err(io::Error::from);
            text.and_then(|text| replace_file(&path, &text)).map_err(failed)?;
            sync_directory(&self.root().join(STATE))
        })
    }

    /// Drops what is staged of an entry, so that it is fetched from its first byte on.
    ///
    /// # Errors
    /// Where it cannot be removed.
    pub fn discard_stage(&self, id: &str) -> Result<(), StoreError> {
        let staging = self.staging(id);
        remove_directory_of_ours(&staging).map_err(StoreError::io("clear", &staging))
    }

    /// Whether an image may be published there: nothing that is not ours is in its way.
    ///
    /// # Errors
    /// [`StoreError::Foreign`] where something is.
    pub fn admits(&self, id: &str, version: &str, file: &str) -> Result<(), StoreError> {
        publish::ensure_ours(&self.image_path(id, version, file), version, file, &self.entry(id)?)
    }

    /// Bytes on the disk of what is staged of an entry.
    #[must_use]
    pub fn staged_bytes(&self, id: &str) -> u64 {
        survey::allocated_below(&self.staging(id))
    }

    /// Puts what is staged of an entry aside, for it is not what it should be.
    ///
    /// # Errors
    /// Where it cannot be moved.
    pub fn reject(&self, staged: &Staged) -> Result<(), StoreError> {
        self.quarantine(&staged.id, &staged.file)
    }

    /// Puts the staged file of an entry aside, in place of the one before.
    pub(super) fn quarantine(&self, id: &str, file: &str) -> Result<(), StoreError> {
        self.put_aside(id, &self.staging(id).join(super::writer::IMAGE), file)
    }

    fn put_aside(&self, id: &str, from: &Path, file: &str) -> Result<(), StoreError> {
        let directory = self.root().join(QUARANTINE).join(id);
        let failed = StoreError::io("put aside an image in", &directory);
        self.guarded(|| {
            let moved = remove_directory_of_ours(&directory).and_then(|()| {
                fs::create_dir_all(&directory)?;
                fs::rename(from, directory.join(file))
            });
            moved.map_err(failed)
        })
    }
}

/// The stamp by which a file is known to be unchanged.
fn stamp(path: &Path) -> io::Result<FileStamp> {
    Ok(file_stamp(&fs::symlink_metadata(path)?))
}

fn sync_directory(path: &Path) -> Result<(), StoreError> {
    let synced = File::open(path).and_then(|directory| directory.sync_all());
    synced.map_err(StoreError::io("sync", path))
}

/// Removes a hidden directory that we made, with the files in it; it is all right where there is none.
fn remove_directory_of_ours(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
