//! The role of fetching as the process that mounts sees it: who is asked for entries, and tells how far they are.

use std::{collections::BTreeMap, io, sync::Arc, time::Duration};

use isomirror_core::{
    role_link::{FromRole, ToRole},
    state::{DownloadPhase, DownloadState, StateDocument},
};
use tokio::{
    sync::{Mutex, mpsc, oneshot, watch},
    time::sleep,
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{Occupied, conversation::Conversation};
use crate::{
    keeper::{Downloads, Request, Settings, now},
    logging::Chain,
};

/// What is told of wanted entries while nobody fetches.
const NOBODY: &str = "nothing is fetched, because that role does not run: `systemctl start isomirror-fetch`, \
                      and see `systemctl status isomirror-fetch`";

/// How long the role may be away, as over a restart, before that is told; requests wait as long for it.
const GRACE: Duration = Duration::from_secs(3);

/// Requests that wait to be sent.
const WAITING: usize = 16;

/// A fetcher in another process.
#[derive(Debug)]
pub struct RemoteFetcher {
    downloads: watch::Sender<Downloads>,
    document: watch::Receiver<Arc<StateDocument>>,
    /// Leads to the process, if there is one.
    line: watch::Sender<Option<mpsc::Sender<Request>>>,
    seat: Mutex<()>,
}

impl RemoteFetcher {
    /// One that is not there yet. It is told of `document`, and what it tells goes to `downloads`.
    #[must_use]
    pub fn new(
        document: watch::Receiver<Arc<StateDocument>>,
        downloads: watch::Sender<Downloads>,
    ) -> Self {
        Self { downloads, document, line: watch::Sender::new(None), seat: Mutex::new(()) }
    }

    /// Passes requests on until `cancel`; where nobody fetches, who asks is told by the end of the request's channel, and
    /// everybody by the states of what is wanted.
    pub async fn run(
        &self,
        mut requests: mpsc::Receiver<Request>,
        mut settings: watch::Receiver<Arc<Settings>>,
        cancel: CancellationToken,
    ) {
        let mut line = self.line.subscribe();
        let mut is_told = false;
        let mut waiting = Vec::new();
        loop {
            let process = line.borrow_and_update().clone();
            is_told &= process.is_none();
            if let Some(line) = &process {
                waiting.drain(..).for_each(|request| drop(line.try_send(request)));
            }
            // Each branch is cancel-safe: what was not taken in is still there the next time.
            tokio::select! {
                Some(request) = requests.recv() => match &process {
                    Some(line) => drop(line.try_send(request)),
                    None if !is_told && waiting.len() < WAITING => waiting.push(request),
                    None => {}
                },
                Ok(()) = line.changed() => {}
                Ok(()) = settings.changed() => is_told = false,
                () = sleep(GRACE), if process.is_none() && !is_told => {
                    let wanted = settings.borrow().fetch.want.clone();
                    let left = abandoned(&wanted, &self.downloads.borrow(), &now());
                    self.downloads.send_replace(Arc::new(left));
                    waiting.clear();
                    is_told = true;
                }
                () = cancel.cancelled() => return,
            }
        }
    }

    /// Talks to a process that plays the role, until either hangs up.
    pub(super) async fn converse(
        &self,
        conversation: &mut Conversation<FromRole>,
    ) -> Result<(), Occupied> {
        let _seat = self.seat.try_lock().map_err(|_| Occupied)?;
        info!("the role of fetching has come");
        let (sender, mut requests) = mpsc::channel(WAITING);
        self.line.send_replace(Some(sender));
        match self.talk(conversation, &mut requests).await {
            Ok(()) => info!("the role of fetching has gone"),
            Err(error) => warn!(error = %Chain(&error), "the role of fetching has gone"),
        }
        self.line.send_replace(None);
        Ok(())
    }

    async fn talk(
        &self,
        conversation: &mut Conversation<FromRole>,
        requests: &mut mpsc::Receiver<Request>,
    ) -> io::Result<()> {
        let mut document = self.document.clone();
        document.mark_changed();
        let mut asked = BTreeMap::<u64, oneshot::Sender<Result<u64, String>>>::new();
        let mut numbers = 0..;
        loop {
            tokio::select! {
                Ok(()) = document.changed() => {
                    let document = (**document.borrow_and_update()).clone();
                    conversation.say(&ToRole::Document { document }, None).await?;
                }
                Some(Request { ids, force, answer }) = requests.recv() => {
                    let number = numbers.next().unwrap_or_default();
                    asked.insert(number, answer);
                    conversation.say(&ToRole::Fetch { number, ids, force }, None).await?;
                }
                heard = conversation.next() => match heard.map(|heard| heard.message) {
                    None => return Ok(()),
                    Some(FromRole::Downloads { states }) => {
                        self.downloads.send_replace(Arc::new(states));
                    }
                    Some(FromRole::Asked { number, looks }) => {
                        if let Some(answer) = asked.remove(&number) {
                            let _ = answer.send(looks);
                        }
                    }
                    Some(other) => debug!(?other, "the role of fetching says what is not its to say"),
                },
            }
        }
    }
}

/// The entries `ids` while nobody fetches them, as far as they were known `before`. What is in the store is current still.
fn abandoned(ids: &[String], before: &[DownloadState], now: &str) -> Vec<DownloadState> {
    let known = |id: &String| before.iter().find(|state| state.id == *id).cloned();
    let left = |id: &String| {
        let state = known(id).unwrap_or_else(|| DownloadState::new(id, DownloadPhase::Held, now));
        if state.state == DownloadPhase::Current {
            return state;
        }
        let since = if state.state == DownloadPhase::Held { state.since } else { now.to_owned() };
        let problem = Some(NOBODY.to_owned());
        let held = DownloadPhase::Held;
        DownloadState { state: held, since, speed: 0, source: None, problem, ..state }
    };
    ids.iter().map(left).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_fetches_is_held_and_what_is_there_stays_current() {
        let current = DownloadState::new("a", DownloadPhase::Current, "1");
        let coming = DownloadState {
            speed: 7,
            bytes: 9,
            ..DownloadState::new("b", DownloadPhase::Downloading, "1")
        };
        let ids = ["a", "b", "c"].map(str::to_owned);
        let left = abandoned(&ids, &[current.clone(), coming], "2");
        assert_eq!(left[0], current);
        assert_eq!((left[1].state, left[1].speed, left[1].bytes), (DownloadPhase::Held, 0, 9));
        assert_eq!((&*left[2].id, left[2].state), ("c", DownloadPhase::Held));
        assert!(left[1..].iter().all(|state| state.problem.as_deref() == Some(NOBODY)));
        assert_eq!(abandoned(&ids, &left, "3"), left, "since when is not told anew");
    }
}
