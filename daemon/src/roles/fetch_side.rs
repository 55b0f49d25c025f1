//! The role of fetching in a process of its own: it is told what is served and asked for, and tells how far it is.

use std::{io, path::Path, sync::Arc};

use isomirror_core::{
    role_link::{FromRole, LONGEST_TO_ROLE, LinkedRole, PROTOCOL, ROLE_SOCKET, ToRole},
    state::StateDocument,
};
use tokio::{
    net::UnixStream,
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
    time::sleep,
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{RETRY, conversation::Conversation};
use crate::{
    keeper::{Downloads, Request},
    logging::Chain,
};

/// What became of a request, by its number.
type Answered = (u64, Option<Result<u64, String>>);

/// Passes on between the process that mounts, which is found in `runtime_directory` and looked for again when it has gone,
/// and the keeper of this process, until `cancel`. `document` is empty while nobody tells what is served.
pub async fn follow_as_fetcher(
    runtime_directory: &Path,
    mut downloads: watch::Receiver<Downloads>,
    requests: mpsc::Sender<Request>,
    document: watch::Sender<Arc<StateDocument>>,
    cancel: CancellationToken,
) {
    let socket = runtime_directory.join(ROLE_SOCKET);
    while !cancel.is_cancelled() {
        if let Ok(stream) = UnixStream::connect(&socket).await {
            tokio::select! {
                ended = talk(stream, &mut downloads, &requests, &document) => match ended {
                    Ok(()) => info!("isomirrord has gone; what is wanted is fetched all the same"),
                    Err(error) => warn!(error = %Chain(&error), "isomirrord has gone"),
                },
                () = cancel.cancelled() => return,
            }
            document.send_replace(Arc::default());
        }
        tokio::select! {
            () = sleep(RETRY) => {}
            () = cancel.cancelled() => {}
        }
    }
}

/// Talks to the process that mounts until it hangs up.
async fn talk(
    stream: UnixStream,
    downloads: &mut watch::Receiver<Downloads>,
    requests: &mpsc::Sender<Request>,
    document: &watch::Sender<Arc<StateDocument>>,
) -> io::Result<()> {
    let mut conversation = Conversation::<ToRole>::new(stream, LONGEST_TO_ROLE);
    let (protocol, holds) = (PROTOCOL, Vec::new());
    conversation.say(&FromRole::Hello { protocol, role: LinkedRole::Fetch, holds }, None).await?;
    downloads.mark_changed();
    let mut asked = JoinSet::<Answered>::new();
    loop {
        let said = tokio::select! {
            heard = conversation.next() => match heard.map(|heard| heard.message) {
                None => return Ok(()),
                Some(ToRole::Document { document: served }) => {
                    document.send_replace(Arc::new(served));
                    continue;
                }
                Some(ToRole::Fetch { number, ids, force }) => {
                    let (answer, answered) = oneshot::channel();
                    let request = Request { ids, force, answer };
                    let requests = requests.clone();
                    asked.spawn(async move {
                        let is_sent = requests.send(request).await.is_ok();
                        (number, if is_sent { answered.await.ok() } else { None })
                    });
                    continue;
                }
                Some(ToRole::Rejected { reason }) => {
                    warn!(reason, "isomirrord does not take this process in");
                    return Ok(());
                }
                Some(ToRole::Set(_) | ToRole::Medium(_)) => continue,
            },
            Ok(()) = downloads.changed() => {
                let states = downloads.borrow_and_update().to_vec();
                FromRole::Downloads { states }
            }
            Some(Ok((number, looks))) = asked.join_next(), if !asked.is_empty() => {
                let ended = || Err("the role of fetching is about to end".to_owned());
                FromRole::Asked { number, looks: looks.unwrap_or_else(ended) }
            }
        };
        conversation.say(&said, None).await?;
    }
}
