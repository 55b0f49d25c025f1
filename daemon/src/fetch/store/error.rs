//! What can go wrong with a store.

use std::{
    io,
    path::{Path, PathBuf},
};

/// A store that cannot be used, or in which something cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process works in it.
    #[error("another process works in the store `{}` ({owner}); end it, or use its socket", store.display())]
    Locked {
        /// The store.
        store: PathBuf,
        /// Who.
        owner: String,
    },
    /// A part of it is another file system, so nothing could be moved into place.
    #[error("`{}` is on another file system than the store; unmount it", .0.display())]
    OtherFileSystem(PathBuf),
    /// Something that is not ours is where an image should go.
    #[error("`{}` is not ours and is left alone; move it away to have it fetched", .0.display())]
    Foreign(PathBuf),
    /// What was found about an image says nothing about the one that is staged.
    #[error("what was verified is not what is staged for `{0}`")]
    NotVerified(String),
    /// The system refused.
    #[error("cannot {operation} `{}`", path.display())]
    Io {
        /// What was to be done.
        operation: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl StoreError {
    /// Makes an error of the system one of the store.
    pub(super) fn io(operation: &'static str, path: &Path) -> impl Fn(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io { operation, path: path.clone(), source }
    }
}
