//! The directory below which media are published, held open so that nothing in its path matters any more.
//! Names below it are reached without following links.

use std::{
    ffi::OsString,
    fs, io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStringExt,
    },
    path::{Path, PathBuf},
};

use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, mkdirat, openat, unlinkat};

/// The open web root.
#[derive(Debug)]
pub(super) struct WebRoot {
    path: PathBuf,
    directory: OwnedFd,
}

/// Why the web root cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum WebRootError {
    /// It is not there and cannot be made.
    #[error("cannot make the web root `{}`", path.display())]
    Create {
        /// The web root.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It cannot be opened or read.
    #[error("cannot read the web root `{}`", path.display())]
    Read {
        /// The web root.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl WebRoot {
    /// Opens the web root, and makes it first where it is missing.
    pub(super) fn open(path: &Path) -> Result<Self, WebRootError> {
        if !path.exists() {
            fs::create_dir_all(path)
                .map_err(|source| WebRootError::Create { path: path.to_owned(), source })?;
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory =
            openat(CWD, path, flags, Mode::empty()).map_err(|error| failed(path, error))?;
        Ok(Self { path: path.to_owned(), directory })
    }

    /// Its path as configured.
    #[must_use]
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The names in it.
    pub(super) fn names(&self) -> Result<Vec<OsString>, WebRootError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let readable = openat(&self.directory, ".", flags, Mode::empty());
        let entries = readable.and_then(Dir::new).map_err(|error| failed(&self.path, error))?;
        let mut names = Vec::new();
        for entry in entries {
            let name =
                entry.map_err(|error| failed(&self.path, error))?.file_name().to_bytes().to_vec();
            if name != b"." && name != b".." {
                names.push(OsString::from_vec(name));
            }
        }
        Ok(names)
    }

    /// Makes an empty directory. That it is there already is no error.
    pub(super) fn create_directory(&self, name: &str) -> io::Result<()> {
        match mkdirat(&self.directory, name, Mode::from_raw_mode(0o755)) {
            Err(rustix::io::Errno::EXIST) | Ok(()) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes an empty directory. That it is gone already is no error.
    pub(super) fn remove_directory(&self, name: &str) -> io::Result<()> {
        match unlinkat(&self.directory, name, AtFlags::REMOVEDIR) {
            Err(rustix::io::Errno::NOENT) | Ok(()) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl AsFd for WebRoot {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }
}

fn failed(path: &Path, error: rustix::io::Errno) -> WebRootError {
    WebRootError::Read { path: path.to_owned(), source: error.into() }
}
