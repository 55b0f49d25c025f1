//! Copying verified images to a directory or a share, from where other machines take them.
//!
//! An image goes to ID/VERSION/FILE below the place, under a hidden name until it is whole. What the place holds is asked
//! of the place itself. What is copied is hashed on its way: an image that has rotted is not passed on.

mod checked;
mod directory;
mod error;
mod share;

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    path::Path,
    time::Duration,
};

pub use error::UploadError;
use isomirror_core::{config::SourceUrl, digest::Digest, transfer::entry::is_safe_name};

use self::checked::Checked;
use super::{Policy, SmbAccess, smb::Times};

/// What an interrupted copy has left is removed by the next one when it is as old as this.
const LEFTOVER: Duration = Duration::from_hours(24);

/// A verified image.
#[derive(Clone, Copy, Debug)]
pub struct Image<'a> {
    /// Its file.
    pub path: &'a Path,
    /// Id in the catalog.
    pub id: &'a str,
    /// Its version.
    pub version: &'a str,
    /// Name of its file at the place.
    pub file_name: &'a str,
    /// Digests that were verified.
    pub digests: &'a [Digest],
}

/// What became of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uploaded {
    /// It is there now, with so many bytes.
    Copied(u64),
    /// A file of its name and size was there already.
    Present,
}

/// [`Image`] for a thread of its own.
#[derive(Clone, Debug)]
struct Job {
    image: std::path::PathBuf,
    id: String,
    version: String,
    file_name: String,
    digests: Vec<Digest>,
}

/// Copies an image to a place. Cancelled, or after an error, it leaves nothing there but what it could not remove.
///
/// # Errors
/// Why the image is not at the place.
pub async fn upload(
    to: &SourceUrl,
    access: &SmbAccess,
    policy: &Policy,
    image: &Image<'_>,
) -> Result<Uploaded, UploadError> {
    let names = [image.id, image.version, image.file_name];
    if let Some(name) = names.into_iter().find(|name| !is_safe_name(name)) {
        return Err(UploadError::Name(name.to_owned()));
    }
    let job = Job {
        image: image.path.to_owned(),
        id: image.id.to_owned(),
        version: image.version.to_owned(),
        file_name: image.file_name.to_owned(),
        digests: image.digests.to_vec(),
    };
    match to {
        SourceUrl::Directory(directory) => directory::upload(directory, job, policy.stall).await,
        SourceUrl::Share(url) => share::upload(url, access, Times::of_policy(policy), &job).await,
        SourceUrl::Peer(_) => Err(UploadError::Kind(to.to_string())),
    }
}

impl Job {
    /// A hidden name, so that nobody takes what is not whole for an image; of this copy alone, for other machines may
    /// copy the same image at this moment.
    fn temporary_name(&self) -> String {
        format!(".{}.{:016x}.part", self.file_name, RandomState::new().build_hasher().finish())
    }

    /// Whether a name was made by [`Job::temporary_name`], by whomever.
    fn is_temporary(&self, name: &str) -> bool {
        let rest = name.strip_prefix('.').and_then(|name| name.strip_prefix(&*self.file_name));
        let middle = rest.and_then(|rest| rest.strip_prefix('.')?.strip_suffix(".part"));
        middle.is_some_and(|digits| {
            digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
    }

    fn checked(&self) -> Checked {
        Checked::new(&self.digests)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_copies_are_taken_for_leftovers() {
        let job = Job {
            image: "/a".into(),
            id: "a".into(),
            version: "1".into(),
            file_name: "a.iso".into(),
            digests: Vec::new(),
        };
        let name = job.temporary_name();
        assert!(job.is_temporary(&name), "{name}");
        assert_ne!(name, job.temporary_name());
        for name in ["a.iso", ".a.iso.part", ".b.iso.0123456789abcdef.part", ".a.iso.x.part"] {
            assert!(!job.is_temporary(name), "{name}");
        }
    }
}
