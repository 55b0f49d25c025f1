//! One round: look, plan, tell, begin. It waits for no step; their outcomes are for the next round.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use isomirror_core::{
    backend_choice::BackendChoice,
    desired::{Desired, desired},
    inventory::Finding,
    medium::{Identity, IdentityKey},
    name::Name,
    plan::{Attempt, Circumstances, Plan, Step, plan},
    state::{Round, StateDocument},
};
use tokio::{task::spawn_blocking, time::Instant};
use tracing::{debug, info, warn};

use super::{
    memory::MountedDisc,
    observe::{Known, Observation, observe},
    reconciler::{Finished, READY_PATIENCE, Reconciler, Settings},
    step::{Done, StepError},
    tell,
    web_root::{WebRoot, WebRootError},
};
use crate::{
    environment::STATE_DOCUMENT, logging::Chain, open_medium::OpenMedium, probe::ProbedSet,
    serve::Exports, sys::replace_file::replace_file,
};

impl Reconciler {
    /// Brings the web root nearer to what is desired. Returns when to look again at the latest, if there is such a
    /// moment.
    pub(super) async fn round(&mut self) -> Option<Duration> {
        let settings = Arc::clone(&self.settings.borrow_and_update());
        let set = self.input.borrow_and_update().clone()?;
        let patience = *self.first_set.get_or_insert_with(Instant::now) + READY_PATIENCE;
        let desired = desired(set.inventory.clone(), &settings.rules, &mut self.memory.ledger);
        let mut problems = set.problems.clone();
        let (web_root, observation) = self.look(&settings, &mut problems).await;
        let wanted =
            if web_root.is_some() { self.wanted(&desired, &settings) } else { BTreeMap::new() };
        self.forget_old_attempts(&wanted, &observation);
        let plan = self.plan(&wanted, &observation, &settings);
        self.forget_settled(&plan);
        let steps = self.remember(plan.steps.clone(), &desired, &mut problems);
        self.note_backends(&observation, &settings, &desired);
        let document = self.document(&settings, &desired, &wanted, &observation, &plan, &problems);
        // Before anything is unmounted, and as soon as it can be read.
        self.publish(&settings, &desired, &plan, &set, &document);
        self.write(document).await;
        if let Some(web_root) = web_root {
            self.begin(steps, &web_root, &set, &settings);
        }
        let is_settled = self.in_flight.is_empty() || Instant::now() >= patience;
        if is_settled && !self.is_ready {
            self.is_ready = true;
            self.outputs.service.ready();
            info!(media = self.document.media.len(), "ready");
        }
        let due = plan.next.map(|next| next.saturating_sub(self.now()));
        let ready = (!self.is_ready).then(|| patience.saturating_duration_since(Instant::now()));
        due.into_iter().chain(ready).min()
    }

    /// Time on the clock of attempts.
    pub(super) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Opens the web root and looks at it. What stands in the way is added to `problems`.
    async fn look(
        &self,
        settings: &Settings,
        problems: &mut Vec<String>,
    ) -> (Option<Arc<WebRoot>>, Observation) {
        match self.observe(settings).await {
            Ok((_, observation)) if observation.is_private => {
                problems.push(format!(
                    "`{}` lies in a private mount namespace, where nobody else would see what is mounted: remove \
                     options like PrivateTmp=, ProtectSystem= or ProtectHome= from the unit, drop-ins included",
                    settings.webroot.display()
                ));
                (None, observation)
            }
            Ok((web_root, observation)) => (Some(web_root), observation),
            Err(error) => {
                let remedy = "make it a directory that isomirror may write to";
                problems.push(format!("{}: {remedy}", Chain(&error)));
                (None, Observation::default())
            }
        }
    }

    /// What is in the web root now.
    pub(super) async fn observe(
        &self,
        settings: &Settings,
    ) -> Result<(Arc<WebRoot>, Observation), WebRootError> {
        let path = settings.webroot.clone();
        let state_directory = self.places.state_directory.clone();
        let known = Known {
            directories: self.memory.ledger.directories.clone(),
            discs: self.memory.discs.clone(),
            served: self.workshop.served(),
        };
        spawn_blocking(move || {
            let web_root = WebRoot::open(&path)?;
            let observation = observe(&web_root, &state_directory, &known)?;
            Ok((Arc::new(web_root), observation))
        })
        .await
        .expect("looking at the web root does not panic")
    }

