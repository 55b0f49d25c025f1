//! Steps begin, and what became of them is noted.

use std::{sync::Arc, time::Duration};

use isomirror_core::{
    control::Process,
    desired::{Desired, Entry},
    inventory::silence,
    medium::Identity,
    name::Name,
    plan::{Attempt, Step},
};
use tokio::task::spawn_blocking;
use tracing::{debug, info, warn};

use super::{
    reconciler::{Finished, Reconciler, Settings},
    step::{Done, StepError},
    web_root::WebRoot,
};
use crate::{
    logging::Chain, open_medium::OpenMedium, probe::ProbedSet, sys::mount_users::MountUser,
};

/// Time after which a medium counts as one that does not answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A step that was begun and has not ended.
#[derive(Clone, Debug)]
pub(super) struct StepInFlight {
    pub(super) step: Step,
    /// On the clock of attempts.
    pub(super) since: Duration,
}

impl Reconciler {
    /// Says of media whose mount takes too long that they do not answer; they are served over HTTP as far as they do.
    /// Returns when the next of them will have taken too long.
    pub(super) fn note_silence(&mut self, desired: &Desired) -> Option<Duration> {
        let now = self.now();
        let (mut silent, mut next) = (Vec::new(), None);
        for (name, begun) in &self.in_flight {
            if !matches!(begun.step, Step::Mount { .. }) {
                continue;
            }
            let end = begun.since + PATIENCE;
            if end > now {
                next = Some(next.map_or(end, |next: Duration| next.min(end)));
            } else if let Some(entry) = desired.entries.get(name) {
                silent.push((name.clone(), silence(&entry.sighting.source, PATIENCE)));
            }
        }
        for (name, problem) in silent {
            self.accounts.entry(name).or_default().failure = Some(problem);
        }
        next
    }

    /// Writes down what a crash would make us forget. Steps that rely on it are left out where that fails.
    pub(super) fn remember(
        &mut self,
        steps: Vec<Step>,
        desired: &Desired,
        problems: &mut Vec<String>,
    ) -> Vec<Step> {
        for step in &steps {
            let Step::Mount { name, medium, create } = step else { continue };
            if *create {
                self.memory.ledger.directories.insert(name.clone());
            }
            let found = desired.entries.get(name).and_then(Entry::medium);
            let identity = found.map(|medium| medium.identity);
            if let Some(Identity::Disc { .. }) = identity {
                self.memory.discs.insert(name.clone(), *medium);
            }
        }
        match self.memory.save() {
            Ok(()) => steps,
            Err(error) => {
                problems.push(format!("{}: make room there, or make it writable", Chain(&error)));
                steps.into_iter().filter(|step| !matches!(step, Step::Mount { .. })).collect()
            }
        }
    }

    pub(super) fn begin(
        &mut self,
        steps: Vec<Step>,
        web_root: &Arc<WebRoot>,
        set: &ProbedSet,
        settings: &Arc<Settings>,
    ) {
        for step in steps {
            let medium = match &step {
                Step::Mount { medium, .. } => set.media.get(medium).cloned(),
                Step::Unmount { .. } | Step::RemoveDirectory { .. } => None,
            };
            let begun = StepInFlight { step: step.clone(), since: self.now() };
            self.in_flight.insert(step.name().clone(), begun);
            self.spawn(step, Arc::clone(web_root), medium, Arc::clone(settings));
        }
    }

    pub(super) fn spawn(
        &mut self,
        step: Step,
        web_root: Arc<WebRoot>,
        medium: Option<Arc<OpenMedium>>,
        settings: Arc<Settings>,
    ) {
        debug!(?step, "a step begins");
        let workshop = Arc::clone(&self.workshop);
        let lanes = Arc::clone(&self.lanes);
        let device = medium.as_ref().map(|medium| medium.file().identity().device());
        self.running.spawn(async move {
            let planned = step.clone();
            let work = move || workshop.carry_out(&step, &web_root, medium.as_ref(), &settings);
            let done = match device {
                Some(device) => lanes.run(device, work).await,
                // Removals wait for nobody.
                None => spawn_blocking(work).await,
            };
            (planned, done.expect("steps do not panic"))
        });
    }

    /// Takes in what became of a step.
    pub(super) fn note(&mut self, finished: Option<Finished>) {
        let Some((step, done)) = finished else { return };
        let name = step.name().clone();
        self.in_flight.remove(&name);
        match done {
            Ok(done) => self.note_success(&step, done),
            Err(error) => self.note_failure(&name, &error),
        }
    }

    pub(super) fn note_success(&mut self, step: &Step, done: Done) {
        let name = step.name();
        self.tally.step();
        match done {
            Done::Mounted { backend, reason } => {
                let account = self.accounts.entry(name.clone()).or_default();
                account.backend = Some(backend.as_str().to_owned());
                account.backend_reason = reason;
            }
            Done::Unmounted { cut_off } => {
                self.accounts.remove(name);
                self.memory.discs.remove(name);
                self.mounted.remove(name);
                self.tell_cut_off(step, cut_off);
            }
            Done::Removed => {
                self.memory.ledger.directories.remove(name);
            }
            // Not a failure, but not to be tried over and over either.
            Done::Overtaken => self.count_attempt(name, true),
        }
    }

    /// Tells once who was cut off from a medium.
    fn tell_cut_off(&mut self, step: &Step, users: Vec<MountUser>) {
        let Step::Unmount { name, medium, .. } = step else { return };
        if users.is_empty() {
            return;
        }
        let shown: Vec<_> =
            users.iter().map(|user| format!("{} ({})", user.pid, user.program)).collect();
        info!(name = %name, processes = shown.join(", "), "processes were cut off from a medium");
        let process = |user: MountUser| Process { pid: user.pid, program: user.program };
        self.note_cut_off(*medium, users.into_iter().map(process).collect());
    }

    pub(super) fn note_failure(&mut self, name: &Name, error: &StepError) {
        if !self.attempts.contains_key(name) && !error.is_busy() {
            warn!(name = %name, error = %Chain(error), "a step failed");
        }
        if !error.is_busy() {
            self.tally.failure();
        }
        self.count_attempt(name, error.is_busy());
        let account = self.accounts.entry(name.clone()).or_default();
        account.failure = Some(match error.remedy() {
            Some(remedy) => format!("{}: {remedy}", Chain(error)),
            None => Chain(error).to_string(),
        });
    }

    pub(super) fn count_attempt(&mut self, name: &Name, busy: bool) {
        let previous = self.attempts.get(name).copied();
        self.attempts.insert(name.clone(), Attempt::after_failure(previous, self.now(), busy));
    }
}
