//! Everything that the sources see, after a look at what it is.

use std::time::Duration;

use crate::medium::{IdentityKey, Medium, Source};

/// Something that is, or may become, a medium.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Where it is.
    pub source: Source,
    /// Who it is; of something that could not be opened, a key that its path gives.
    pub key: IdentityKey,
    /// What a look at it gave.
    pub finding: Finding,
}

/// What a look at a sighting gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A medium that can be published.
    Readable(Medium),
    /// Not a medium, or one that cannot be read. The text names the object and what to do.
    Unreadable(String),
    /// Not complete yet, and why.
    Waiting(String),
}

/// What is said of a medium at `source` that has not answered for so long.
#[must_use]
pub fn silence(source: &Source, patience: Duration) -> String {
    let remedy = match source {
        Source::Drive(_) => "eject the medium, or unplug the drive",
        Source::File(_) => "check the file system that it is on",
    };
    format!("`{}` has not answered for {} s: {remedy}", source.path().display(), patience.as_secs())
}

/// All sightings of all sources, in no order.
pub type Inventory = Vec<Sighting>;
