//! A medium: one disc in a drive, or one image file, with what identifies it.

use std::{fmt, path::PathBuf, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    boot::Detection,
    verified::{Release, Verified},
};

/// What makes a medium this one and no other. The label is not part of it: another medium under the same label, or
/// in the same drive, is another medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identity {
    /// An image file. A file that is rewritten in place or replaced becomes another medium.
    File {
        /// Device number of the file system that holds the file.
        device: u64,
        /// Inode number.
        inode: u64,
        /// Length in bytes.
        size: u64,
        /// Last change of the content, nanoseconds since 1970.
        modified: i128,
    },
    /// A medium in a drive.
    Disc {
        /// Device number of the drive.
        device: u64,
        /// The kernel's DISKSEQ, which grows with every medium that is put into any drive.
        sequence: u64,
        /// Length in bytes: all that is left to tell two media apart where the kernel knows no DISKSEQ (then 0).
        size: u64,
    },
}

impl Identity {
    /// Device number of the file system that holds the file, or of the drive.
    #[must_use]
    pub fn device(&self) -> u64 {
        let (Self::File { device, .. } | Self::Disc { device, .. }) = self;
        *device
    }

    /// A short, stable name of this identity for files, mount sources and `~` suffixes.
    #[must_use]
    pub fn key(&self) -> IdentityKey {
        let text = match self {
            Self::File { device, inode, size, modified } => {
                format!("file {device} {inode} {size} {modified}")
            }
            Self::Disc { device, sequence, size } => format!("disc {device} {sequence} {size}"),
        };
        IdentityKey::of_bytes(text.as_bytes())
    }
}

/// The first 128 bits of the SHA-256 of an [`Identity`], written as 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct IdentityKey([u8; 16]);

/// What marks of media begin with.
const MARK: &str = "isomirror:";

impl IdentityKey {
    /// What loop devices and mounts that show this medium are marked with.
    #[must_use]
    pub fn mark(self) -> String {
        format!("{MARK}{self}")
    }

    /// The medium that a mark names.
    #[must_use]
    pub fn of_mark(mark: &str) -> Option<Self> {
        mark.strip_prefix(MARK)?.parse().ok()
    }

    /// A key for something that was seen but has no identity yet, because it could not be opened.
    #[must_use]
    pub fn of_place(source: &Source) -> Self {
        Self::of_bytes(&[b"place ", source.path().as_os_str().as_encoded_bytes()].concat())
    }

    fn of_bytes(bytes: &[u8]) -> Self {
        let digest = Sha256::digest(bytes);
        let mut key = [0; 16];
        key.copy_from_slice(&digest[..16]);
        Self(key)
    }
}

impl fmt::Display for IdentityKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for IdentityKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

impl From<IdentityKey> for String {
    fn from(key: IdentityKey) -> Self {
        key.to_string()
    }
}

/// A text that is not 32 lower-case hexadecimal digits.
#[derive(Debug, thiserror::Error)]
#[error("an identity key is 32 hexadecimal digits")]
pub struct InvalidIdentityKey;

impl FromStr for IdentityKey {
    type Err = InvalidIdentityKey;

    fn from_str(text: &str) -> Result<Self, InvalidIdentityKey> {
        if text.len() != 32 || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(InvalidIdentityKey);
        }
        let mut key = [0; 16];
        for (index, byte) in key.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16)
                .map_err(|_| InvalidIdentityKey)?;
        }
        Ok(Self(key))
    }
}

impl TryFrom<String> for IdentityKey {
    type Error = InvalidIdentityKey;

    fn try_from(text: String) -> Result<Self, InvalidIdentityKey> {
        text.parse()
    }
}

/// Where a medium is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// An image file at this path.
    File(PathBuf),
    /// A drive with this device node (`/dev/sr0`).
    Drive(PathBuf),
}

impl Source {
    /// Path of the file or of the device node.
    #[must_use]
    pub fn path(&self) -> &std::path::Path {
        match self {
            Self::File(path) | Self::Drive(path) => path,
        }
    }
}

/// A medium whose descriptors could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Medium {
    /// What makes it this medium.
    pub identity: Identity,
    /// Label as libblkid gives it.
    pub label: Option<String>,
    /// UUID as libblkid gives it.
    pub uuid: Option<String>,
    /// The file system that its tree is read from and the kernel would mount.
    pub file_system: FileSystem,
    /// Bytes.
    pub size: u64,
    /// The medium that it is a copy of, and itself where there is none.
    pub original: IdentityKey,
    /// What it has in common with a copy of itself; see [`crate::copy::likeness`].
    pub likeness: Option<String>,
    /// What is wrong with it, though it can be read; empty for a sound one.
    pub problems: Vec<String>,
    /// What is known of its verification.
    pub verified: Option<Arc<Verified>>,
    /// The name that it is to have instead of its label, where who fetched it knows that others have the same one.
    pub alias: Option<String>,
    /// What it is one version of, where it was fetched.
    pub release: Option<Arc<Release>>,
    /// What is on it and how it boots; empty until that is known.
    pub detection: Arc<Detection>,
}

/// File system of a medium, by the name that mount(2) knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileSystem {
    /// ISO 9660 with whatever extensions.
    Iso9660,
    /// UDF, or a bridge that is read as UDF.
    Udf,
}

impl FileSystem {
    /// Name of the file system type.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Iso9660 => "iso9660",
            Self::Udf => "udf",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_being_written_and_read() {
        let key = Identity::Disc { device: 11 << 8, sequence: 17, size: 4096 }.key();
        assert_eq!(key.to_string().parse::<IdentityKey>().unwrap(), key);
        assert!("zz".parse::<IdentityKey>().is_err());
    }

    #[test]
    fn any_part_of_an_identity_changes_its_key() {
        let file = |size, modified| Identity::File { device: 1, inode: 2, size, modified }.key();
        assert_ne!(file(3, 4), file(3, 5));
        assert_ne!(file(3, 4), file(4, 4));
        assert_ne!(
            Identity::Disc { device: 1, sequence: 2, size: 3 }.key(),
            Identity::Disc { device: 1, sequence: 3, size: 3 }.key()
        );
    }
}
