//! Everything that the sources see, after a look at what it is.

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

/// All sightings of all sources, in no order.
pub type Inventory = Vec<Sighting>;
