//! Who may put media into the withheld set, and how they leave it: when their time is over, or when they are given
//! back. A disc that was ejected needs no more than the former, as its identity never comes back.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use isomirror_core::medium::IdentityKey;
use tokio::{
    sync::watch,
    time::{sleep, sleep_until, timeout_at},
};
use tracing::info;

use crate::{
    open_medium::OpenMedium,
    sys::medium_file::MediumFile,
    withheld::{LetGo, LettingGo, Withheld},
};

/// How long a disc that was let go of stays unpublished after its last readers were cut off, unless it is ejected.
const STAY: Duration = Duration::from_secs(30);

/// How often to look whether the last holder of a medium is gone. Nobody is told of that by an event.
const CHECK: Duration = Duration::from_millis(10);

/// The withheld set, and when each medium in it is published again.
#[derive(Debug)]
pub(super) struct Releases {
    output: watch::Sender<Arc<Withheld>>,
    stays: Mutex<BTreeMap<IdentityKey, Stay>>,
    progress: watch::Receiver<LettingGo>,
}

/// A medium in a drive, held by others.
#[derive(Clone, Debug)]
pub(super) struct Disc {
    pub(super) key: IdentityKey,
    pub(super) device: PathBuf,
    file: Weak<MediumFile>,
}

impl Disc {
    pub(super) fn of(medium: &OpenMedium) -> Self {
        let file = medium.file();
        Self { key: file.key(), device: file.path().to_owned(), file: Arc::downgrade(file) }
    }
}

/// A disc in the withheld set.
#[derive(Debug)]
struct Stay {
    disc: Disc,
    /// When it is published again.
    until: Instant,
}

/// What came of letting go.
#[derive(Clone, Debug, Default)]
pub(super) struct Released {
    /// Whether nothing and nobody holds the medium any more.
    pub(super) complete: bool,
    pub(super) state: LetGo,
}

impl Releases {
    /// `output` is the withheld set, `progress` what the reconciler tells of it.
    pub(super) fn new(
        output: watch::Sender<Arc<Withheld>>,
        progress: watch::Receiver<LettingGo>,
    ) -> Self {
        Self { output, stays: Mutex::default(), progress }
    }

    /// The disc of this drive that is being let go of, or was.
    pub(super) fn find(&self, device: &Path) -> Option<Disc> {
        let stays = self.lock();
        // Of several it is the last one: it had the latest moment.
        let stay =
            stays.values().filter(|stay| stay.disc.device == device).max_by_key(|stay| stay.until);
        stay.map(|stay| stay.disc.clone())
    }

    /// Lets go of `disc`: no new readers from now on, the others have `patience`, or less if that was said before.
    /// Waits for at most `wait` until nothing of it is left; it goes on without being waited for.
    pub(super) async fn let_go(
        self: &Arc<Self>,
        disc: Disc,
        patience: Duration,
        wait: Duration,
    ) -> Released {
        let now = Instant::now();
        let key = disc.key;
        let file = Weak::clone(&disc.file);
        self.withhold(disc, now + patience);
        let complete = timeout_at((now + wait).into(), self.is_gone(key, file)).await.is_ok();
        let state = self.progress.borrow().get(&key).cloned().unwrap_or_default();
        Released { complete, state }
    }

    /// Publishes it again, if it is still there.
    pub(super) fn give_back(&self, key: IdentityKey) {
        self.lock().remove(&key);
        self.output.send_if_modified(|set| Arc::make_mut(set).remove(&key).is_some());
    }

    fn withhold(self: &Arc<Self>, disc: Disc, cut_at: Instant) {
        let key = disc.key;
        let is_new = self.lock().insert(key, Stay { disc, until: cut_at + STAY }).is_none();
        self.output.send_modify(|set| {
            // Whoever is in a hurry decides.
            let own = Arc::make_mut(set).entry(key).or_insert(cut_at);
            *own = cut_at.min(*own);
        });
        if is_new {
            tokio::spawn(Arc::clone(self).give_back_later(key));
        }
    }

    async fn give_back_later(self: Arc<Self>, key: IdentityKey) {
        let until = || self.lock().get(&key).map(|stay| stay.until);
        while let Some(moment) = until() {
            if moment <= Instant::now() {
                info!(id = %key, "a medium that was let go of is no longer withheld");
                return self.give_back(key);
            }
            sleep_until(moment.into()).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<IdentityKey, Stay>> {
        self.stays.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn is_gone(&self, key: IdentityKey, file: Weak<MediumFile>) {
        let is_unpublished =
            |all: &LettingGo| all.get(&key).is_some_and(|state| state.is_unpublished);
        if self.progress.clone().wait_for(is_unpublished).await.is_err() {
            // The reconciler has ended, and so does everything else.
            std::future::pending::<()>().await;
        }
        while file.strong_count() > 0 {
            sleep(CHECK).await;
        }
    }
}
