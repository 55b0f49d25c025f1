//! Why an image was not copied.

use std::{io, path::PathBuf};

use isomirror_core::digest::Digest;

use crate::fetch::SmbError;

/// Why an image was not copied to a place, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// A place of a kind that nothing is copied to.
    #[error("nothing can be copied to `{0}`: `fetch.upload` has to be a `file:` or `smb:` URL")]
    Kind(String),
    /// A name that is no file name, or would leave its directory.
    #[error("`{}` is no name for a part of a path", .0.escape_debug())]
    Name(String),
    /// The place is not there.
    #[error("there is no directory `{0}`; look whether it is mounted")]
    Missing(String),
    /// The place cannot be written to.
    #[error(
        "nothing can be written to `{place}` ({reason}); make it writable for isomirror, or take `fetch.upload` out"
    )]
    ReadOnly {
        /// The directory or share.
        place: String,
        /// What it says.
        reason: String,
    },
    /// There is no room.
    #[error("there is no room on `{0}` for the image; make some")]
    Full(String),
    /// Another file has the name.
    #[error(
        "`{path}` is there with {found} bytes instead of {size}; it is left alone: remove it if it is of no use"
    )]
    Occupied {
        /// The file at the place.
        path: String,
        /// Its bytes.
        found: u64,
        /// The bytes of the image.
        size: u64,
    },
    /// The image cannot be read.
    #[error("cannot read the image `{}`", image.display())]
    Image {
        /// The image.
        image: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The image is not what was verified.
    #[error("the image `{}` has the digest {found} instead of {expected}; it is not copied", image.display())]
    Changed {
        /// The image.
        image: PathBuf,
        /// What it has.
        found: Digest,
        /// What it should have.
        expected: Digest,
    },
    /// The place does not hold what was written to it.
    #[error("`{path}` has {found} bytes after {size} were written; look at the place's disk")]
    Short {
        /// The file at the place.
        path: String,
        /// Its bytes.
        found: u64,
        /// Those that were written.
        size: u64,
    },
    /// The place has hung.
    #[error("`{0}` does not answer; it is tried again")]
    Silent(String),
    /// The directory cannot be worked in, for another reason.
    #[error("cannot copy the image to `{place}`")]
    Directory {
        /// The directory or file.
        place: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The share cannot be worked in, for another reason.
    #[error("cannot copy the image to a share")]
    Share(#[source] SmbError),
}

impl UploadError {
    /// Of a directory.
    pub(super) fn of_directory(place: String, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::ReadOnly { place, reason: source.to_string() }
            }
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Self::Full(place),
            _ => Self::Directory { place, source },
        }
    }

    /// Of a share that is being written to.
    pub(super) fn of_share(error: SmbError) -> Self {
        match error {
            SmbError::Denied(place) => {
                Self::ReadOnly { place, reason: "the server denies it".to_owned() }
            }
            SmbError::Full(place) => Self::Full(place),
            SmbError::Silent(server) => Self::Silent(server),
            other => Self::Share(other),
        }
    }
}
