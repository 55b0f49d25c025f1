//! What is known of one medium, and what others are told of it.

use std::{sync::Arc, time::Duration};

use isomirror_core::{
    image::{OpenError, TreeFormat},
    inventory::{Finding, silence},
    medium::{FileSystem, IdentityKey, Medium, Source},
};
use tokio::time::Instant;

use super::recognition::Recognition;
use crate::{logging::Chain, open_medium::OpenMedium};

/// Time after which a medium counts as one that does not answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Longest pause between looks at a medium that cannot be read.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// What is known of a medium.
#[derive(Debug)]
pub(super) enum Look {
    /// It is being opened.
    UnderWay { since: Instant },
    /// It is being compared with others that look the same.
    Compared { medium: Arc<OpenMedium>, since: Instant },
    /// It can be published.
    Open {
        medium: Arc<OpenMedium>,
        /// The one that it is a copy of, or itself.
        original: IdentityKey,
        recognition: Recognition,
    },
    /// It cannot be read.
    Failed { problem: String, failures: u32, retry: Option<Instant> },
}

impl Look {
    /// What is told of a medium that nobody has looked at.
    pub(super) fn not_begun() -> Finding {
        Finding::Waiting("it is being read".to_owned())
    }

    /// What is told of the medium, which is at `source`.
    pub(super) fn finding(&self, source: &Source) -> Finding {
        match self {
            Self::Open { medium, original, recognition } => {
                Finding::Readable(described(medium, *original, recognition))
            }
            Self::Failed { problem, .. } => {
                Finding::Unreadable(format!("`{}`: {problem}", source.path().display()))
            }
            Self::UnderWay { since } | Self::Compared { since, .. }
                if since.elapsed() >= PATIENCE =>
            {
                Finding::Unreadable(silence(source, PATIENCE))
            }
            Self::UnderWay { .. } => Self::not_begun(),
            Self::Compared { .. } => {
                Finding::Waiting("it is compared with another one that looks the same".to_owned())
            }
        }
    }

    /// When something will have to be done about it, or told of it.
    pub(super) fn due(&self) -> Option<Instant> {
        match self {
            Self::Failed { retry, .. } => *retry,
            Self::UnderWay { since } | Self::Compared { since, .. } => {
                Some(*since + PATIENCE).filter(|end| *end > Instant::now())
            }
            Self::Open { .. } => None,
        }
    }
}

/// What the rest of the program needs to know of an open medium.
fn described(medium: &OpenMedium, original: IdentityKey, recognition: &Recognition) -> Medium {
    let volume = medium.image().volume();
    Medium {
        identity: medium.file().identity(),
        label: volume.label.clone(),
        uuid: volume.uuid.clone(),
        file_system: match volume.tree {
            TreeFormat::Udf => FileSystem::Udf,
            _ => FileSystem::Iso9660,
        },
        size: volume.real_size,
        original,
        likeness: medium.likeness().map(str::to_owned),
        problems: volume.problems.clone(),
        verified: medium.verified(),
        alias: medium.alias().map(str::to_owned),
        release: medium.release(),
        detection: Arc::clone(&recognition.detection),
    }
}

/// A look that failed for the `failures`th time.
pub(super) fn failed(error: &OpenError, failures: u32) -> Look {
    let (remedy, is_retried) = match error {
        OpenError::Read { .. } => ("check the file system or the drive that it is on", true),
        OpenError::NotAnImage => ("remove it, or put an installation image there", false),
        OpenError::Damaged { .. } => ("get the image again", false),
        OpenError::Unsupported(_) => ("use an image of another format", false),
    };
    let pause = Duration::from_secs(1 << failures.min(6)).min(LONGEST_PAUSE);
    Look::Failed {
        problem: format!("{}: {remedy}", Chain(error)),
        failures,
        retry: is_retried.then(|| Instant::now() + pause),
    }
}
