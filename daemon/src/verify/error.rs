//! Why nothing can be said of something.

use std::{io, path::PathBuf};

/// Why something cannot be verified at all.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It cannot be opened.
    #[error("cannot open `{}`", path.display())]
    Open {
        /// The file, device or directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is nothing that could be read.
    #[error("`{}` is neither a file nor a block device nor a directory", .0.display())]
    NotAnImage(PathBuf),
    /// Its bytes cannot be read.
    #[error("cannot read `{}` at byte {offset}", path.display())]
    Read {
        /// The file or device.
        path: PathBuf,
        /// Where.
        offset: u64,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A key file has no keys.
    #[error("cannot use the key file `{}`", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: isomirror_core::signature::KeyError,
    },
}
