//! Why a medium could not be mounted.

use std::{error::Error, io};

use isomirror_core::erofs::EncodeError;
use nix::errno::Errno;

use super::BackendKind;
use crate::sys::{file_system::FileSystemError, loop_device::LoopError};

/// Why a medium could not be mounted. `medium` is the path that it was found under.
#[derive(Debug, thiserror::Error)]
pub enum MountError {
    /// The directory to mount on cannot be used.
    #[error("cannot mount on the directory `{name}`")]
    Target {
        /// Its name.
        name: String,
        /// ELOOP: a link; EXDEV: something is mounted there; ENOENT; ENOTDIR.
        #[source]
        source: io::Error,
    },
    /// The backend does not work on this machine, or not for this kind of medium.
    #[error("the {backend} backend cannot be used: {reason}")]
    Unavailable {
        /// The backend.
        backend: BackendKind,
        /// Why, for people.
        reason: String,
    },
    /// It is another medium by now, or somebody was let in to write to it.
    #[error("`{medium}` has changed while it was being mounted")]
    Changed {
        /// The medium's path.
        medium: String,
    },
    /// No loop device.
    #[error("cannot put `{medium}` behind a loop device")]
    Loop {
        /// The medium's path.
        medium: String,
        /// Why.
        #[source]
        source: LoopError,
    },
    /// The kernel refused to mount it.
    #[error("cannot mount `{medium}`")]
    FileSystem {
        /// The medium's path.
        medium: String,
        /// Why, with the kernel's own words.
        #[source]
        source: Box<FileSystemError>,
    },
    /// The tree cannot be described as EROFS.
    #[error("cannot describe `{medium}` as EROFS")]
    Encode {
        /// The medium's path.
        medium: String,
        /// Why.
        #[source]
        source: EncodeError,
    },
    /// The EROFS metadata cannot be kept.
    #[error("cannot write the EROFS metadata `{path}`")]
    Metadata {
        /// Path of the metadata.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The FUSE server cannot be started.
    #[error("cannot serve `{medium}` over FUSE")]
    Fuse {
        /// The medium's path.
        medium: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl MountError {
    /// Whether the same may work a little later without anyone's help.
    #[must_use]
    pub fn retryable(&self) -> bool {
        match self {
            Self::Unavailable { .. } => false,
            Self::Changed { .. } => true,
            Self::Target { .. }
            | Self::Loop { .. }
            | Self::FileSystem { .. }
            | Self::Encode { .. }
            | Self::Metadata { .. }
            | Self::Fuse { .. } => matches!(
                self.error_number(),
                Some(
                    Errno::EBUSY
                        | Errno::EMFILE
                        | Errno::ENFILE
                        | Errno::ENOMEM
                        | Errno::EAGAIN
                        | Errno::EINTR
                        | Errno::ENOSPC
                        | Errno::EDQUOT
                        | Errno::EXDEV
                        | Errno::ENOENT
                )
            ),
        }
    }

    /// Whether another backend may do what this one could not.
    #[must_use]
    pub(super) fn is_backends(&self) -> bool {
        !matches!(self, Self::Target { .. } | Self::Changed { .. })
    }

    /// What can be done about it: a lower-case phrase.
    #[must_use]
    pub fn remedy(&self) -> String {
        let remedy = match (self, self.error_number()) {
            (_, Some(Errno::EPERM | Errno::EACCES)) => "run as root, or with CAP_SYS_ADMIN",
            (_, Some(Errno::EMFILE | Errno::ENFILE)) => "raise the limit of open files",
            (_, Some(Errno::ENOSPC | Errno::EDQUOT)) => "make room in the state directory",
            (Self::Target { .. }, Some(Errno::EXDEV)) => "unmount what is mounted there",
            (Self::Target { .. }, _) => "make it an empty directory of its own",
            (Self::Loop { .. }, _) => {
                "load the `loop` module, or choose the backend `erofs` or `fuse`"
            }
            (Self::Metadata { .. }, _) => "make the state directory writable",
            (Self::Changed { .. }, _) => "wait, it is looked at again",
            (Self::Unavailable { .. } | Self::FileSystem { .. } | Self::Encode { .. }, _) => {
                "choose the backend `auto`"
            }
            (Self::Fuse { .. }, _) => "load the `fuse` module, or choose another backend",
        };
        remedy.to_owned()
    }

    fn error_number(&self) -> Option<Errno> {
        let number = match self {
            Self::FileSystem { source, .. } => source.error_number(),
            Self::Loop { source, .. } => source.error().raw_os_error(),
            Self::Encode { source: EncodeError::Write(error), .. } => error.raw_os_error(),
            Self::Unavailable { .. } | Self::Changed { .. } | Self::Encode { .. } => None,
            Self::Target { source, .. }
            | Self::Metadata { source, .. }
            | Self::Fuse { source, .. } => source.raw_os_error(),
        };
        number.map(Errno::from_raw)
    }

    /// The error and its causes in one line.
    #[must_use]
    pub(super) fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}
