//! The task of one entry: looks at it, waits, and looks again.

use std::{sync::Arc, time::Duration};

use isomirror_core::{
    state::{DownloadPhase, DownloadState},
    transfer::{
        entry::{Entry as Memory, Image},
        schedule::{Ended, pause},
    },
};
use tokio::{sync::watch, time::sleep};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{
    Setback, Settings, attempt::Attempt, clock, context::Context, pass_on::pass_on, retire::retire,
};
use crate::{
    fetch::{chance, store::Store},
    logging::{Chain, message_id},
};

/// What somebody asked of an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// How often, so that each is noticed.
    pub(super) times: u64,
    /// Whether it is to be fetched though it is there.
    pub(super) force: bool,
}

/// One entry and who looks after it.
#[derive(Debug)]
pub(super) struct EntryTask {
    pub(super) context: Arc<Context>,
    pub(super) id: String,
    pub(super) asked: watch::Receiver<Asked>,
    pub(super) cancel: CancellationToken,
}

impl EntryTask {
    /// Looks after the entry until it is cancelled.
    pub(super) async fn run(mut self) {
        let mut wait = self.recall().await;
        let mut times = 0;
        loop {
            let asked = tokio::select! {
                () = sleep(wait) => None,
                Ok(()) = self.asked.changed() => Some(*self.asked.borrow_and_update()),
                () = self.cancel.cancelled() => return,
            };
            let looked = self.look(asked).await;
            if self.cancel.is_cancelled() {
                return;
            }
            times = if looked.is_ok() { 0 } else { times + 1 };
            wait = self.note(&looked, times).await;
            self.tidy(&looked).await;
        }
    }

    /// Looks once, as somebody asked, and tells how that ended.
    pub(super) async fn once(mut self) -> Result<(), Setback> {
        let asked = *self.asked.borrow_and_update();
        let looked = self.look(Some(asked)).await;
        if !self.cancel.is_cancelled() {
            self.note(&looked, 1).await;
            self.tidy(&looked).await;
        }
        looked.map(drop)
    }

    async fn look(&mut self, asked: Option<Asked>) -> Result<String, Setback> {
        let settings = self.context.settings();
        let catalog = &settings.catalog.get().catalog;
        let Some(entry) = catalog.get(&self.id) else {
            return Err(Setback::no_entry(&self.id, catalog));
        };
        let rank = settings.fetch.want.iter().position(|wanted| *wanted == self.id);
        let _lock = self.context.lock(&self.id).await;
        let attempt = Attempt {
            context: &self.context,
            settings: &settings,
            entry,
            rank: rank.unwrap_or(usize::MAX),
            interval: entry.interval(settings.fetch.interval).duration(),
            asked: &mut self.asked,
            is_urgent: asked.is_some(),
            force: asked.is_some_and(|asked| asked.force),
            cancel: &self.cancel,
        };
        attempt.run().await
    }

    /// Tells everybody what is remembered of the entry, and for how long nothing needs to be looked at.
    async fn recall(&self) -> Duration {
        let id = self.id.clone();
        let memory = self.context.in_store(move |store| store.entry(&id)).await;
        let memory = memory.unwrap_or_default();
        let wait = memory.next_check.as_deref().map(clock::until).unwrap_or_default();
        let wait = if memory.images.is_empty() { Duration::ZERO } else { wait };
        let phase = match (&memory.hold, memory.images.first()) {
            (None, None) => DownloadPhase::Queued,
            (None, Some(_)) => DownloadPhase::Current,
            (Some(_), _) => DownloadPhase::Held,
        };
        self.context.board.set(&self.id, phase, |state| {
            show(state, memory.images.first());
            state.problem.clone_from(&memory.hold);
            state.next_check = Some(clock::after(wait));
        });
        wait.min(self.interval(&self.context.settings()).mul_f64(1.2))
    }

    fn interval(&self, settings: &Settings) -> Duration {
        let general = settings.fetch.interval;
        let own = settings.catalog.get().catalog.get(&self.id).map(|entry| entry.interval(general));
        own.unwrap_or(general).duration()
    }

    /// Tells everybody how a look ended, writes it down, and says when the next one is.
    async fn note(&self, looked: &Result<String, Setback>, times: u32) -> Duration {
        let ended = looked.as_ref().map_or_else(|setback| setback.ended(times), |_| Ended::Settled);
        let wait = pause(ended, self.interval(&self.context.settings()), chance());
        let next_check = clock::after(wait);
        let hold = looked.as_ref().err().map(|setback| Chain(setback).to_string());
        if let Some(why) = &hold {
            if looked.as_ref().is_err_and(Setback::is_against_it) {
                error!(
                    message_id = message_id::VERIFICATION_FAILED,
                    entry = self.id,
                    why,
                    "what was offered is not what it should be"
                );
            }
            warn!(
                message_id = message_id::DOWNLOAD_HELD,
                entry = self.id,
                why,
                next_check,
                "an entry is held"
            );
        } else {
            info!(entry = self.id, next_check, "an entry is current");
        }
        let memory = self.remember(hold.clone(), next_check.clone()).await;
        let kept = memory.as_ref().ok().and_then(|memory| memory.images.first());
        let phase = if hold.is_some() { DownloadPhase::Held } else { DownloadPhase::Current };
        // Who asked for another look meanwhile waits for that.
        let is_last = !self.asked.has_changed().unwrap_or_default();
        self.context.board.end(&self.id, phase, is_last, |state| {
            show(state, kept);
            state.problem = hold;
            state.refused = looked.as_ref().is_err_and(Setback::is_against_it);
            state.next_check = Some(next_check);
        });
        wait
    }

    async fn remember(&self, hold: Option<String>, next_check: String) -> Result<Memory, Setback> {
        let _lock = self.context.lock(&self.id).await;
        let id = self.id.clone();
        let write = move |store: &Store| {
            let mut memory = store.entry(&id)?;
            (memory.hold, memory.next_check) = (hold, Some(next_check));
            store.save_entry(&id, &memory)?;
            Ok(memory)
        };
        let written = self.context.in_store(write).await;
        if let Err(error) = &written {
            warn!(entry = self.id, error = %Chain(error), "what is known of an entry cannot be written down");
        }
        written
    }

    /// Takes older images away, and passes the newest one on.
    async fn tidy(&self, looked: &Result<String, Setback>) {
        let Ok(version) = looked else { return };
        let tidied = async {
            let retired = retire(&self.context, &self.id).await;
            pass_on(&self.context, &self.id).await.and(retired)
        };
        let tidied = tokio::select! {
            tidied = tidied => tidied,
            () = self.cancel.cancelled() => return,
        };
        if let Err(setback) = tidied {
            let problem = Chain(&setback).to_string();
            warn!(entry = self.id, version, problem, "an entry is current, but not all is well");
            self.context.board.set(&self.id, DownloadPhase::Current, |state| {
                state.problem = Some(problem);
            });
        }
    }
}

/// Shows the image that is kept.
fn show(state: &mut DownloadState, kept: Option<&Image>) {
    state.version = kept.map(|image| image.version.clone());
    state.file = kept.map(|image| image.file.clone());
    state.bytes = kept.map_or(0, |image| image.size);
    state.size = kept.map(|image| image.size);
    state.trust = kept.map(|image| image.trust);
}
