//! Where EROFS metadata lies: `erofs/KEY.erofs` below the state directory, one for each mounted medium.
//!
//! The path is what the mount shows as its source, and so what the mount is recognised by.

use std::{
    collections::HashSet,
    fs::{self, File},
    hash::BuildHasher,
    io::{self, BufWriter},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use isomirror_core::{
    erofs::{EncodeError, Encoded, encode},
    medium::IdentityKey,
    survey::Survey,
};

use super::{MountError, MountRequest};

const EXTENSION: &str = "erofs";
const PARTIAL: &str = "partial";
/// Bytes that are written at once.
const BUFFER: usize = 256 << 10;

/// Path of the metadata of `key`.
pub(super) fn path(state_directory: &Path, key: IdentityKey) -> PathBuf {
    directory(state_directory).join(format!("{key}.{EXTENSION}"))
}

/// The medium whose metadata lies at `path`, if it does lie where [`path`] says.
pub(super) fn key_of(state_directory: &Path, path: &Path) -> Option<IdentityKey> {
    let ours = path.parent() == Some(&directory(state_directory))
        && path.extension().is_some_and(|extension| extension == EXTENSION);
    path.file_stem().filter(|_| ours)?.to_str()?.parse().ok()
}

fn directory(state_directory: &Path) -> PathBuf {
    state_directory.join("erofs")
}

/// Writes the metadata of the request's medium. It stands at its path only when it is complete; being just
/// written it is in the page cache, from where the mount reads it.
pub(super) fn write(
    request: &MountRequest<'_>,
    survey: &Survey,
    state_directory: &Path,
) -> Result<(PathBuf, Encoded), MountError> {
    let path = path(state_directory, request.key);
    let failed = |source| MountError::Metadata { path: path.display().to_string(), source };
    let partial = path.with_extension(PARTIAL);
    fs::create_dir_all(directory(state_directory)).map_err(failed)?;
    let file = create(&partial).map_err(failed)?;
    let image = request.medium.image();
    let target = BufWriter::with_capacity(BUFFER, file);
    let written = match encode(image, survey, request.symlinks, target) {
        Ok(written) => fs::rename(&partial, &path).map(|()| written).map_err(failed),
        Err(EncodeError::Write(error)) => Err(failed(error)),
        Err(source) => Err(MountError::Encode {
            medium: request.medium.file().path().display().to_string(),
            source,
        }),
    };
    if written.is_err() {
        // Its own failure would add nothing: the next attempt truncates the file, a sweep removes it.
        let _ = fs::remove_file(&partial);
    }
    written.map(|written| (path, written))
}

fn create(path: &Path) -> io::Result<File> {
    File::options().write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// Removes the metadata of a medium that is no longer mounted. A mount that still has users keeps what it needs.
pub fn forget(key: IdentityKey, state_directory: &Path) -> io::Result<()> {
    match fs::remove_file(path(state_directory, key)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes all metadata but that of the media in `keep`: those that are mounted, and those that are being mounted.
pub fn sweep<S: BuildHasher>(
    keep: &HashSet<IdentityKey, S>,
    state_directory: &Path,
) -> io::Result<()> {
    let entries = match fs::read_dir(directory(state_directory)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        let ours = path.extension().is_some_and(|it| it == EXTENSION || it == PARTIAL);
        let key = path.file_stem().and_then(|stem| stem.to_str()?.parse::<IdentityKey>().ok());
        if ours && key.is_some_and(|key| !keep.contains(&key)) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}
