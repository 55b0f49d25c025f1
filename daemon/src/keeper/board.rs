//! What happens with each entry, for everybody who is told.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use isomirror_core::state::{DownloadPhase, DownloadState};
use tokio::{
    sync::{Notify, watch},
    time::sleep,
};

use super::clock;
use crate::fetch::Progress;

/// What everybody is told.
pub type Downloads = Arc<Vec<DownloadState>>;

/// The states of all entries. Others are told at once of what happens, and at intervals of how far it is.
#[derive(Debug)]
pub(super) struct Board {
    states: Mutex<BTreeMap<String, DownloadState>>,
    /// Begins with the time of day, so that whoever waits for a look is not kept waiting by a restart of this process.
    looks: AtomicU64,
    happened: Notify,
    advanced: Notify,
}

impl Board {
    pub(super) fn new() -> Self {
        Self {
            states: Mutex::default(),
            looks: AtomicU64::new(clock::milliseconds()),
            happened: Notify::new(),
            advanced: Notify::new(),
        }
    }

    /// Puts up an entry, or changes its phase and what `edit` says.
    pub(super) fn set(
        &self,
        id: &str,
        phase: DownloadPhase,
        edit: impl FnOnce(&mut DownloadState),
    ) {
        let mut states = self.states();
        let state = states
            .entry(id.to_owned())
            .or_insert_with(|| DownloadState::new(id, phase, &clock::now()));
        if state.state != phase {
            state.state = phase;
            state.since = clock::now();
        }
        if phase != DownloadPhase::Downloading {
            (state.speed, state.source) = (0, None);
        }
        edit(state);
        drop(states);
        self.happened.notify_one();
    }

    /// The same after a look, which counts as one where `is_counted`.
    pub(super) fn end(
        &self,
        id: &str,
        phase: DownloadPhase,
        is_counted: bool,
        edit: impl FnOnce(&mut DownloadState),
    ) {
        let look = is_counted.then(|| self.looks.fetch_add(1, Ordering::Relaxed) + 1);
        self.set(id, phase, |state| {
            edit(state);
            state.look = look.unwrap_or(state.look);
        });
    }

    /// Number of the last look that ended.
    pub(super) fn looks(&self) -> u64 {
        self.looks.load(Ordering::Relaxed)
    }

    /// Takes in how far a download is.
    pub(super) fn advance(&self, id: &str, progress: &Progress) {
        if let Some(state) = self.states().get_mut(id) {
            state.bytes = progress.bytes;
            state.size = progress.size.or(state.size);
            state.speed = progress.speed;
            state.source.clone_from(&progress.source);
            state.problem.clone_from(&progress.trouble);
        }
        self.advanced.notify_one();
    }

    /// Tells `output` how things are now.
    pub(super) fn send(&self, output: &watch::Sender<Downloads>) {
        let now: Vec<_> = self.states().values().cloned().collect();
        output.send_if_modified(|told| {
            let is_new = **told != now;
            if is_new {
                *told = Arc::new(now);
            }
            is_new
        });
    }

    /// Takes an entry down.
    pub(super) fn remove(&self, id: &str) {
        self.states().remove(id);
        self.happened.notify_one();
    }

    /// Tells `output` of changes, of mere progress no more often than each `interval`. Never ends.
    pub(super) async fn tell(&self, output: &watch::Sender<Downloads>, interval: Duration) {
        loop {
            tokio::select! {
                () = self.happened.notified() => {}
                () = self.advanced.notified() => {}
            }
            self.send(output);
            tokio::select! {
                () = sleep(interval) => {}
                () = self.happened.notified() => self.happened.notify_one(),
            }
        }
    }

    fn states(&self) -> MutexGuard<'_, BTreeMap<String, DownloadState>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
