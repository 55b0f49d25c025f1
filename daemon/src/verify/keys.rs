//! The keys that are trusted: files in directories of the catalog, and those that the operator names.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use isomirror_core::signature::{Keys, MAXIMUM_SIZE};

use super::VerifyError;

/// Where keys are: the operator's before those that are installed.
pub const DIRECTORIES: [&str; 2] =
    ["/etc/isomirror/catalog.d/keys", "/usr/lib/isomirror/catalog.d/keys"];

/// All keys of the files in `directories` and of `files`. A directory need not be there, nor need all its files be
/// keys.
///
/// # Errors
/// Where one of `files` cannot be read, or has no key.
pub fn load_keys(directories: &[PathBuf], files: &[PathBuf]) -> Result<Keys, VerifyError> {
    let mut keys = Keys::default();
    for directory in directories {
        let Ok(entries) = fs::read_dir(directory) else { continue };
        let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.sort();
        for bytes in paths.iter().filter_map(|path| read_bounded(path, MAXIMUM_SIZE as u64).ok()) {
            let _ = keys.add(&bytes);
        }
    }
    for path in files {
        let failed = |source| VerifyError::Open { path: path.clone(), source };
        let bytes = read_bounded(path, MAXIMUM_SIZE as u64).map_err(failed)?;
        keys.add(&bytes).map_err(|source| VerifyError::Key { path: path.clone(), source })?;
    }
    Ok(keys)
}

/// The bytes of a regular file.
///
/// # Errors
/// Where it is none, cannot be read, or is longer than `limit`.
pub(super) fn read_bounded(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    // Asked before it is opened: opening a pipe would wait for whoever writes.
    if !fs::metadata(path)?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
}
