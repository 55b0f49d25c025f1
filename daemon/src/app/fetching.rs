//! The role of fetching within this process.

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
    settings::Settings,
    verified_records::store_below,
};

/// Requests that wait for the role to take them in.
const REQUESTS: usize = 16;

/// What the others of this process have of the role.
#[derive(Debug)]
pub(super) struct Fetching {
    pub(super) settings: watch::Sender<Arc<keeper::Settings>>,
    /// `None` where this process does not have the role.
    pub(super) requests: Option<mpsc::Sender<Request>>,
    pub(super) downloads: watch::Receiver<Downloads>,
}

/// The role itself.
#[derive(Debug)]
pub(super) struct Role {
    store: PathBuf,
    settings: watch::Receiver<Arc<keeper::Settings>>,
    requests: mpsc::Receiver<Request>,
    downloads: watch::Sender<Downloads>,
    is_played: bool,
}

/// The role of a process with these settings, and what others have of it.
pub(super) fn role(settings: &Settings) -> (Role, Fetching) {
    let (keeper, keeper_input) = watch::channel(Arc::new(keeper_settings(settings, None)));
    let (downloads, downloads_input) = watch::channel(Downloads::default());
    let (requests, requests_input) = mpsc::channel(REQUESTS);
    let is_played = settings.roles.fetch;
    let role = Role {
        store: store_below(&settings.state_directory),
        settings: keeper_input,
        requests: requests_input,
        downloads,
        is_played,
    };
    let requests = is_played.then_some(requests);
    (role, Fetching { settings: keeper, requests, downloads: downloads_input })
}

impl Role {
    /// Plays it until `cancel`, on a thread of its own: what comes in from the internet, and reading long lists, must not
    /// keep a drive waiting that is to let go of its disc. `document` tells what is served.
    pub(super) async fn play(
        self,
        document: watch::Receiver<Arc<StateDocument>>,
        cancel: CancellationToken,
    ) {
        if self.is_played {
            let Self { store, settings, requests, downloads, .. } = self;
            let inputs = Inputs { settings, requests, document: Some(document) };
            on_own_thread(Keeper::new(store, inputs), downloads, cancel.clone()).await;
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
