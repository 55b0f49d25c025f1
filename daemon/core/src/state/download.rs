//! Downloads in the state document.

use serde::{Deserialize, Serialize};

use crate::trust::Trust;

/// One wanted entry of the catalog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DownloadState {
    /// Id in the catalog.
    pub id: String,
    /// What happens with it.
    pub state: DownloadPhase,
    /// When it came into this state, RFC 3339 in UTC with whole seconds.
    pub since: String,
    /// The version that is being fetched, or else the one that is kept; absent while none is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Name of the image file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Bytes that have arrived.
    #[serde(default)]
    pub bytes: u64,
    /// Bytes of the whole; absent while that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Bytes a second of the last seconds.
    #[serde(default)]
    pub speed: u64,
    /// Where it comes from: a host, or the path of a directory; of the public document only a host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// What vouches for the image that is kept; absent while none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust: Option<Trust>,
    /// When it is looked at again, RFC 3339 in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_check: Option<String>,
    /// Number of the last look at it that ended; looks at all entries are counted together, and later ones have higher
    /// numbers, over restarts too. 0 before the first.
    #[serde(default)]
    pub look: u64,
    /// Whether something speaks against what was offered at the last look, as a digest or a signature that is not right.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
    /// What is wrong with it and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl DownloadState {
    /// An entry of which nothing is known but that it is in this state since `since`.
    #[must_use]
    pub fn new(id: &str, state: DownloadPhase, since: &str) -> Self {
        Self {
            id: id.to_owned(),
            state,
            since: since.to_owned(),
            version: None,
            file: None,
            bytes: 0,
            size: None,
            speed: 0,
            source: None,
            trust: None,
            next_check: None,
            look: 0,
            refused: false,
            problem: None,
        }
    }

    /// It without what only the host should know: directories, and problems that name them.
    pub(super) fn public(&self) -> Self {
        let problem = self.problem.as_ref().map(|_| self.state.public_problem().to_owned());
        let source = self.source.clone().filter(|source| !source.contains('/'));
        Self { source, problem, ..self.clone() }
    }
}

impl DownloadPhase {
    /// All of them, in the order in which a download passes through them.
    pub const ALL: [Self; 6] = [
        Self::Queued,
        Self::Resolving,
        Self::Downloading,
        Self::Verifying,
        Self::Current,
        Self::Held,
    ];

    /// The word in documents, and for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Resolving => "resolving",
            Self::Downloading => "downloading",
            Self::Verifying => "verifying",
            Self::Current => "current",
            Self::Held => "held",
        }
    }

    /// What clients are told where the host is told of paths and remedies.
    const fn public_problem(self) -> &'static str {
        match self {
            Self::Held => {
                "nothing newer can be trusted or reached; `isomirror status` on the host tells why"
            }
            _ => "the host reports a problem; `isomirror status` there tells which",
        }
    }
}

/// What happens with a wanted entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DownloadPhase {
    /// Its turn has not come.
    Queued,
    /// The newest version is being found out.
    Resolving,
    /// Bytes arrive.
    Downloading,
    /// Signatures and digests are being compared.
    Verifying,
    /// The newest version is in the store.
    Current,
    /// What is kept stays, since nothing better can be trusted or reached; `problem` says why.
    Held,
}
