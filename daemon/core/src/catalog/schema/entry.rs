//! One thing that can be fetched.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    ChecksumRule, EntryId, Examples, Find, NamePattern, SignatureRule, Template, VersionRule,
    verification::Signed,
};
use crate::{
    catalog::KeyId,
    config::{ByteSize, Period},
    digest::Digest,
    trust::Trust,
};

/// Bytes that an image has at most, where its entry says nothing.
const USUAL_MAXIMUM: u64 = 20 << 30;

/// The rule by which the newest image of one edition of a system is found and known.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its key in the file.
    #[serde(skip, default = "no_id")]
    pub id: EntryId,
    /// What people call it.
    pub title: String,
    /// The system, like `debian`.
    pub distribution: String,
    /// The edition, like `netinst`.
    pub edition: String,
    /// The architecture, as in detections: `x86_64`, `aarch64`.
    pub arch: String,
    /// Whether releases are still made.
    #[serde(default)]
    pub support: Support,
    /// How the newest version is found.
    pub find: Find,
    /// Where the images lie; any of these has all of it.
    #[serde(default)]
    pub directories: Vec<Template>,
    /// Where they lie when they are gone from there.
    #[serde(default)]
    pub archives: Vec<Template>,
    /// Where images, but nothing else, are taken from too.
    #[serde(default)]
    pub mirrors: Vec<Template>,
    /// Name of a Metalink beside the image, which tells more mirrors and the digests of its pieces.
    #[serde(default)]
    pub metalink: Option<Template>,
    /// What an image's whole name is like. Groups are values for templates; `version` is the version.
    pub name: NamePattern,
    /// The version made of other groups, or the only one.
    #[serde(default)]
    pub version: Option<Template>,
    /// The name of the image, where only its version is found.
    #[serde(default)]
    pub file: Option<Template>,
    /// Which versions are taken.
    #[serde(default)]
    pub versions: VersionRule,
    /// Where the digest stands.
    #[serde(default)]
    pub checksum: Option<ChecksumRule>,
    /// Who signs what; all of it is required.
    #[serde(default)]
    pub signatures: Vec<SignatureRule>,
    /// Digests that the operator wrote down, by version, like `sha256:…`; they outweigh all else.
    #[serde(default)]
    pub pinned: BTreeMap<String, Digest>,
    /// What vouches for an image, at least.
    pub trust: Trust,
    /// What the volume label is like.
    #[serde(default)]
    pub label: Option<NamePattern>,
    /// Name under which it is published instead of its label, where other editions have the same label.
    #[serde(default)]
    pub alias: Option<Template>,
    /// What the file is.
    #[serde(default)]
    pub image: ImageKind,
    /// Bytes that the file has at most.
    #[serde(default = "usual_maximum")]
    pub max_size: ByteSize,
    /// Time between two looks, instead of the configured one; at least a day where no release is made any more.
    #[serde(default)]
    pub poll: Option<Period>,
    /// What the operator should know.
    #[serde(default)]
    pub notes: Option<String>,
    /// Names on which it is tried.
    #[serde(default)]
    pub examples: Examples,
}

/// Whether releases are still made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Support {
    /// They are.
    #[default]
    Supported,
    /// None is to be expected.
    Eol,
}

/// What a file that is fetched is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ImageKind {
    /// An image of a disc with ISO 9660 or UDF.
    #[default]
    Iso,
    /// One compressed by bzip2.
    Bz2,
    /// One compressed by xz.
    Xz,
    /// One in a ZIP archive.
    Zip,
    /// Something else, which is not looked into.
    Other,
}

impl Entry {
    /// Time between two looks for a newer version, where it is `general` for entries that say nothing.
    #[must_use]
    pub fn interval(&self, general: Period) -> Period {
        match (self.poll, self.support) {
            (Some(poll), _) => poll,
            (None, Support::Supported) => general,
            (None, Support::Eol) => general.max(Period::from_milliseconds(24 * 3_600_000)),
        }
    }

    /// All keys that it trusts.
    pub fn keys(&self) -> impl Iterator<Item = &KeyId> {
        self.signatures.iter().flat_map(|signature| &signature.keys)
    }

    /// The signature on `what`, if there is one.
    #[must_use]
    pub fn signature_on(&self, what: Signed) -> Option<&SignatureRule> {
        self.signatures.iter().find(|signature| signature.on == what)
    }
}

fn no_id() -> EntryId {
    EntryId::try_from("unnamed".to_owned()).unwrap_or_else(|_| unreachable!("it is an id"))
}

fn usual_maximum() -> ByteSize {
    ByteSize::from_bytes(USUAL_MAXIMUM)
}
