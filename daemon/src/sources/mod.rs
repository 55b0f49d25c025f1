//! Where media come from. Every source tells the whole set of media that it sees now; an event only makes it look
//! again. A source opens what it found but never reads more of it than it needs to tell whether it is complete.

use std::sync::Arc;

use isomirror_core::medium::{IdentityKey, Source};
use tokio::sync::watch;

use crate::sys::medium_file::MediumFile;

mod directory;
mod directory_scan;
mod directory_walk;
mod directory_watch;
mod drive;
mod drive_list;
mod drive_look;
mod drive_monitor;
mod drive_slots;
mod image_candidate;
mod unreadable_image;

pub use directory::DirectorySource;
pub use drive::DriveSource;
pub use drive_list::DriveFilter;

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
    /// A disc that is still in its drive, but is let go of: nothing of it is held here.
    Withheld(IdentityKey),
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

impl SourceSet {
    /// Whether the other set tells the same: the very same files, and the same words.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.problems == other.problems
            && self.candidates.len() == other.candidates.len()
            && self
                .candidates
                .iter()
                .zip(&other.candidates)
                .all(|(one, two)| one.source == two.source && one.readiness.is_same(&two.readiness))
    }

    /// Makes it what `output` holds, and wakes its receivers only if it tells something new.
    fn publish(self, output: &watch::Sender<Option<Arc<Self>>>) {
        output.send_if_modified(|current| {
            let is_news = current.as_ref().is_none_or(|current| !current.is_same(&self));
            if is_news {
                *current = Some(Arc::new(self));
            }
            is_news
        });
    }
}

impl Readiness {
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Ready(one), Self::Ready(two)) => Arc::ptr_eq(one, two),
            (Self::Waiting(one), Self::Waiting(two))
            | (Self::Unreadable(one), Self::Unreadable(two)) => one == two,
            (Self::Withheld(one), Self::Withheld(two)) => one == two,
            _ => false,
        }
    }
}
