//! The tasks of all entries: those that are wanted, and those that somebody asked for once.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, Interval, MissedTickBehavior, interval_at},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    Inputs, Request, Setback,
    context::Context,
    entry_task::{Asked, EntryTask},
    scrub::scrub,
};
use crate::logging::Chain;

/// How often the time of day is looked at.
const CLOCK: Duration = Duration::from_secs(15);

/// When it is looked at, however much there is to do in between.
fn ticks() -> Interval {
    let mut ticks = interval_at(Instant::now() + CLOCK, CLOCK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// A task that runs.
#[derive(Debug)]
struct Running {
    asked: watch::Sender<Asked>,
    cancel: CancellationToken,
    /// Whether it goes on for as long as the entry is wanted.
    is_wanted: bool,
    /// Tells it from an earlier one of the same entry, which may be about to end.
    serial: u64,
}

impl Running {
    /// Has its entry looked at now.
    fn ask(&self, force: bool) {
        self.asked.send_modify(|asked| {
            asked.times += 1;
            asked.force = force;
        });
    }
}

/// All of them.
pub(super) struct Tasks {
    context: Arc<Context>,
    cancel: CancellationToken,
    running: BTreeMap<String, Running>,
    under_way: JoinSet<(String, u64)>,
    serials: u64,
}

impl Tasks {
    pub(super) fn new(context: Arc<Context>, cancel: CancellationToken) -> Self {
        let (running, under_way) = (BTreeMap::new(), JoinSet::new());
        Self { context, cancel, running, under_way, serials: 0 }
    }

    /// Keeps them what they should be until cancelled; then waits until what was fetched is on the disk.
    pub(super) async fn keep(mut self, inputs: &mut Inputs) {
        let (lost, mut losses) = mpsc::unbounded_channel();
        let report = move |id: &str| drop(lost.send(id.to_owned()));
        let context = Arc::clone(&self.context);
        let scrubbing = tokio::spawn(scrub(context, report, self.cancel.child_token()));
        let mut clock = ticks();
        loop {
            tokio::select! {
                Ok(()) = inputs.settings.changed() => self.follow(),
                Some(request) = inputs.requests.recv() => self.answer(request),
                Some(id) = losses.recv() => self.look_at(&id),
                Some(Ok((id, serial))) = self.under_way.join_next(), if !self.under_way.is_empty() => {
                    self.ended(&id, serial);
                }
                _ = clock.tick() => self.follow_clock(),
                () = self.cancel.cancelled() => break,
            }
        }
        while self.under_way.join_next().await.is_some() {}
        scrubbing.abort();
    }

    fn follow_clock(&self) {
        if let Err(error) = self.context.follow() {
            warn!(error = %Chain(&error), "the settings of downloads are not taken over");
        }
    }

    /// Makes the tasks those of the entries that are wanted.
    pub(super) fn follow(&mut self) {
        self.follow_clock();
        let want = self.context.settings().fetch.want.clone();
        let is_gone = |id: &String, task: &mut Running| task.is_wanted && !want.contains(id);
        let gone: Vec<_> = self.running.extract_if(.., is_gone).collect();
        for (id, task) in gone {
            task.cancel.cancel();
            self.context.board.remove(&id);
            info!(entry = id, "an entry is wanted no more; its images stay");
        }
        for id in &want {
            if !self.running.contains_key(id) {
                self.begin(id, true, Asked::default());
            }
        }
    }

    /// Begins to look at what is asked for.
    pub(super) fn answer(&mut self, request: Request) {
        let Request { ids, force, answer } = request;
        let _ = answer.send(self.ask(ids, force));
    }

    fn ask(&mut self, ids: Vec<String>, force: bool) -> Result<u64, String> {
        let settings = self.context.settings();
        let ids = if ids.is_empty() { settings.fetch.want.clone() } else { ids };
        if ids.is_empty() {
            return Err("nothing is wanted: name entries, or list them in `fetch.want`".to_owned());
        }
        let catalog = &settings.catalog.get().catalog;
        if let Some(id) = ids.iter().find(|id| catalog.get(id).is_none()) {
            return Err(Setback::no_entry(id, catalog).to_string());
        }
        let looks = self.context.board.looks();
        for id in &ids {
            match self.running.get(id) {
                Some(task) => task.ask(force),
                None => self.begin(id, false, Asked { times: 1, force }),
            }
        }
        Ok(looks)
    }

    /// Has an entry looked at that is wanted.
    fn look_at(&self, id: &str) {
        if let Some(task) = self.running.get(id) {
            task.ask(false);
        }
    }

    fn begin(&mut self, id: &str, is_wanted: bool, first: Asked) {
        self.serials += 1;
        let (serial, cancel) = (self.serials, self.cancel.child_token());
        let (asked, asked_input) = watch::channel(first);
        let task = EntryTask {
            context: Arc::clone(&self.context),
            id: id.to_owned(),
            asked: asked_input,
            cancel: cancel.clone(),
        };
        let id = id.to_owned();
        let own = id.clone();
        self.under_way.spawn(async move {
            if is_wanted {
                task.run().await;
            } else {
                // It was told to everybody, and written down.
                let _ = task.once().await;
            }
            (own, serial)
        });
        self.running.insert(id, Running { asked, cancel, is_wanted, serial });
    }

    fn ended(&mut self, id: &str, serial: u64) {
        if self.running.get(id).is_some_and(|task| task.serial == serial) {
            self.running.remove(id);
            // It may have become wanted meanwhile.
            self.follow();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{sync::mpsc, time};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_time_of_day_is_looked_at_though_requests_never_stop() {
        let (requests, mut asked) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while requests.send(()).is_ok() {
                time::sleep(Duration::from_secs(1)).await;
            }
        });
        let (mut clock, start, mut looks) = (ticks(), Instant::now(), 0);
        while start.elapsed() < CLOCK * 4 + CLOCK / 2 {
            tokio::select! {
                Some(()) = asked.recv() => {}
                _ = clock.tick() => looks += 1,
            }
        }
        assert_eq!(looks, 4);
    }
}
