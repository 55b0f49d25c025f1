//! The role of fetching as the process that mounts has it: within itself, or in another process.

use std::{path::PathBuf, sync::Arc, thread};

use isomirror_core::state::StateDocument;
use tokio::{
    runtime::Builder,
    sync::{mpsc, oneshot, watch},
};
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::translate::keeper_settings;
use crate::{
    keeper::{self, Downloads, Inputs, Keeper, Request},
    logging::Chain,
    roles::RemoteFetcher,
    settings::Settings,
    verified_records::store_below,
};

/// Requests that wait for the role to take them in.
const REQUESTS: usize = 16;

/// What the others of this process have of the role.
#[derive(Debug)]
pub(super) struct Fetching {
    pub(super) settings: watch::Sender<Arc<keeper::Settings>>,
    pub(super) requests: mpsc::Sender<Request>,
    pub(super) downloads: watch::Receiver<Downloads>,
}

/// The role itself.
#[derive(Debug)]
pub(super) struct Role {
    settings: watch::Receiver<Arc<keeper::Settings>>,
    requests: mpsc::Receiver<Request>,
    player: Player,
}

/// Who plays it.
#[derive(Debug)]
enum Player {
    Here {
        store: PathBuf,
        document: watch::Receiver<Arc<StateDocument>>,
        downloads: watch::Sender<Downloads>,
    },
    Elsewhere(Arc<RemoteFetcher>),
}

/// The role of a process with these settings, and what others have of it. `document` tells what is served.
pub(super) fn role(
    settings: &Settings,
    document: watch::Receiver<Arc<StateDocument>>,
) -> (Role, Fetching) {
    let (keeper, keeper_input) = watch::channel(Arc::new(keeper_settings(settings, None)));
    let (downloads, downloads_input) = watch::channel(Downloads::default());
    let (requests, requests_input) = mpsc::channel(REQUESTS);
    let player = if settings.roles.fetch {
        Player::Here { store: store_below(&settings.state_directory), document, downloads }
    } else {
        Player::Elsewhere(Arc::new(RemoteFetcher::new(document, downloads)))
    };
    let role = Role { settings: keeper_input, requests: requests_input, player };
    (role, Fetching { settings: keeper, requests, downloads: downloads_input })
}

impl Role {
    /// What stands for it here, where another process plays it.
    pub(super) fn elsewhere(&self) -> Option<Arc<RemoteFetcher>> {
        match &self.player {
            Player::Here { .. } => None,
            Player::Elsewhere(fetcher) => Some(Arc::clone(fetcher)),
        }
    }

    /// Plays it until `cancel`, on a thread of its own: what comes in from the internet, and reading long lists, must not
    /// keep a drive waiting that is to let go of its disc.
    pub(super) async fn play(self, cancel: CancellationToken) {
        let Self { settings, requests, player } = self;
        match player {
            Player::Elsewhere(fetcher) => fetcher.run(requests, settings, cancel.clone()).await,
            Player::Here { store, document, downloads } => {
                let inputs = Inputs { settings, requests, document: Some(document) };
                on_own_thread(Keeper::new(store, inputs), downloads, cancel.clone()).await;
            }
        }
        // One that has failed is no reason to stop serving.
        cancel.cancelled().await;
    }
}

async fn on_own_thread(
    keeper: Keeper,
    downloads: watch::Sender<Downloads>,
    cancel: CancellationToken,
) {
    let (done, ended) = oneshot::channel();
    let work = move || {
        match Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => {
                runtime.block_on(keeper.run(downloads, cancel));
                runtime.shutdown_background();
            }
            Err(error) => error!(error = %Chain(&error), "nothing is fetched: no event loop"),
        }
        let _ = done.send(());
    };
    if let Err(error) = thread::Builder::new().name("fetch".into()).spawn(work) {
        error!(error = %Chain(&error), "nothing is fetched: no thread");
    }
    let _ = ended.await;
}
