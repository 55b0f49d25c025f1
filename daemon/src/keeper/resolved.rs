//! What an entry means now.

use std::{collections::HashMap, sync::Arc, time::Instant};

use isomirror_core::catalog::{Entry, History, Outcome, Step, resolve};
use tokio::task::JoinSet;

use super::documents::Library;

/// Steps of one entry; each needs documents that the one before did not know of.
const MOST_STEPS: usize = 24;

/// Follows `entry` to its release by documents that were not read before `since`.
pub(super) async fn resolved(
    entry: &Entry,
    history: &History,
    library: &Arc<Library>,
    since: Instant,
) -> Outcome {
    let mut known = HashMap::new();
    for _ in 0..MOST_STEPS {
        let requests = match resolve(entry, history, &known) {
            Step::End(outcome) => return outcome,
            Step::Ask(requests) => requests,
        };
        let mut reading = JoinSet::new();
        for request in requests {
            let library = Arc::clone(library);
            reading.spawn(async move {
                let answer = library.get(&request, since).await;
                (request, answer)
            });
        }
        while let Some(read) = reading.join_next().await {
            known.extend(read.ok());
        }
    }
    Outcome::Unknown("its documents lead from one to the other without an end".to_owned())
}
