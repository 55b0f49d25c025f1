//! The state document: what is published, since when, and what is wrong. Derived anew each round, never edited.
//!
//! `/run/isomirror/state.json` is this document whole; `/index.json` is [`StateDocument::public`].

mod derive;
mod download;
mod lossy;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

pub use derive::{Account, Round, url_of};
pub use download::{DownloadPhase, DownloadState};
use serde::{Deserialize, Serialize};

use crate::{boot::Detection, medium::IdentityKey, name::Name, verified::Verified};

/// Version of the document's shape. It grows when a field changes its meaning or goes; new fields do not count.
pub const SCHEMA: u32 = 1;

/// Everything that views are rendered from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateDocument {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Grows with every change of the document.
    pub revision: u64,
    /// Directory below which media are mounted; absent from the public document.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "lossy::option")]
    pub webroot: Option<PathBuf>,
    /// All media, sorted by name.
    pub media: Vec<MediumState>,
    /// Downloads; empty while nothing is fetched.
    #[serde(default)]
    pub fetch: Vec<DownloadState>,
    /// What is wrong with the host or a source and no single medium's fault; absent from the public document.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

/// One medium.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediumState {
    /// Key of its identity: another medium under the same name has another.
    pub id: IdentityKey,
    /// Directory below the web root.
    pub name: Name,
    /// Label as on the medium: any text at all.
    pub label: Option<String>,
    /// UUID as on the medium.
    pub uuid: Option<String>,
    /// `iso9660`, `udf`, or absent where nothing could be recognised.
    pub format: Option<String>,
    /// Bytes of the medium.
    pub size: u64,
    /// Where it is.
    pub source: SourceState,
    /// Other paths that lead to the very same medium; of the public document their base names.
    #[serde(default, skip_serializing_if = "Vec::is_empty", serialize_with = "lossy::list")]
    pub also_at: Vec<PathBuf>,
    /// `kernel`, `erofs`, `fuse`, `autofs` or `none`; absent until one was chosen.
    pub backend: Option<String>,
    /// Why this backend, where it was not plainly asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend_reason: Option<String>,
    /// What happens with it.
    pub state: Phase,
    /// When it came into this state, RFC 3339 in UTC with whole seconds.
    pub since: String,
    /// Where it is mounted; absent where it is not, and from the public document.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "lossy::option")]
    pub mountpoint: Option<PathBuf>,
    /// Path of its tree on the server, percent-encoded, with a slash at its end.
    pub url: String,
    /// What is known of its verification; absent where it was not verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<Verified>,
    /// What is on it and how it boots: the fields of [`Detection`].
    #[serde(flatten)]
    pub detection: Detection,
    /// What is wrong with it and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Where a medium is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceState {
    /// Drive or file.
    pub kind: SourceKind,
    /// Path of the file or device node; of the public document the file's base name, and of a drive its.
    #[serde(serialize_with = "lossy::path")]
    pub path: PathBuf,
    /// The kernel's DISKSEQ of a disc.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diskseq: Option<u64>,
}

/// Kind of a [`SourceState`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// A disc in a drive.
    Drive,
    /// An image file.
    File,
}

/// What happens with a medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Not complete yet, or its turn has not come.
    Waiting,
    /// Being mounted.
    Mounting,
    /// Published.
    Serving,
    /// No longer published; readers are given time to finish.
    Draining,
    /// Cannot be published because something else is in the way.
    Blocked,
    /// Cannot be read.
    Broken,
}

impl StateDocument {
    /// Media that are published, and nothing is wrong with them.
    #[must_use]
    pub fn served(&self) -> BTreeSet<IdentityKey> {
        self.media.iter().filter(|medium| medium.is_served()).map(|medium| medium.id).collect()
    }

    /// The document without what only the host should know: paths, devices, mount points, host problems.
    #[must_use]
    pub fn public(&self) -> Self {
        let media = self.media.iter().map(MediumState::public).collect();
        let fetch = self.fetch.iter().map(DownloadState::public).collect();
        let Self { schema, revision, .. } = *self;
        Self { schema, revision, webroot: None, media, fetch, problems: Vec::new() }
    }
}

impl Phase {
    /// All of them, from the best to the worst.
    pub const ALL: [Self; 6] =
        [Self::Serving, Self::Mounting, Self::Waiting, Self::Draining, Self::Blocked, Self::Broken];

    /// The word in documents, and for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Mounting => "mounting",
            Self::Serving => "serving",
            Self::Draining => "draining",
            Self::Blocked => "blocked",
            Self::Broken => "broken",
        }
    }

    /// What clients are told where the host is told of paths and remedies.
    fn public_problem(self) -> &'static str {
        match self {
            Self::Waiting => "not complete yet; it appears by itself when it is",
            Self::Blocked => {
                "something on the host is in the way; `isomirror status` there tells what"
            }
            Self::Broken => "cannot be read; `isomirror status` on the host tells why",
            Self::Mounting | Self::Serving | Self::Draining => {
                "the host reports a problem; `isomirror status` there tells which"
            }
        }
    }
}

fn base_name(path: &Path) -> PathBuf {
    path.file_name().map(PathBuf::from).unwrap_or_default()
}

impl MediumState {
    /// Whether it is published, and nothing is wrong with it.
    #[must_use]
    pub fn is_served(&self) -> bool {
        self.state == Phase::Serving && self.problem.is_none()
    }

    fn public(&self) -> Self {
        let mut medium = self.clone();
        medium.mountpoint = None;
        medium.backend_reason = None;
        medium.problem = self.problem.as_ref().map(|_| self.state.public_problem().to_owned());
        medium.source.path = base_name(&self.source.path);
        medium.also_at = self.also_at.iter().map(|path| base_name(path)).collect();
        medium
    }
}