    /// Media to be mounted, by name. All others are served over HTTP alone.
    fn wanted(&self, desired: &Desired, settings: &Settings) -> BTreeMap<Name, IdentityKey> {
        let capabilities = &self.workshop.capabilities;
        match settings.backend {
            BackendChoice::None | BackendChoice::Autofs => BTreeMap::new(),
            BackendChoice::Auto if !capabilities.root => BTreeMap::new(),
            _ => desired.media().map(|(name, entry, _)| (name.clone(), entry.key())).collect(),
        }
    }

    fn plan(
        &self,
        wanted: &BTreeMap<Name, IdentityKey>,
        observation: &Observation,
        settings: &Settings,
    ) -> Plan {
        let in_flight: BTreeSet<Name> = self.in_flight.keys().cloned().collect();
        let circumstances = Circumstances {
            in_flight: &in_flight,
            attempts: &self.attempts,
            drain: settings.drain,
            now: self.now(),
        };
        plan(wanted, &observation.actual, circumstances)
    }

    /// A name that is free of its trouble, or that another medium has now, starts anew.
    fn forget_old_attempts(
        &mut self,
        wanted: &BTreeMap<Name, IdentityKey>,
        observation: &Observation,
    ) {
        let attempted = &mut self.attempted;
        attempted.retain(|name, medium| {
            wanted.get(name).copied() == *medium
                && (wanted.contains_key(name) || observation.actual.contains_key(name))
        });
        self.attempts.retain(|name, _| attempted.contains_key(name));
        self.accounts
            .retain(|name, _| wanted.contains_key(name) || observation.actual.contains_key(name));
        // So that a failure knows later for which medium it was.
        for name in wanted.keys().chain(observation.actual.keys()) {
            self.attempted.entry(name.clone()).or_insert_with(|| wanted.get(name).copied());
        }
    }

    /// Hands the server what is published now.
    fn publish(
        &mut self,
        settings: &Settings,
        desired: &Desired,
        plan: &Plan,
        set: &ProbedSet,
        document: &StateDocument,
    ) {
        let media: BTreeMap<Name, Arc<OpenMedium>> = desired
            .media()
            .filter(|(name, _, _)| !plan.blocked.contains(*name))
            .filter_map(|(name, entry, _)| {
                Some((name.clone(), Arc::clone(set.media.get(&entry.key())?)))
            })
            .collect();
        let keys = |media: &BTreeMap<Name, Arc<OpenMedium>>| -> Vec<_> {
            media.iter().map(|(name, medium)| (name.clone(), medium.file().key())).collect()
        };
        let now = (keys(&media), settings.symlinks, document.revision);
        if self.published.as_ref() != Some(&now) {
            self.published = Some(now);
            let state = Arc::new(document.clone());
            (self.outputs.publish)(Exports { media, state, symlinks: settings.symlinks });
        }
    }

