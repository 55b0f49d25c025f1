//! The documents that entries are resolved by: each is read once for all who ask at about the same time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use isomirror_core::{
    catalog::{Answer, DocumentRequest},
    transfer::waiting::Backoff,
};
use tokio::{sync::OnceCell, time::sleep};

use super::{
    gates::{Gate, Gates},
    web::{Reply, Validators, Web},
};
use crate::fetch::{ClientError, Policy, chance};

/// Tries of one document.
const TRIES: u32 = 3;

/// Pauses between them, and what a host that keeps failing is left alone for.
const BACKOFF: Backoff = Backoff { first: Duration::from_secs(1), longest: Duration::from_mins(5) };

/// A host that wants to be left alone for no longer is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// Bytes of documents that are kept, so that a server needs to say only that they have not changed.
const KEPT: usize = 16 << 20;

/// All documents that were read.
#[derive(Debug)]
pub(super) struct Library {
    web: Web,
    gates: Gates,
    shelf: Mutex<HashMap<DocumentRequest, Arc<Slot>>>,
}

/// A document that is read, or is being read.
#[derive(Debug, Default)]
struct Slot {
    copy: OnceCell<Arc<Copy>>,
    /// What was there before.
    previous: Option<Arc<Copy>>,
}

#[derive(Debug)]
struct Copy {
    answer: Answer,
    validators: Validators,
    read_at: Instant,
}

impl Copy {
    fn size(&self) -> usize {
        if let Answer::Found(document) = &self.answer { document.bytes.len() } else { 0 }
    }
}

impl Library {
    pub(super) fn new(policy: &Policy) -> Result<Self, ClientError> {
        Ok(Self { web: Web::new(policy)?, gates: Gates::new(), shelf: Mutex::default() })
    }

    /// The document, not read before `since`; what is being read for somebody else is waited for.
    pub(super) async fn get(&self, request: &DocumentRequest, since: Instant) -> Answer {
        let slot = self.slot(request, since);
        let copy = slot.copy.get_or_init(|| self.read(request, slot.previous.clone())).await;
        copy.answer.clone()
    }

    fn slot(&self, request: &DocumentRequest, since: Instant) -> Arc<Slot> {
        let mut all = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.get(request);
        let is_fresh = |slot: &&Arc<Slot>| slot.copy.get().is_none_or(|copy| copy.read_at >= since);
        if let Some(slot) = known.filter(is_fresh) {
            return Arc::clone(slot);
        }
        let previous = known.and_then(|slot| slot.copy.get().cloned());
        let slot = Arc::new(Slot { copy: OnceCell::new(), previous });
        all.insert(request.clone(), Arc::clone(&slot));
        clear(&mut all);
        slot
    }

    async fn read(&self, request: &DocumentRequest, previous: Option<Arc<Copy>>) -> Arc<Copy> {
        let copy =
            |answer, validators| Arc::new(Copy { answer, validators, read_at: Instant::now() });
        let gate = self.gates.of(request.url().host());
        let known = previous.as_ref().map(|copy| copy.validators.clone()).unwrap_or_default();
        let mut why = String::new();
        for attempt in 1..=TRIES {
            if let Err(closed) = pass(&gate).await {
                return copy(Answer::Unreadable(closed), Validators::default());
            }
            let reply = {
                let _place = gate.enter().await;
                self.web.read(request, &known).await
            };
            match (reply, &previous) {
                (Reply::Answer(answer, validators), _) => {
                    gate.succeeded();
                    return copy(answer, validators);
                }
                (Reply::Unchanged, Some(previous)) => {
                    gate.succeeded();
                    return copy(previous.answer.clone(), previous.validators.clone());
                }
                (Reply::Unchanged, None) => {
                    "it says that nothing changed since never".clone_into(&mut why);
                }
                (Reply::Wait(pause), _) => gate.close_for(pause),
                (Reply::Failed(reason), _) => {
                    gate.failed(&BACKOFF);
                    why = reason;
                    if attempt < TRIES {
                        sleep(BACKOFF.pause(attempt, chance())).await;
                    }
                }
            }
        }
        if why.is_empty() {
            "the host asks to be left alone".clone_into(&mut why);
        }
        copy(Answer::Unreadable(why), Validators::default())
    }
}

/// Waits until the host may be asked; a phrase for people where that takes too long.
async fn pass(gate: &Gate) -> Result<(), String> {
    loop {
        let pause = gate.closed_for();
        if pause.is_zero() {
            return Ok(());
        }
        if pause > PATIENCE {
            return Err(format!("the host is left alone for another {} s", pause.as_secs()));
        }
        sleep(pause).await;
    }
}

/// Drops the documents that were read longest ago, where there are too many.
fn clear(shelf: &mut HashMap<DocumentRequest, Arc<Slot>>) {
    let size = |slot: &Arc<Slot>| {
        let copies = slot.copy.get().into_iter().chain(&slot.previous);
        copies.map(|copy| copy.size()).sum::<usize>()
    };
    let mut total: usize = shelf.values().map(size).sum();
    if total <= KEPT {
        return;
    }
    let finished = shelf.iter().filter_map(|(request, slot)| {
        Some((slot.copy.get()?.read_at, request.clone(), size(slot)))
    });
    let mut finished: Vec<_> = finished.collect();
    finished.sort_by_key(|(read_at, ..)| *read_at);
    for (_, request, size) in finished {
        if total <= KEPT {
            break;
        }
        shelf.remove(&request);
        total -= size;
    }
}
