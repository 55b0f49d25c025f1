//! The set of media that is served, and the life of each of them in it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, OnceLock, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use isomirror_core::{
    containment::SymlinkPolicy,
    http::EntityTag,
    medium::Source,
    view::{checksums, document_text},
};

use super::{Exports, drive::DriveQueue, file_response::ServedFile, pages::Pages};
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
    cut_at: Mutex<Option<Instant>>,
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
        Self { id, medium, symlinks, drive, image: OnceLock::new(), cut_at: Mutex::default() }
    }

    /// When its last responses end, if it has left.
    pub(super) fn cut_at(&self) -> Option<Instant> {
        *self.cut_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_cut_at(&self, cut_at: Instant) {
        *self.cut_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(cut_at);
    }

    /// Whether another medium may come where this one is read from.
    pub(super) fn is_in_drive(&self) -> bool {
        matches!(self.medium.file().source(), Source::Drive(_))
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
        Self::of_bytes(text.into_bytes())
    }

    pub(super) fn of_bytes(bytes: Vec<u8>) -> Self {
        Self { tag: EntityTag::of_bytes(&bytes), text: bytes.into() }
    }
}

/// Menus that are kept, each for a host that clients ask.
const MENUS: usize = 8;

/// The same of pages of all media, which can have some megabytes.
const INDEXES: usize = 2;

/// What views are rendered from, for whoever holds no lock, and those that have been.
pub(super) type ForRendering = (Arc<Exports>, Arc<Pages>);

/// The set that is served.
#[derive(Debug)]
pub(super) struct Published {
    exports: Arc<Exports>,
    media: HashMap<String, Arc<Served>>,
    /// Stays that have ended and whose responses may not have.
    retired: Vec<Weak<Served>>,
    index: Arc<Pages>,
    checksums: OnceLock<Page>,
    document: OnceLock<Option<Page>>,
    menus: Arc<Pages>,
}

impl Default for Published {
    fn default() -> Self {
        Self {
            exports: Arc::default(),
            media: HashMap::new(),
            retired: Vec::new(),
            index: Arc::new(Pages::new(INDEXES)),
            checksums: OnceLock::new(),
            document: OnceLock::new(),
            menus: Arc::new(Pages::new(MENUS)),
        }
    }
}

impl Published {
    /// Replaces the set. A medium that stays under its name stays what it is; one that does not is given until
    /// `cut_at`, or until the moment that the set has for it.
    pub(super) fn replace(&mut self, exports: Exports, cut_at: Instant) {
        let mut media = HashMap::with_capacity(exports.media.len());
        let mut retired = std::mem::take(&mut self.retired);
        retired.retain(|served| served.strong_count() > 0);
        for served in retired.iter().filter_map(Weak::upgrade) {
            if let Some(own) = exports.cut_at.get(&served.medium.file().key()) {
                served.set_cut_at(*own);
            }
        }
        let mut retire = |served: &Arc<Served>| {
            let own = exports.cut_at.get(&served.medium.file().key());
            served.set_cut_at(own.copied().unwrap_or(cut_at));
            retired.push(Arc::downgrade(served));
        };
        for (name, medium) in &exports.media {
            let kept = self.media.remove(name.as_str()).filter(|served| {
                let stays =
                    Arc::ptr_eq(&served.medium, medium) && served.symlinks == exports.symlinks;
                if !stays {
                    retire(served);
                }
                stays
            });
            let served = kept.unwrap_or_else(|| Arc::new(Served::new(medium, exports.symlinks)));
            media.insert(name.as_str().to_owned(), served);
        }
        self.media.values().for_each(retire);
        *self = Self { exports: Arc::new(exports), media, retired, ..Self::default() };
    }

    /// What views are rendered from, to be used when this is no longer locked.
    pub(super) fn for_rendering(&self) -> ForRendering {
        (Arc::clone(&self.exports), Arc::clone(&self.menus))
    }

    /// The medium of this name.
    pub(super) fn find(&self, name: &[u8]) -> Option<Arc<Served>> {
        self.media.get(str::from_utf8(name).ok()?).cloned()
    }

    /// The same for the page of all media.
    pub(super) fn for_index(&self) -> ForRendering {
        (Arc::clone(&self.exports), Arc::clone(&self.index))
    }

    /// What is served.
    pub(super) fn exports(&self) -> Arc<Exports> {
        Arc::clone(&self.exports)
    }

    /// Digests of the media that can be downloaded.
    pub(super) fn checksums(&self) -> Page {
        let Exports { state, media, .. } = &*self.exports;
        let render = || Page::new(checksums(state, |name| media.contains_key(name)));
        self.checksums.get_or_init(render).clone()
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