    /// Writes down what a crash would make us forget. Steps that rely on it are left out where that fails.
    fn remember(
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
            let identity =
                desired.entries.get(name).and_then(|entry| match &entry.sighting.finding {
                    Finding::Readable(medium) => Some(medium.identity),
                    Finding::Unreadable(_) | Finding::Waiting(_) => None,
                });
            if let Some(Identity::Disc { device, .. }) = identity {
                let device = (rustix::fs::major(device), rustix::fs::minor(device));
                self.memory.discs.insert(name.clone(), MountedDisc { medium: *medium, device });
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

    /// What is as it should be has no failures any more.
    fn forget_settled(&mut self, plan: &Plan) {
        let is_due = |name: &Name| plan.steps.iter().any(|step| step.name() == name);
        self.attempts.retain(|name, _| plan.waiting.contains(name) || is_due(name));
        for (name, account) in &mut self.accounts {
            if !self.attempts.contains_key(name) {
                account.failure = None;
            }
        }
    }

    /// What people are told of how media are shown.
    fn note_backends(&mut self, observation: &Observation, settings: &Settings, desired: &Desired) {
        let capabilities = &self.workshop.capabilities;
        let unmounted = match settings.backend {
            BackendChoice::None => Some(None),
            BackendChoice::Auto if !capabilities.root => Some(Some(capabilities.describe())),
            _ => None,
        };
        for (name, _, _) in desired.media() {
            let account = self.accounts.entry(name.clone()).or_default();
            match (observation.backends.get(name), &unmounted) {
                (Some(backend), _) => account.backend = Some(backend.as_str().to_owned()),
                (None, Some(reason)) => {
                    account.backend = Some("none".to_owned());
                    account.backend_reason.clone_from(reason);
                }
                (None, None) => account.backend = None,
            }
        }
    }

    fn document(
        &self,
        settings: &Settings,
        desired: &Desired,
        wanted: &BTreeMap<Name, IdentityKey>,
        observation: &Observation,
        plan: &Plan,
        problems: &[String],
    ) -> StateDocument {
        let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let round = Round {
            webroot: &settings.webroot,
            desired,
            wanted,
            actual: &observation.actual,
            blocked: &plan.blocked,
            accounts: &self.accounts,
            problems,
            previous: &self.document,
            now: &now,
        };
        round.document()
    }

    /// Tells people and scripts what changed.
    async fn write(&mut self, document: StateDocument) {
        if document == self.document {
            return;
        }
        tell::changes(&self.document, &document);
        self.outputs.service.status(&tell::status(&document));
        self.document = document;
        let path = self.places.runtime_directory.join(STATE_DOCUMENT);
        let text = serde_json::to_vec_pretty(&self.document).map_err(std::io::Error::from);
        let written = match text {
            Ok(text) => spawn_blocking(move || replace_file(&path, &text)).await.unwrap_or(Ok(())),
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            warn!(error = %Chain(&error), "the state document cannot be written");
        }
    }

    fn begin(
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
            self.in_flight.insert(step.name().clone(), step.clone());
            self.spawn(step, Arc::clone(web_root), medium, Arc::clone(settings));
        }
    }

    fn spawn(
        &mut self,
        step: Step,
        web_root: Arc<WebRoot>,
        medium: Option<Arc<OpenMedium>>,
        settings: Arc<Settings>,
    ) {
        debug!(?step, "a step begins");
        let workshop = Arc::clone(&self.workshop);
        let lanes = Arc::clone(&self.lanes);
        let device = medium.as_ref().map(|medium| match medium.file().identity() {
            Identity::File { device, .. } | Identity::Disc { device, .. } => device,
        });
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

    fn note_success(&mut self, step: &Step, done: Done) {
        let name = step.name();
        match done {
            Done::Mounted { backend, reason } => {
                let account = self.accounts.entry(name.clone()).or_default();
                account.backend = Some(backend.as_str().to_owned());
                account.backend_reason = reason;
            }
            Done::Unmounted { detached } => {
                self.accounts.remove(name);
                self.memory.discs.remove(name);
                if detached {
                    info!(name = %name, "readers were cut off");
                }
            }
            Done::Removed => {
                self.memory.ledger.directories.remove(name);
            }
            // Not a failure, but not to be tried over and over either.
            Done::Overtaken => self.count_attempt(name, true),
        }
    }

    fn note_failure(&mut self, name: &Name, error: &StepError) {
        if !self.attempts.contains_key(name) && !error.is_busy() {
            warn!(name = %name, error = %Chain(error), "a step failed");
        }
        self.count_attempt(name, error.is_busy());
        let account = self.accounts.entry(name.clone()).or_default();
        account.failure = Some(match error.remedy() {
            Some(remedy) => format!("{}: {remedy}", Chain(error)),
            None => Chain(error).to_string(),
        });
    }

    fn count_attempt(&mut self, name: &Name, busy: bool) {
        let previous = self.attempts.get(name).copied();
        self.attempts.insert(name.clone(), Attempt::after_failure(previous, self.now(), busy));
    }
}
