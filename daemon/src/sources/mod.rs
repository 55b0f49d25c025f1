//! Where media come from. Every source tells the whole set of media that it sees now; an event only makes it look
//! again. A source opens what it found but never reads more of it than it needs to tell whether it is complete.

use std::sync::Arc;

use isomirror_core::medium::Source;

use crate::sys::medium_file::MediumFile;

/// Something that is, or may become, a medium.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Where it is.
    pub source: Source,
    /// Whether it can be published.
    pub readiness: Readiness,
}

/// Whether a candidate can be published.
#[derive(Clone, Debug)]
pub enum Readiness {
    /// Complete, and nobody is writing to it. The same medium is the same `Arc` from set to set.
    Ready(Arc<MediumFile>),
    /// Not yet; the reason is a lower-case phrase for people, like `another process is writing to it`.
    Waiting(String),
    /// Cannot be opened; the text names the object and what to do.
    Unreadable(String),
}

/// All that one source sees, and what is wrong with the source itself.
#[derive(Clone, Debug, Default)]
pub struct SourceSet {
    /// Candidates in a stable order.
    pub candidates: Vec<Candidate>,
    /// Problems of the source, each naming the object and what to do; empty for a sound one.
    pub problems: Vec<String>,
}
