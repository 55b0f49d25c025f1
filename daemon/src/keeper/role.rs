//! The role: opens the store when there is something to do, and has everybody told.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use isomirror_core::{
    config::FetchConfig,
    state::{DownloadPhase, StateDocument},
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::spawn_blocking,
    time::sleep,
};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{
    board::{Board, Downloads},
    context::Context,
    tasks::Tasks,
};
use crate::{
    catalog::LazyCatalog,
    fetch::{
        ClientError, SmbAccess,
        store::{Store, StoreError},
    },
    logging::Chain,
};

/// How often people are told how far downloads are.
const TELL: Duration = Duration::from_secs(1);

/// Pause before a store that cannot be used is tried again.
const RETRY: Duration = Duration::from_secs(20);

/// What may change while the role runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The section `fetch` of the configuration.
    pub fetch: FetchConfig,
    /// Who it is to servers of shares.
    pub smb: SmbAccess,
    /// What can be fetched, and the keys.
    pub catalog: Arc<LazyCatalog>,
}

/// That entries are to be looked at now.
#[derive(Debug)]
pub struct Request {
    /// Their ids; all that are wanted where there is none.
    pub ids: Vec<String>,
    /// Whether they are fetched though they are there.
    pub force: bool,
    /// Gets the number of the last look that has ended by now: those that are asked for will have higher ones. Or what is
    /// wrong with the request.
    pub answer: oneshot::Sender<Result<u64, String>>,
}

/// What the role is told.
#[derive(Debug)]
pub struct Inputs {
    /// How it is to be done.
    pub settings: watch::Receiver<Arc<Settings>>,
    /// What is asked for.
    pub requests: mpsc::Receiver<Request>,
    /// What is served; `None` where nobody serves from this store.
    pub document: Option<watch::Receiver<Arc<StateDocument>>>,
}

/// Why nothing can be kept.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing can be asked of anybody.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The operating system refuses something basic.
    #[error("cannot start a thread")]
    System(#[source] io::Error),
}

/// The role of fetching.
#[derive(Debug)]
pub struct Keeper {
    store: PathBuf,
    inputs: Inputs,
    board: Arc<Board>,
}

impl Keeper {
    /// Of the store at `store`, which is opened when there is something to do in it.
    #[must_use]
    pub fn new(store: PathBuf, inputs: Inputs) -> Self {
        Self { store, inputs, board: Arc::new(Board::new()) }
    }

    /// Runs until `cancel`. Everybody is told by `output`.
    pub async fn run(mut self, output: watch::Sender<Downloads>, cancel: CancellationToken) {
        let board = Arc::clone(&self.board);
        let telling = tokio::spawn(async move { board.tell(&output, TELL).await });
        if let Some((context, request)) = self.open(&cancel).await {
            let mut tasks = Tasks::new(Arc::new(context), cancel);
            tasks.follow();
            if let Some(request) = request {
                tasks.answer(request);
            }
            tasks.keep(&mut self.inputs).await;
        }
        telling.abort();
    }

    /// The store, as soon as it is needed and can be used, with what was asked for until then; `None` when cancelled.
    async fn open(&mut self, cancel: &CancellationToken) -> Option<(Context, Option<Request>)> {
        loop {
            let settings = self.inputs.settings.borrow_and_update().clone();
            let mut request = None;
            if settings.fetch.want.is_empty() {
                tokio::select! {
                    Ok(()) = self.inputs.settings.changed() => continue,
                    Some(asked) = self.inputs.requests.recv() => request = Some(asked),
                    () = cancel.cancelled() => return None,
                }
            }
            let error = match self.try_open().await {
                Ok(context) => return Some((context, request)),
                Err(error) => error,
            };
            let problem = Chain(&error).to_string();
            if let Some(request) = request {
                let _ = request.answer.send(Err(problem));
                continue;
            }
            warn!(error = problem, "the store cannot be used; it is tried again");
            for id in &settings.fetch.want {
                let why = problem.clone();
                self.board.set(id, DownloadPhase::Held, |state| state.problem = Some(why));
            }
            tokio::select! {
                () = sleep(RETRY) => {}
                Ok(()) = self.inputs.settings.changed() => {}
                Some(asked) = self.inputs.requests.recv() => {
                    let _ = asked.answer.send(Err(problem));
                }
                () = cancel.cancelled() => return None,
            }
        }
    }

    async fn try_open(&self) -> Result<Context, KeeperError> {
        let Inputs { settings, document, .. } = &self.inputs;
        open_store(&self.store, &self.board, settings, document.as_ref()).await
    }
}

/// The store at `path` and all that works in it.
pub(super) async fn open_store(
    path: &Path,
    board: &Arc<Board>,
    settings: &watch::Receiver<Arc<Settings>>,
    document: Option<&watch::Receiver<Arc<StateDocument>>>,
) -> Result<Context, KeeperError> {
    let path = path.to_owned();
    let opened = spawn_blocking(move || Store::open(&path)).await;
    let store = opened.map_err(|error| KeeperError::System(error.into()))??;
    Ok(Context::new(store, Arc::clone(board), settings.clone(), document.cloned())?)
}
