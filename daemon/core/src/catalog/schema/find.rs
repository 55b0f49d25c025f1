//! How the newest version is found.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{NamePattern, Template};
use crate::catalog::Url;

/// How the newest version is found. Which keys are needed depends on the method; `check` knows.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Find {
    /// The way.
    pub method: Method,
    /// The document to read, for all methods that do not read the directory itself.
    #[serde(default)]
    pub at: Option<Url>,
    /// A listing of directories, the newest of which is `{series}` in `directories`.
    #[serde(default)]
    pub series_at: Option<Url>,
    /// What the names of those directories are like; their group `version`, or else the whole name, tells the order.
    #[serde(default)]
    pub series: Option<NamePattern>,
    /// Path to the values of a JSON or YAML document, like `data[].builds[]`.
    #[serde(default)]
    pub items: Option<String>,
    /// Where in each value what stands.
    #[serde(default)]
    pub fields: Fields,
    /// Fields that must have these values.
    #[serde(default, rename = "where")]
    pub conditions: BTreeMap<String, String>,
    /// What a line of a pointer, a tag of a release, or a piece of a page is like, with a group `version` or `file`.
    #[serde(default)]
    pub pattern: Option<NamePattern>,
    /// Owner and name on GitHub.
    #[serde(default)]
    pub repository: Option<String>,
    /// What is to be done by hand.
    #[serde(default)]
    pub instructions: Option<Template>,
}

/// Paths within a value of a JSON or YAML document.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Fields {
    /// Name of the image.
    pub name: Option<String>,
    /// Its URL.
    pub url: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Its size in bytes.
    pub size: Option<String>,
    /// Its digest.
    pub sha256: Option<String>,
    /// Its digest.
    pub sha512: Option<String>,
}

/// The ways to find the newest version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The list of digests names all images.
    ChecksumFile,
    /// A web server's listing of the directory.
    DirIndex,
    /// A JSON document.
    Json,
    /// A YAML document.
    Yaml,
    /// A text that names the newest version or file.
    TextPointer,
    /// Releases on GitHub.
    GithubRelease,
    /// An address that leads to the newest file.
    Redirect,
    /// A feed of files.
    Rss,
    /// Links, or pieces of text, of a page.
    Html,
    /// The name never changes.
    FixedName,
    /// The operator brings the file.
    Manual,
}

impl Method {
    /// Whether it reads a document at `at`.
    #[must_use]
    pub const fn has_document(self) -> bool {
        matches!(
            self,
            Self::Json | Self::Yaml | Self::TextPointer | Self::Redirect | Self::Rss | Self::Html
        )
    }

    /// The word in the catalog.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ChecksumFile => "checksum_file",
            Self::DirIndex => "dir_index",
            Self::Json => "json",
            Self::Yaml => "yaml",
            Self::TextPointer => "text_pointer",
            Self::GithubRelease => "github_release",
            Self::Redirect => "redirect",
            Self::Rss => "rss",
            Self::Html => "html",
            Self::FixedName => "fixed_name",
            Self::Manual => "manual",
        }
    }
}

impl super::Entry {
    /// Where GitHub tells the releases of `repository`, unless `at` names another place.
    #[must_use]
    pub fn repository_url(&self) -> Option<Url> {
        let repository = self.find.repository.as_ref()?;
        let (owner, name) = repository.split_once('/')?;
        crate::catalog::RemoteName::new(owner)?;
        crate::catalog::RemoteName::new(name)?;
        Url::try_from(format!("https://api.github.com/repos/{repository}/releases?per_page=30"))
            .ok()
    }
}
