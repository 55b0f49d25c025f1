//! What vouches for the images of an entry.

use serde::Deserialize;

use super::Template;
use crate::{catalog::KeyId, digest::Algorithm};

/// Which versions are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum VersionRule {
    /// Releases only.
    #[default]
    Releases,
    /// Betas and the like too, of publishers that have nothing else.
    PreReleases,
}

/// The list that has an image's digest.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ChecksumRule {
    /// Its name in the image's directory, or its whole URL.
    pub file: Template,
    /// The digest that counts; others of the list are compared too.
    #[serde(deserialize_with = "algorithm")]
    #[cfg_attr(feature = "schema", schemars(with = "super::json_schema::AlgorithmName"))]
    pub algorithm: Algorithm,
    /// Whether the list names the image as its URL does. Else the only name that fits the entry's pattern counts.
    #[serde(default = "yes")]
    pub lists_exact_name: bool,
}

/// A signature.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SignatureRule {
    /// What is signed.
    pub on: Signed,
    /// Where the signature stands.
    #[serde(default)]
    pub kind: SignatureKind,
    /// Its name in the image's directory, or its whole URL; absent where it stands in the list itself.
    #[serde(default)]
    pub file: Option<Template>,
    /// How it is made.
    #[serde(default)]
    pub scheme: Scheme,
    /// Who may sign; one of them is enough.
    pub keys: Vec<KeyId>,
}

/// What a signature is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Signed {
    /// The list of digests.
    List,
    /// The image.
    Image,
}

/// Where a signature stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SignatureKind {
    /// In a file of its own.
    #[default]
    Detached,
    /// Around the list, which is in the same file.
    Clearsigned,
    /// Before the list, which is in the same file, as `signify` does.
    Embedded,
}

/// How signatures are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// RFC 9580 and its predecessors.
    #[default]
    Openpgp,
    /// Minisign.
    Minisign,
    /// OpenBSD's signify.
    Signify,
}

fn yes() -> bool {
    true
}

/// An algorithm by its name.
struct Named(Algorithm);

impl TryFrom<String> for Named {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map(Self).map_err(|error: crate::digest::UnknownAlgorithm| error.to_string())
    }
}

fn algorithm<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Algorithm, D::Error> {
    crate::config::text::deserialize(deserializer).map(|Named(algorithm)| algorithm)
}
