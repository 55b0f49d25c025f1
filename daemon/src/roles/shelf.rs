//! What the role of serving was told and handed: the latest set, the media of it that are open here, and those that have
//! left it while somebody still reads them.

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    os::fd::OwnedFd,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use isomirror_core::{
    image::OpenError,
    medium::{IdentityKey, Source},
    role_link::{HandedMedium, MediaSet},
    state::SourceKind,
};
use tokio::sync::Notify;

use super::Followed;
use crate::{open_medium::OpenMedium, serve::Exports, sys::medium_file::MediumFile, tally::Tally};

/// Why a medium that was handed over is not served.
#[derive(Debug, thiserror::Error)]
pub(super) enum HandedError {
    /// The message came without one.
    #[error("a medium was handed over without its descriptor")]
    NoDescriptor,
    /// The descriptor does not tell what it is.
    #[error("cannot tell what the descriptor of `{0}` is")]
    Inspect(String, #[source] io::Error),
    /// It was changed on the way.
    #[error("`{0}` is not the medium any more that was handed over")]
    Changed(String),
    /// It has no tree.
    #[error("cannot read `{0}`")]
    Open(String, #[source] OpenError),
}

/// Opens what was handed over. Blocks for as long as the medium takes to answer.
pub(super) fn open(
    handed: &HandedMedium,
    descriptor: Option<OwnedFd>,
    closed: Arc<Notify>,
) -> Result<OpenMedium, HandedError> {
    let path = &handed.source.path;
    let name = || path.display().to_string();
    let source = match handed.source.kind {
        SourceKind::File => Source::File(path.clone()),
        SourceKind::Drive => Source::Drive(path.clone()),
    };
    let file = File::from(descriptor.ok_or(HandedError::NoDescriptor)?);
    let mut file = MediumFile::from_descriptor(file, source, handed.is_leased)
        .map_err(|error| HandedError::Inspect(name(), error))?;
    if file.key() != handed.key {
        return Err(HandedError::Changed(name()));
    }
    file.notify_on_release(closed);
    OpenMedium::open(Arc::new(file)).map_err(|error| HandedError::Open(name(), error))
}

/// A medium that has left the set.
#[derive(Debug)]
struct Leaving {
    key: IdentityKey,
    medium: Weak<OpenMedium>,
    file: Weak<MediumFile>,
}

/// What there is.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    set: MediaSet,
    cut_at: BTreeMap<IdentityKey, Instant>,
    open: BTreeMap<IdentityKey, Arc<OpenMedium>>,
    leaving: Vec<Leaving>,
}

impl Shelf {
    /// Keys of the media that are open.
    pub(super) fn holds(&self) -> Vec<IdentityKey> {
        self.open.keys().copied().collect()
    }

    /// Number of the set that was told, if all of it is here.
    pub(super) fn complete(&self) -> Option<u64> {
        let MediaSet { number, media, .. } = &self.set;
        let is_complete = *number > 0 && media.values().all(|key| self.open.contains_key(key));
        is_complete.then_some(*number)
    }

    /// Takes over a set. What is not in it is let go of; what comes back while somebody still reads it is here at once.
    pub(super) fn replace(&mut self, set: MediaSet) {
        let now = Instant::now();
        let moment = |(key, left): (&IdentityKey, &u64)| (*key, now + Duration::from_millis(*left));
        self.cut_at = set.cut_at_ms.iter().map(moment).collect();
        self.set = set;
        self.let_go(|_, _| true);
        let wanted: Vec<_> = self.set.media.values().copied().collect();
        self.leaving.retain(|leaving| {
            let back = leaving.medium.upgrade().filter(|_| wanted.contains(&leaving.key));
            back.is_none_or(|medium| {
                self.open.insert(leaving.key, medium);
                false
            })
        });
    }

    /// Takes in a medium, if it is still in the set.
    pub(super) fn put(&mut self, medium: OpenMedium) {
        let key = medium.file().key();
        self.open.insert(key, Arc::new(medium));
        self.let_go(|_, _| true);
    }

    /// Lets go of what is not what it was, where nobody is there who would tell. Says whether there is such.
    pub(super) fn let_go_of_changed(&mut self) -> bool {
        let before = self.open.len();
        self.let_go(|_, medium| medium.file().is_still_there());
        self.open.len() < before
    }

    /// Keeps what is in the set and is right.
    fn let_go(&mut self, is_right: impl Fn(IdentityKey, &OpenMedium) -> bool) {
        let Self { set, open, leaving, .. } = self;
        let wanted: std::collections::BTreeSet<_> = set.media.values().collect();
        open.retain(|key, medium| {
            let stays = wanted.contains(key) && is_right(*key, medium);
            if !stays {
                let file = Arc::downgrade(medium.file());
                leaving.push(Leaving { key: *key, medium: Arc::downgrade(medium), file });
            }
            stays
        });
    }

    /// Media that have left and are closed, each told once.
    pub(super) fn released(&mut self) -> Vec<IdentityKey> {
        let mut released = Vec::new();
        self.leaving.retain(|leaving| {
            let is_held = leaving.file.strong_count() > 0;
            if !is_held {
                released.push(leaving.key);
            }
            is_held
        });
        // Of one that was handed over a second time only the older descriptor is closed.
        released.retain(|key| !self.open.contains_key(key));
        released
    }

    /// Media that are served.
    pub(super) fn len(&self) -> usize {
        self.set.media.values().filter(|key| self.open.contains_key(key)).count()
    }

    /// It as the server is told.
    pub(super) fn exports(&self, settings: &Followed) -> Exports {
        let media = self.set.media.iter();
        Exports {
            media: media
                .filter_map(|(name, key)| Some((name.clone(), Arc::clone(self.open.get(key)?))))
                .collect(),
            state: Arc::new(self.set.document.clone()),
            cut_at: self.cut_at.clone(),
            drain: Some(settings.drain),
            symlinks: settings.symlinks,
            views: Arc::clone(&settings.views),
            tally: Arc::new(Tally::of(self.set.work)),
        }
    }
}
