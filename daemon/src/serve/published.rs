//! The set of media that is served, and the life of each of them in it.

use std::{
    collections::HashMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use isomirror_core::{
    containment::SymlinkPolicy,
    http::EntityTag,
    medium::Source,
    view::{document_text, index_page},
};

use super::{Exports, drive::DriveQueue, file_response::ServedFile};
use crate::open_medium::OpenMedium;

/// One stay of one medium in the published set. Whoever sends its bytes holds it.
#[derive(Debug)]
pub(super) struct Served {
    /// Differs for every stay, so that what was remembered of one never counts for another.
    pub(super) id: u64,
    pub(super) medium: Arc<OpenMedium>,
    pub(super) symlinks: SymlinkPolicy,
    /// Where it is read, if it is in a drive.
    pub(super) drive: Option<DriveQueue>,
    /// The whole medium as a file.
    pub(super) image: OnceLock<Arc<ServedFile>>,
    cut_at: OnceLock<Instant>,
}

impl Served {
    fn new(medium: &Arc<OpenMedium>, symlinks: SymlinkPolicy) -> Self {
        static STAYS: AtomicU64 = AtomicU64::new(0);
        let id = STAYS.fetch_add(1, Ordering::Relaxed);
        let drive = match medium.file().source() {
            Source::Drive(_) => DriveQueue::start(id),
            Source::File(_) => None,
        };
        let medium = Arc::clone(medium);
        Self { id, medium, symlinks, drive, image: OnceLock::new(), cut_at: OnceLock::new() }
    }

    /// When its last responses end, if it has left.
    pub(super) fn cut_at(&self) -> Option<Instant> {
        self.cut_at.get().copied()
    }
}

/// A page that stays the same until the next set.
#[derive(Clone, Debug)]
pub(super) struct Page {
    pub(super) text: Arc<[u8]>,
    pub(super) tag: EntityTag,
}

impl Page {
    pub(super) fn new(text: String) -> Self {
        Self { tag: EntityTag::of_text(&text), text: text.into_bytes().into() }
    }
}

/// The set that is served.
#[derive(Debug, Default)]
pub(super) struct Published {
    exports: Exports,
    media: HashMap<String, Arc<Served>>,
    index: OnceLock<Page>,
    document: OnceLock<Option<Page>>,
}

impl Published {
    /// Replaces the set. A medium that stays under its name stays what it is; one that does not is given until
    /// `cut_at`.
    pub(super) fn replace(&mut self, exports: Exports, cut_at: Instant) {
        let mut media = HashMap::with_capacity(exports.media.len());
        for (name, medium) in &exports.media {
            let kept = self.media.remove(name.as_str()).filter(|served| {
                let stays =
                    Arc::ptr_eq(&served.medium, medium) && served.symlinks == exports.symlinks;
                if !stays {
                    retire(served, cut_at);
                }
                stays
            });
            let served = kept.unwrap_or_else(|| Arc::new(Served::new(medium, exports.symlinks)));
            media.insert(name.as_str().to_owned(), served);
        }
        self.media.values().for_each(|served| retire(served, cut_at));
        *self = Self { exports, media, ..Self::default() };
    }

    /// The medium of this name.
    pub(super) fn find(&self, name: &[u8]) -> Option<Arc<Served>> {
        self.media.get(str::from_utf8(name).ok()?).cloned()
    }

    /// The page of all media.
    pub(super) fn index(&self) -> Page {
        let render = || {
            let media = &self.exports.media;
            Page::new(index_page(&self.exports.state, |name| media.contains_key(name)))
        };
        self.index.get_or_init(render).clone()
    }

    /// The document of all media.
    pub(super) fn document(&self) -> Option<Page> {
        self.document.get_or_init(|| document_text(&self.exports.state).map(Page::new)).clone()
    }

    /// The document of one medium, whether it can be asked for or not.
    pub(super) fn medium_document(&self, name: &[u8]) -> Option<Page> {
        let name = str::from_utf8(name).ok()?;
        isomirror_core::view::medium_text(&self.exports.state, name).map(Page::new)
    }
}

fn retire(served: &Served, cut_at: Instant) {
    // Set once: a stay ends once.
    let _ = served.cut_at.set(cut_at);
}
