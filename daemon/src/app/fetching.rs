//! The role of fetching within this process.

use std::thread;

use tokio::{
    runtime::Builder,
    sync::{oneshot, watch},
};
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::{
    keeper::{Downloads, Keeper},
    logging::Chain,
};

/// Runs the keeper until `cancel`, on a thread of its own: what comes in from the internet, and reading long lists, must
/// not keep a drive waiting that is to let go of its disc.
pub(super) async fn on_own_thread(
    keeper: Keeper,
    downloads: watch::Sender<Downloads>,
    cancel: CancellationToken,
) {
    let (done, ended) = oneshot::channel();
    let stopped = cancel.clone();
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
    // One that has failed is no reason to stop serving.
    let _ = ended.await;
    stopped.cancelled().await;
}
