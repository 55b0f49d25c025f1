//! What the fetching role has found about images of the store, as others read it.
//!
//! A record is believed where only root, or whoever the store belongs to, can have written it, and only of the very file
//! that it tells of, unchanged. Images elsewhere have none: whoever may put an image into a directory could put a record
//! there too.

use std::{
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use isomirror_core::{
    transfer::entry::{DIRECTORY as MEMORIES, Entry, Image, is_safe_name},
    trust::Trust,
    verified::{DIRECTORY, Known, Release, SCHEMA, VerifiedRecord},
};

use crate::sys::{file_stamp::file_stamp, medium_file::MediumFile};

/// Bytes that a record may have.
const LARGEST: u64 = 64 << 10;

/// Mode bits by which others than the owner may write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// An image that was fetched.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// Id in the catalog.
    pub id: String,
    /// What was published.
    pub image: Image,
}

/// The records of a store.
#[derive(Clone, Debug)]
pub struct VerifiedRecords {
    store: PathBuf,
}

impl VerifiedRecords {
    /// Of the store at `store`.
    #[must_use]
    pub fn new(store: PathBuf) -> Self {
        Self { store }
    }

    /// What is known of an open image: nothing where nobody vouches for it, or who says so cannot be believed.
    #[must_use]
    pub fn of(&self, file: &MediumFile) -> Known {
        let Some(record) = self.record(file) else { return Known::default() };
        let verified = Some(record.verified).filter(|verified| verified.trust > Trust::Unverified);
        let release = record.id.zip(record.version);
        let release = release.map(|(entry, version)| Release { entry, version });
        Known { verified, alias: record.alias, release }
    }

    /// What its list or its operator said of an image when it was fetched, whatever has become of it since; `None` where it
    /// was not fetched, or where others may have written down that it was.
    #[must_use]
    pub fn fetched(&self, image: &Path) -> Option<Fetched> {
        let store = fs::canonicalize(&self.store).ok()?;
        let image = fs::canonicalize(image).ok()?;
        let parts: Vec<_> = image.strip_prefix(&store).ok()?.iter().collect();
        let [id, version, file] = parts[..] else { return None };
        let id = id.to_str().filter(|id| is_safe_name(id))?;
        let directory = store.join(MEMORIES);
        let path = directory.join(format!("{id}.json"));
        let owner = fs::metadata(&store).ok()?.uid();
        for place in [&directory, &path] {
            fs::symlink_metadata(place).ok().filter(|found| is_owners_alone(found, owner))?;
        }
        let entry = Entry::parse(&fs::read(&path).ok()?)?;
        let image = entry.image(version.to_str()?, file.to_str()?)?.clone();
        Some(Fetched { id: id.to_owned(), image })
    }

    fn record(&self, file: &MediumFile) -> Option<VerifiedRecord> {
        if file.is_device() || !file.path().starts_with(&self.store) {
            return None;
        }
        let stamp = file_stamp(&file.metadata().ok()?);
        let record = self.read(stamp.inode).ok()?;
        let record: VerifiedRecord = serde_json::from_slice(&record).ok()?;
        (record.schema == SCHEMA && record.file == stamp).then_some(record)
    }

    fn read(&self, inode: u64) -> io::Result<Vec<u8>> {
        let owner = fs::metadata(&self.store)?.uid();
        let directory = self.store.join(DIRECTORY);
        let path = directory.join(format!("{inode}.json"));
        for place in [&directory, &path] {
            let found = fs::symlink_metadata(place)?;
            if !is_owners_alone(&found, owner) || found.len() > LARGEST && place == &path {
                return Err(io::ErrorKind::PermissionDenied.into());
            }
        }
        fs::read(path)
    }
}

fn is_owners_alone(found: &Metadata, owner: u32) -> bool {
    let is_owners = found.uid() == 0 || found.uid() == owner;
    is_owners && !found.is_symlink() && found.mode() & WRITABLE_BY_OTHERS == 0
}

/// Where the store of a state directory is.
#[must_use]
pub fn store_below(state_directory: &Path) -> PathBuf {
    state_directory.join("images")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use isomirror_core::{
        digest::{Algorithm, Hasher},
        verified::Verified,
    };

    use super::*;

    fn verified() -> Verified {
        Verified {
            trust: Trust::SignedList,
            digests: vec![Hasher::new(Algorithm::Sha256).finish()],
            signer: None,
            verified_at: "2026-11-26T12:00:00Z".into(),
        }
    }

    /// Writes the record of the file at `image` into the store.
    fn record(store: &Path, image: &Path) -> PathBuf {
        let file = file_stamp(&fs::metadata(image).unwrap());
        let record = VerifiedRecord {
            schema: SCHEMA,
            file,
            verified: verified(),
            id: None,
            version: None,
            alias: None,
        };
        fs::create_dir_all(store.join(DIRECTORY)).unwrap();
        let path = store.join(DIRECTORY).join(format!("{}.json", file.inode));
        fs::write(&path, serde_json::to_vec(&record).unwrap()).unwrap();
        path
    }

    fn told(store: &Path, image: &Path) -> Option<Verified> {
        let file = MediumFile::open_image(image).unwrap();
        VerifiedRecords::new(store.to_owned()).of(&file).verified
    }

    #[test]
    fn only_the_file_that_was_verified_is_verified() {
        let store = tempfile::tempdir().unwrap();
        let image = store.path().join("a.iso");
        fs::write(&image, "a").unwrap();
        assert_eq!(told(store.path(), &image), None);
        record(store.path(), &image);
        assert_eq!(told(store.path(), &image), Some(verified()));
        // Written anew with the same length, and a moment that was set back.
        let modified = fs::metadata(&image).unwrap().modified().unwrap();
        fs::write(&image, "b").unwrap();
        let file = fs::File::options().write(true).open(&image).unwrap();
        file.set_modified(modified).unwrap();
        assert_eq!(told(store.path(), &image), None);
    }

    #[test]
    fn an_image_that_nobody_vouches_for_is_not_called_verified() {
        let store = tempfile::tempdir().unwrap();
        let image = store.path().join("a.iso");
        fs::write(&image, "a").unwrap();
        let path = record(store.path(), &image);
        let mut weak: VerifiedRecord = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        weak.verified.trust = Trust::Unverified;
        weak.alias = Some("other".to_owned());
        fs::write(&path, serde_json::to_vec(&weak).unwrap()).unwrap();
        let file = MediumFile::open_image(&image).unwrap();
        let known = VerifiedRecords::new(store.path().to_owned()).of(&file);
        let alias = Some("other".to_owned());
        assert_eq!(known, Known { verified: None, alias, release: None });
    }

    #[test]
    fn what_others_could_have_written_is_not_believed() {
        let store = tempfile::tempdir().unwrap();
        let image = store.path().join("a.iso");
        fs::write(&image, "a").unwrap();
        let path = record(store.path(), &image);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        assert_eq!(told(store.path(), &image), None);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(told(store.path(), &image), Some(verified()));
        let directory = store.path().join(DIRECTORY);
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).unwrap();
        assert_eq!(told(store.path(), &image), None);
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        assert_eq!(told(elsewhere.path(), &image), None, "the store of somebody else");
    }
}
