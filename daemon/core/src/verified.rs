//! What is remembered of an image that was verified: the record that stands beside the store, by which the mounting and
//! the serving role know what the fetching role, or `isomirror verify`, has found.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::{digest::Digest, trust::Trust, version_order};

/// Version of [`VerifiedRecord`]'s shape.
pub const SCHEMA: u32 = 1;

/// Directory of the store in which records lie, `INODE.json` each.
pub const DIRECTORY: &str = ".verified";

/// What was found about an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// What vouches for it.
    pub trust: Trust,
    /// Its digests, as they were computed from its bytes.
    pub digests: Vec<Digest>,
    /// Who signed: fingerprint of an `OpenPGP` key, or id of a `minisign` or `signify` key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// When, RFC 3339 in UTC with whole seconds.
    pub verified_at: String,
}

/// What an image is one version of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Id in the catalog.
    pub entry: String,
    /// Version, to be compared by [`crate::version_order`].
    pub version: String,
}

impl Release {
    /// Whether it is a later version of what `other` is one of.
    #[must_use]
    pub fn succeeds(&self, other: &Self) -> bool {
        self.entry == other.entry
            && version_order::compare(&self.version, &other.version) == Ordering::Greater
    }
}

/// What is known of an image from who fetched or verified it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// What vouches for it.
    pub verified: Option<Verified>,
    /// Name under which it is to be published instead of its label.
    pub alias: Option<String>,
    /// What it is one version of, where it was fetched.
    pub release: Option<Release>,
}

/// By what a file is known to be the one that was verified, unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStamp {
    /// Number of the inode.
    pub inode: u64,
    /// Bytes.
    pub size: u64,
    /// Last change of the content, nanoseconds since 1970.
    pub modified: i128,
    /// Last change of content or inode, nanoseconds since 1970; nobody can set it back.
    pub changed: i128,
}

/// One file `<store>/.verified/<inode>.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifiedRecord {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The image. If it has another stamp now, the record says nothing about it.
    pub file: FileStamp,
    /// What was found.
    #[serde(flatten)]
    pub verified: Verified,
    /// Id in the catalog, of what was fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Version, of what was fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Name under which it is to be published instead of its label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
}
