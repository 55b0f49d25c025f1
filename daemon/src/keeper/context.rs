//! What all tasks of the role share.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use isomirror_core::{config::SourceUrl, state::StateDocument, transfer::turns::Limits};
use tokio::{
    sync::{OwnedMutexGuard, watch},
    task::spawn_blocking,
};

use super::{
    Setback, Settings,
    board::Board,
    clock,
    documents::Library,
    turns::{MOST_PER_HOST, Turns},
};
use crate::fetch::{
    ClientError, Fetcher, Policy, SmbAccess,
    sources::Sources,
    store::{Store, StoreError},
};

/// The store, those who work in it, and what they are told.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) store: Store,
    pub(super) library: Arc<Library>,
    pub(super) turns: Turns,
    pub(super) board: Arc<Board>,
    pub(super) settings: watch::Receiver<Arc<Settings>>,
    /// What is served; `None` where nobody serves from this store.
    pub(super) document: Option<watch::Receiver<Arc<StateDocument>>>,
    /// Whether downloads may run that nobody waits for.
    pub(super) window: watch::Sender<bool>,
    tools: Mutex<Tools>,
    locks: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

/// What fetches, and what it was made of.
#[derive(Debug)]
struct Tools {
    policy: Policy,
    places: (Vec<SourceUrl>, SmbAccess),
    fetcher: Fetcher,
    sources: Arc<Sources>,
}

impl Tools {
    fn new(settings: &Settings) -> Result<Self, ClientError> {
        let policy = Policy::of_config(&settings.fetch);
        let fetcher = Fetcher::new(policy, rate(settings))?;
        let places = places(settings);
        let sources = Arc::new(Sources::new(&places.0, &places.1, &fetcher));
        Ok(Self { policy, places, fetcher, sources })
    }

    /// Whether they are what `settings` ask for.
    fn are_of(&self, settings: &Settings) -> bool {
        self.policy == Policy::of_config(&settings.fetch) && self.places == places(settings)
    }
}

fn places(settings: &Settings) -> (Vec<SourceUrl>, SmbAccess) {
    (settings.fetch.sources.clone(), settings.smb.clone())
}

impl Context {
    pub(super) fn new(
        store: Store,
        board: Arc<Board>,
        settings: watch::Receiver<Arc<Settings>>,
        document: Option<watch::Receiver<Arc<StateDocument>>>,
    ) -> Result<Self, ClientError> {
        let now = settings.borrow().clone();
        let policy = Policy::of_config(&now.fetch);
        let limits = limits(&now);
        Ok(Self {
            store,
            library: Arc::new(Library::new(&policy)?),
            turns: Turns::new(limits),
            board,
            settings,
            document,
            window: watch::Sender::new(limits.is_open),
            tools: Mutex::new(Tools::new(&now)?),
            locks: Mutex::default(),
        })
    }

    /// The settings that hold now.
    pub(super) fn settings(&self) -> Arc<Settings> {
        self.settings.borrow().clone()
    }

    /// What fetches now.
    pub(super) fn fetcher(&self) -> Fetcher {
        self.tools().fetcher.clone()
    }

    /// Where images are looked for before the internet.
    pub(super) fn sources(&self) -> Arc<Sources> {
        Arc::clone(&self.tools().sources)
    }

    fn tools(&self) -> MutexGuard<'_, Tools> {
        self.tools.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over what the settings and the time of day say. Downloads that run keep their patience.
    pub(super) fn follow(&self) -> Result<(), ClientError> {
        let settings = self.settings();
        let limits = limits(&settings);
        self.turns.limit(limits);
        self.window.send_if_modified(|is_open| {
            std::mem::replace(is_open, limits.is_open) != limits.is_open
        });
        let mut tools = self.tools();
        if !tools.are_of(&settings) {
            *tools = Tools::new(&settings)?;
        }
        tools.fetcher.limiter().set_rate(rate(&settings));
        Ok(())
    }

    /// The right to change what is remembered of an entry.
    pub(super) async fn lock(&self, id: &str) -> OwnedMutexGuard<()> {
        let lock = {
            let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(locks.entry(id.to_owned()).or_default())
        };
        lock.lock_owned().await
    }

    /// Does something in the store, on a thread that may wait for its disk.
    pub(super) async fn in_store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Setback> {
        self.work(work).await
    }

    /// The same, for work that fails in other ways too.
    pub(super) async fn work<T, E>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Setback>
    where
        T: Send + 'static,
        E: Into<Setback> + Send + 'static,
    {
        let store = self.store.clone();
        match spawn_blocking(move || work(&store)).await {
            Ok(done) => done.map_err(Into::into),
            Err(error) => {
                let path = self.store.root().to_owned();
                Err(StoreError::Io { operation: "work in", path, source: error.into() }.into())
            }
        }
    }
}

fn limits(settings: &Settings) -> Limits {
    let window = settings.fetch.window;
    Limits {
        most: usize::from(settings.fetch.concurrency.get()),
        most_per_host: MOST_PER_HOST,
        is_open: window.is_none_or(|window| window.contains(clock::minute_of_day())),
    }
}

/// Bytes a second at this time of day.
fn rate(settings: &Settings) -> Option<u64> {
    settings.fetch.bandwidth.at(clock::minute_of_day())
}
