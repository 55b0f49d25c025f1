//! One round: look, plan, tell, begin. It waits for no step; their outcomes are for the next round.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use isomirror_core::{
    backend_choice::BackendChoice,
    desired::{Desired, desired},
    medium::IdentityKey,
    name::Name,
    plan::{Attempt, Circumstances, Occupant, Plan, Step, plan, taken_by_others},
    state::StateDocument,
};
use tokio::{task::spawn_blocking, time::Instant};
use tracing::info;

use super::{
    let_go::admitted,
    observe::{Known, Observation, observe},
    on_demand::kept_by_automount,
    reconciler::{READY_PATIENCE, Reconciler, Settings},
    tidings::Picture,
    web_root::{WebRoot, WebRootError},
};
use crate::{logging::Chain, probe::ProbedSet, withheld::Withheld};

impl Reconciler {
    /// Brings the web root nearer to what is desired. Returns when to look again at the latest, if there is such a
    /// moment.
    pub(super) async fn round(&mut self) -> Option<Duration> {
        let settings = Arc::clone(&self.settings.borrow_and_update());
        self.leave_former_web_root(&settings).await;
        let set = self.input.borrow_and_update().clone()?;
        self.downloads.mark_unchanged();
        self.tally.round();
        let patience = *self.first_set.get_or_insert_with(Instant::now) + READY_PATIENCE;
        let withheld = Arc::clone(&self.withheld.borrow_and_update());
        self.follow_withheld(&withheld);
        let admitted = admitted(&set.inventory, &withheld);
        let served = self.document.served();
        let desired = desired(admitted, &settings.rules, &mut self.memory.ledger, &served);
        let mut problems = set.problems.clone();
        problems.extend(self.view_files.problems.iter().cloned());
        let (web_root, observation) = self.look(&settings, &mut problems).await;
        let wanted = web_root.as_ref().map(|_| self.wanted(&desired, &settings, &observation));
        let wanted = wanted.unwrap_or_default();
        let on_demand = web_root
            .as_ref()
            .map(|_| self.mount_on_demand(&settings, &desired, &observation, &mut problems));
        let (mapped, automount) = on_demand.unwrap_or_default();
        self.forget_old_attempts(&wanted, &observation);
        self.hold_off(&wanted, &observation);
        let present = set.inventory.iter().map(|sighting| sighting.key).collect();
        let plan = self.planned(&wanted, &observation, &present, &withheld, &settings);
        self.forget_settled(&plan);
        let silence = self.note_silence(&desired);
        let steps = self.remember(plan.steps.clone(), &desired, &mut problems);
        let picture = Picture {
            settings: &settings,
            desired: &desired,
            wanted: &wanted,
            mapped: mapped.as_ref(),
            observation: &observation,
            plan: &plan,
            withheld: &withheld,
            problems: &problems,
        };
        self.note_backends(picture);
        let document = self.document(picture);
        // Before anything is unmounted, and as soon as it can be read.
        self.publish(picture, &set, &document).await;
        let is_seen = web_root.is_some() || observation.is_private;
        self.tell_of_withheld(is_seen.then_some(&observation), &plan);
        let files = self.carry_out(steps, picture, &set, &document, web_root.as_ref()).await;
        let ready = self.note_readiness(patience);
        // Whatever is served now may have a name to come into.
        let is_news = desired.has_releases() && self.document.served() != served;
        let at_once = is_news.then_some(Duration::ZERO);
        let due = plan.next.into_iter().chain(silence).min();
        let due = due.map(|next| next.saturating_sub(self.now()));
        [due, ready, automount, files, at_once].into_iter().flatten().min()
    }

    /// Writes what is told in files, and begins the steps. Returns when the files are to be looked at again.
    async fn carry_out(
        &mut self,
        steps: Vec<Step>,
        picture: Picture<'_>,
        set: &ProbedSet,
        document: &StateDocument,
        web_root: Option<&Arc<WebRoot>>,
    ) -> Option<Duration> {
        let mut files = None;
        // Nothing may name what has left; what has come is told and mounted first.
        let are_files_first = self.view_files.show_what_left(document);
        if are_files_first {
            files = self.write_view_files(picture, set, document, web_root).await;
        }
        self.write(document).await;
        if let Some(web_root) = web_root {
            self.begin(steps, web_root, set, picture.settings);
        }
        if !are_files_first {
            files = self.write_view_files(picture, set, document, web_root).await;
        }
        files
    }

    /// Ready is who has done what there was to do at the start, or has tried for long enough. Returns how long at most
    /// it will still be tried.
    fn note_readiness(&mut self, patience: Instant) -> Option<Duration> {
        let is_settled = self.in_flight.is_empty() || Instant::now() >= patience;
        if is_settled && !self.is_ready {
            self.become_ready();
        }
        (!self.is_ready).then(|| patience.saturating_duration_since(Instant::now()))
    }

    fn planned(
        &self,
        wanted: &BTreeMap<Name, IdentityKey>,
        observation: &Observation,
        present: &BTreeSet<IdentityKey>,
        withheld: &Withheld,
        settings: &Settings,
    ) -> Plan {
        let circumstances = Circumstances {
            in_flight: &self.in_flight.keys().cloned().collect(),
            attempts: &self.attempts,
            drain: settings.drain,
            present,
            cut_at: &self.cut_at(withheld),
            now: self.now(),
        };
        plan(wanted, &observation.actual, circumstances)
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
    fn wanted(
        &self,
        desired: &Desired,
        settings: &Settings,
        observation: &Observation,
    ) -> BTreeMap<Name, IdentityKey> {
        let capabilities = &self.workshop.capabilities;
        match settings.backend {
            BackendChoice::None => BTreeMap::new(),
            _ if observation.automount.is_some() => {
                kept_by_automount(desired, settings, observation)
            }
            BackendChoice::Autofs => BTreeMap::new(),
            BackendChoice::Auto if !capabilities.root => BTreeMap::new(),
            _ => desired.media().map(|(name, entry, _)| (name.clone(), entry.key())).collect(),
        }
    }

    /// Does not fight whoever unmounts what we mounted.
    fn hold_off(&mut self, wanted: &BTreeMap<Name, IdentityKey>, observation: &Observation) {
        for name in taken_by_others(wanted, &self.mounted, &observation.actual) {
            info!(name = %name, "somebody else unmounted it");
            self.attempts.insert(name, Attempt::held_off(self.now()));
        }
        let mounted = observation.actual.iter().filter_map(|(name, occupant)| match occupant {
            Occupant::Mounted { medium, dead: false, .. } => Some((name.clone(), *medium)),
            _ => None,
        });
        self.mounted = mounted.collect();
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
}
