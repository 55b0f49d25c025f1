//! A web root with one directory to mount on, and a state directory beside it. Whatever is mounted goes with it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::{self, File},
    os::fd::AsFd,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use isomirror::{
    backend::{
        self, BackendChoice, Capabilities, MountError, MountRequest, MountTarget, Mounted,
        SymlinkPolicy, UnmountError, UnmountMode, Unmounted,
    },
    open_medium::OpenMedium,
    sys::medium_file::MediumFile,
};
use tempfile::TempDir;

use crate::{mounts, scratch};

const NAME: &str = "MEDIUM";

/// A place to mount a medium on; detached and removed when it is dropped, even by a panic.
#[derive(Debug)]
pub struct MountPoint {
    directory: TempDir,
    webroot: File,
}

impl MountPoint {
    /// Makes the directories.
    ///
    /// # Panics
    /// Where that fails.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it acts on the machine")]
    pub fn new() -> Self {
        let directory = scratch::directory().unwrap();
        fs::create_dir_all(directory.path().join("web").join(NAME)).unwrap();
        let webroot = File::open(directory.path().join("web")).unwrap();
        Self { directory, webroot }
    }

    /// A directory for images and sources.
    #[must_use]
    pub fn scratch(&self) -> &Path {
        self.directory.path()
    }

    /// Where the medium is mounted.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.directory.path().join("web").join(NAME)
    }

    /// The state directory.
    #[must_use]
    pub fn state_directory(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    /// The target as the backends want it.
    ///
    /// # Panics
    /// Never: the name is one name.
    #[must_use]
    pub fn target(&self) -> MountTarget<'_> {
        MountTarget::new(self.webroot.as_fd(), OsStr::new(NAME)).expect("it is one name")
    }

    /// Mounts `medium` with a state directory of this place's own.
    pub fn mount(
        &self,
        medium: &Arc<OpenMedium>,
        choice: BackendChoice,
        symlinks: SymlinkPolicy,
    ) -> Result<Mounted, MountError> {
        self.mount_with(medium, choice, symlinks, &Capabilities::probe(), &self.state_directory())
    }

    /// Mounts `medium` on a machine of these `capabilities`.
    pub fn mount_with(
        &self,
        medium: &Arc<OpenMedium>,
        choice: BackendChoice,
        symlinks: SymlinkPolicy,
        capabilities: &Capabilities,
        state_directory: &Path,
    ) -> Result<Mounted, MountError> {
        let request = MountRequest {
            medium,
            target: self.target(),
            symlinks,
            options: &BTreeMap::new(),
            key: medium.file().identity().key(),
        };
        backend::mount(choice, &request, capabilities, state_directory)
    }

    /// Unmounts in order. A process that another test is just starting has all our descriptors for a moment, that of
    /// the mount among them, so "in use" is only believed when it lasts.
    pub fn unmount(&self) -> Result<Unmounted, UnmountError> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            match self.target().unmount(UnmountMode::Orderly) {
                Err(UnmountError::Busy(_)) if attempts < 50 => {
                    thread::sleep(Duration::from_millis(5));
                }
                other => return other,
            }
        }
    }
}

impl Drop for MountPoint {
    fn drop(&mut self) {
        if let Err(error) = mounts::detach_below(self.directory.path()) {
            #[expect(
                clippy::print_stderr,
                reason = "a panic in a destructor would hide the test's"
            )]
            {
                eprintln!("{} stays mounted: {error}", self.path().display());
            }
        }
    }
}

/// Opens an image file or a block device.
///
/// # Panics
/// Where it cannot be opened or read.
#[must_use]
pub fn open_medium(path: &Path) -> Arc<OpenMedium> {
    let file = MediumFile::open(path).unwrap_or_else(|error| panic!("{error}"));
    let medium = OpenMedium::open(Arc::new(file));
    Arc::new(medium.unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}
