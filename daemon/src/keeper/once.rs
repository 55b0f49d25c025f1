//! Fetching in the foreground, without a daemon.

use std::{path::Path, sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{
    KeeperError, Setback, Settings,
    board::{Board, Downloads},
    entry_task::{Asked, EntryTask},
    role::open_store,
};

/// How often it is told how far downloads are.
const TELL: Duration = Duration::from_millis(200);

/// Looks once at each of `ids`, all at the same time, and returns how each look ended, in their order. Cancelled, it keeps
/// what it has.
///
/// # Errors
/// Where nothing can be done at all.
pub async fn fetch_once(
    store: &Path,
    settings: Settings,
    ids: &[String],
    force: bool,
    output: watch::Sender<Downloads>,
    cancel: &CancellationToken,
) -> Result<Vec<(String, Result<(), Setback>)>, KeeperError> {
    let (_sender, settings) = watch::channel(Arc::new(settings));
    let board = Arc::new(Board::new());
    let context = Arc::new(open_store(store, &board, &settings, None).await?);
    let (told, last) = (Arc::clone(&board), output.clone());
    let telling = tokio::spawn(async move { told.tell(&last, TELL).await });
    let mut tasks = JoinSet::new();
    for (index, id) in ids.iter().enumerate() {
        let (asked, asked_input) = watch::channel(Asked { times: 1, force });
        let task = EntryTask {
            context: Arc::clone(&context),
            id: id.clone(),
            asked: asked_input,
            cancel: cancel.clone(),
        };
        let id = id.clone();
        tasks.spawn(async move {
            let ended = task.once().await;
            drop(asked);
            (index, (id, ended))
        });
    }
    let mut ended = tasks.join_all().await;
    telling.abort();
    board.send(&output);
    ended.sort_by_key(|(index, _)| *index);
    Ok(ended.into_iter().map(|(_, ended)| ended).collect())
}
