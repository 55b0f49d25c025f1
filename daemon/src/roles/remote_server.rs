//! The role of serving as the process that mounts sees it: who is told which media there are, and has them.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    os::fd::AsFd,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use isomirror_core::{
    medium::{IdentityKey, Source},
    name::Name,
    role_link::{FromRole, HandedMedium, MediaSet, ToRole},
    state::{SourceKind, SourceState},
};
use tokio::{
    sync::{Mutex, Notify, watch},
    time::timeout,
};
use tracing::{debug, info, warn};

use super::{Occupied, conversation::Conversation};
use crate::{logging::Chain, open_medium::OpenMedium, serve::Exports};

/// How long a round waits until nobody is given a medium any more that has left. A server that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long it waits until what has come can be had, so that nobody is told of it before. A disc may take longer.
const ARRIVAL: Duration = Duration::from_millis(300);

/// Media by key that the other process has. While they are here they count as held, as they would in this process.
type Held = BTreeMap<IdentityKey, Arc<OpenMedium>>;

/// A server in another process.
#[derive(Debug)]
pub struct RemoteServer {
    numbers: AtomicU64,
    latest: watch::Sender<Option<Arc<Numbered>>>,
    /// How far the other process is; `None` while there is none.
    progress: watch::Sender<Option<Progress>>,
    seat: Mutex<()>,
    hang_up: Notify,
}

/// How far a process is, by the numbers of sets.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    /// Nobody gets what is not in this one.
    refused: u64,
    /// All of this one can be had.
    complete: u64,
}

#[derive(Debug)]
struct Numbered {
    number: u64,
    exports: Exports,
}

impl Default for RemoteServer {
    fn default() -> Self {
        Self::new()
    }
}

impl RemoteServer {
    /// One that is not there yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            numbers: AtomicU64::new(1),
            latest: watch::Sender::new(None),
            progress: watch::Sender::new(None),
            seat: Mutex::new(()),
            hang_up: Notify::new(),
        }
    }

    /// Replaces all that is served. When it is done, no request gets anything from a medium that is not in `exports`,
    /// unless there is no such process or it hangs: then it is hung up on. What has come can be had by then, unless that
    /// takes long.
    pub async fn publish(&self, exports: Exports) {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let now = Arc::new(Numbered { number, exports });
        let before = self.latest.send_replace(Some(Arc::clone(&now)));
        let before = before.map(|before| before.media()).unwrap_or_default();
        let now = now.media();
        let mut progress = self.progress.subscribe();
        if !before.is_subset(&now) {
            let done = progress.wait_for(|told| told.is_none_or(|told| told.refused >= number));
            if timeout(PATIENCE, done).await.is_err() {
                warn!("the role of serving does not answer");
                self.hang_up.notify_waiters();
            }
        }
        if !now.is_subset(&before) {
            let done = progress.wait_for(|told| told.is_none_or(|told| told.complete >= number));
            let _ = timeout(ARRIVAL, done).await;
        }
    }

    /// Talks to a process that plays the role and has `holds` from an earlier conversation, until either hangs up.
    pub(super) async fn converse(
        &self,
        conversation: &mut Conversation<FromRole>,
        holds: Vec<IdentityKey>,
    ) -> Result<(), Occupied> {
        let _seat = self.seat.try_lock().map_err(|_| Occupied)?;
        info!("the role of serving has come");
        self.progress.send_replace(Some(Progress::default()));
        tokio::select! {
            ended = self.tell(conversation, holds) => match ended {
                Ok(()) => info!("the role of serving has gone"),
                Err(error) => warn!(error = %Chain(&error), "the role of serving has gone"),
            },
            () = self.hang_up.notified() => {}
        }
        self.progress.send_replace(None);
        Ok(())
    }

    async fn tell(
        &self,
        conversation: &mut Conversation<FromRole>,
        mut earlier: Vec<IdentityKey>,
    ) -> io::Result<()> {
        let mut latest = self.latest.subscribe();
        latest.mark_changed();
        let mut held = Held::new();
        loop {
            tokio::select! {
                Ok(()) = latest.changed() => {
                    let Some(now) = latest.borrow_and_update().clone() else { continue };
                    conversation.say(&ToRole::Set(now.set()), None).await?;
                    for medium in now.exports.media.values() {
                        let key = medium.file().key();
                        // What it had before this conversation it has still.
                        let has_it = held.insert(key, Arc::clone(medium)).is_some();
                        if !has_it && !earlier.contains(&key) {
                            hand_over(conversation, medium).await?;
                        }
                    }
                    earlier.clear();
                }
                heard = conversation.next() => match heard.map(|heard| heard.message) {
                    None => return Ok(()),
                    Some(FromRole::Refused { number }) => {
                        self.note(|progress| progress.refused = number);
                    }
                    Some(FromRole::Complete { number }) => {
                        self.note(|progress| progress.complete = number);
                    }
                    Some(FromRole::Released { media }) => {
                        self.released(conversation, &media, &mut held).await?;
                    }
                    Some(FromRole::Unusable { medium }) => {
                        held.remove(&medium);
                    }
                    Some(other) => debug!(?other, "the role of serving says what is not its to say"),
                },
            }
        }
    }

    fn note(&self, edit: impl FnOnce(&mut Progress)) {
        self.progress.send_modify(|progress| edit(progress.get_or_insert_default()));
    }

    /// The process has closed `media`. One that has come back into the set meanwhile is handed over again.
    async fn released(
        &self,
        conversation: &Conversation<FromRole>,
        media: &[IdentityKey],
        held: &mut Held,
    ) -> io::Result<()> {
        let now = self.latest.borrow().clone();
        for key in media {
            held.remove(key);
            let mut all = now.iter().flat_map(|now| now.exports.media.values());
            if let Some(medium) = all.find(|medium| medium.file().key() == *key) {
                hand_over(conversation, medium).await?;
                held.insert(*key, Arc::clone(medium));
            }
        }
        Ok(())
    }
}

async fn hand_over(conversation: &Conversation<FromRole>, medium: &OpenMedium) -> io::Result<()> {
    let file = medium.file();
    let kind = match file.source() {
        Source::File(_) => SourceKind::File,
        Source::Drive(_) => SourceKind::Drive,
    };
    let source = SourceState { kind, path: file.path().to_owned(), diskseq: None };
    let handed = HandedMedium { key: file.key(), source, is_leased: file.is_leased() };
    conversation.say(&ToRole::Medium(handed), Some(file.as_fd())).await
}

impl Numbered {
    fn media(&self) -> BTreeSet<(Name, IdentityKey)> {
        let media = self.exports.media.iter();
        media.map(|(name, medium)| (name.clone(), medium.file().key())).collect()
    }

    fn set(&self) -> MediaSet {
        let Exports { media, state, cut_at, tally, .. } = &self.exports;
        let now = Instant::now();
        let left = |cut_at: &Instant| cut_at.saturating_duration_since(now).as_millis();
        MediaSet {
            number: self.number,
            media: media.iter().map(|(name, medium)| (name.clone(), medium.file().key())).collect(),
            document: (**state).clone(),
            cut_at_ms: cut_at
                .iter()
                .map(|(key, cut_at)| (*key, u64::try_from(left(cut_at)).unwrap_or(u64::MAX)))
                .collect(),
            work: tally.figures(),
        }
    }
}
