//! Finding what a command was given as a path within an image.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use isomirror_core::{
    containment::{self, FinalLink, Resolved, SymlinkPolicy},
    image::{Image, Kind, NodeId, ReadError},
};

use super::{CommandError, escape::Escaped};

/// An opened image with where it is, for messages.
#[derive(Debug)]
pub(super) struct OpenImage {
    pub(super) path: PathBuf,
    pub(super) image: Image,
}

impl OpenImage {
    pub(super) fn open(path: &Path) -> Result<Self, CommandError> {
        Ok(Self { path: path.to_owned(), image: super::image_file::open(path)? })
    }

    /// The object that `path` names, counted from the root whether it begins with a slash or not.
    pub(super) fn find(
        &self,
        path: &OsStr,
        final_link: FinalLink,
    ) -> Result<(NodeId, Kind), CommandError> {
        let components: Vec<_> =
            path.as_bytes().split(|byte| *byte == b'/').filter(|name| !name.is_empty()).collect();
        let policy = SymlinkPolicy::Contained;
        let found = containment::resolve(&self.image, &components, policy, final_link);
        match found.map_err(|source| self.unreadable(path.as_bytes(), source))? {
            Resolved::Found { id, kind, .. } => Ok((id, kind)),
            Resolved::NotFound => {
                Err(CommandError::Missing { image: self.path.clone(), object: shown(path) })
            }
            Resolved::Outside => {
                Err(CommandError::Outside { image: self.path.clone(), object: shown(path) })
            }
        }
    }

    /// The error that the object at `path` cannot be read.
    pub(super) fn unreadable(&self, path: &[u8], source: ReadError) -> CommandError {
        let object = Escaped(path).to_string();
        CommandError::Object { image: self.path.clone(), object, source }
    }
}

/// A path in an image as it may be printed.
pub(super) fn shown(path: &OsStr) -> String {
    Escaped(path.as_bytes()).to_string()
}
