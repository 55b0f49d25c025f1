//! How a tree becomes a mounted directory: by the kernel's own file systems, by EROFS over metadata that we write,
//! by a FUSE server of ours, or not at all.
//!
//! Mounts tell by themselves which medium they show, so nothing has to be remembered over a restart. Nothing here
//! decides what is mounted where; everything here blocks, and belongs on threads that may.

pub mod autofs;
mod block_source;
mod capabilities;
mod erofs;
mod error;
mod fuse;
mod kernel;
mod metadata;
mod mount;
mod recognise;

use std::{collections::BTreeMap, fmt, sync::Arc};

pub use capabilities::Capabilities;
pub use error::MountError;
pub use fuse::FuseSession;
use isomirror_core::medium::IdentityKey;
pub use isomirror_core::{backend_choice::BackendChoice, containment::SymlinkPolicy};
pub use metadata::{forget, sweep};
pub use mount::mount;
pub use recognise::recognise;

use crate::open_medium::OpenMedium;
pub use crate::sys::mount_target::{MountTarget, UnmountError, UnmountMode, Unmounted};

/// What is to be mounted, where and how.
#[derive(Clone, Copy, Debug)]
pub struct MountRequest<'a> {
    /// The medium; the mount holds on to its bytes, not to its path.
    pub medium: &'a Arc<OpenMedium>,
    /// An existing, empty directory.
    pub target: MountTarget<'a>,
    /// What becomes of symbolic links.
    pub symlinks: SymlinkPolicy,
    /// Further options by the type of the kernel's file system (`iso9660`, `udf`, `erofs`), separated by commas.
    pub options: &'a BTreeMap<String, String>,
    /// What the mount is recognised by.
    pub key: IdentityKey,
}

/// A backend that mounts by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BackendKind {
    /// The kernel's own ISO 9660 and UDF.
    Kernel,
    /// EROFS over metadata that we write.
    Erofs,
    /// A FUSE server of ours.
    Fuse,
    /// Not mounted.
    None,
}

impl BackendKind {
    /// The word in the state document, and in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Erofs => "erofs",
            Self::Fuse => "fuse",
            Self::None => "none",
        }
    }
}

impl fmt::Display for BackendKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What mounting came to.
#[derive(Debug)]
pub struct Mounted {
    /// The backend that did it.
    pub backend: BackendKind,
    /// Why this one where the choice was ours, and what is out of the ordinary with the mount.
    pub reason: Option<String>,
    /// The server of a FUSE mount, to be kept for as long as the mount is wanted.
    pub session: Option<FuseSession>,
}
