//! Looks at what the sources found: whole sets of candidates come in, whole sets of media go out. Every medium is
//! looked at once; it is looked at again only if reading it failed. What is on it is found out after it is known that it
//! can be read, and told when it is known. Probing must not decide what is published.

mod comparison;
mod look;
mod recognition;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use isomirror_core::{
    boot::Detection,
    image::OpenError,
    inventory::{Finding, Inventory, Sighting},
    medium::IdentityKey,
};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, sleep_until, timeout_at},
};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use self::{
    comparison::{Likely, Outcome, compare},
    look::{Look, failed},
    recognition::{Recognition, recognise},
};
use crate::{
    boot_data::BootData,
    lanes::Lanes,
    logging::Chain,
    open_medium::OpenMedium,
    sources::{Candidate, Readiness, SourceSet},
    sys::medium_file::MediumFile,
    verified_records::VerifiedRecords,
};

/// How long the first set waits for media that answer slowly before it goes out without them.
const FIRST_SET_PATIENCE: Duration = Duration::from_secs(10);

/// Most looks take less than this: a set waits for them, instead of being told twice.
const QUICK_LOOK: Duration = Duration::from_millis(50);

/// For how long media that look the same are compared again where one of them could not be read.
const COMPARISON_PATIENCE: Duration = Duration::from_secs(5);

/// Time from one such comparison to the next.
const COMPARISON_PAUSE: Duration = Duration::from_millis(500);

/// All candidates after a look at each.
#[derive(Debug, Default)]
pub struct ProbedSet {
    /// What each of them is.
    pub inventory: Inventory,
    /// The readable ones, open.
    pub media: BTreeMap<IdentityKey, Arc<OpenMedium>>,
    /// What is wrong with the sources themselves.
    pub problems: Vec<String>,
}

/// What a look came to.
#[derive(Debug)]
enum Finished {
    Opened(IdentityKey, Result<Arc<OpenMedium>, OpenError>),
    /// It looked like others and was compared with them.
    Compared(IdentityKey, Outcome),
    Recognised(IdentityKey, Arc<Detection>),
}

/// The task that turns sets of candidates into sets of media.
#[derive(Debug)]
pub struct Probe {
    input: watch::Receiver<Option<Arc<SourceSet>>>,
    boot_data: watch::Receiver<Arc<BootData>>,
    output: watch::Sender<Option<Arc<ProbedSet>>>,
    lanes: Arc<Lanes>,
    records: VerifiedRecords,
    looks: HashMap<IdentityKey, Look>,
    running: JoinSet<Option<Finished>>,
}

impl Probe {
    /// Reads sets from `input` and writes what they are to `output`, which is `None` until the first is known. What is on
    /// the media is found out by the signatures of `boot_data`, anew when these change; what was found about their files
    /// stands in `records`.
    #[must_use]
    pub fn new(
        input: watch::Receiver<Option<Arc<SourceSet>>>,
        boot_data: watch::Receiver<Arc<BootData>>,
        output: watch::Sender<Option<Arc<ProbedSet>>>,
        lanes: Arc<Lanes>,
        records: VerifiedRecords,
    ) -> Self {
        let (looks, running) = (HashMap::new(), JoinSet::new());
        Self { input, boot_data, output, lanes, records, looks, running }
    }

    /// Runs until `cancel`, or until nobody writes sets any more.
    pub async fn run(mut self, cancel: CancellationToken) {
        let patience = Instant::now() + FIRST_SET_PATIENCE;
        let mut set = self.input.borrow_and_update().clone();
        self.look_at(set.as_deref());
        loop {
            self.tell(set.as_deref(), patience);
            let wake = self.next_look(patience);
            // Every arm only says that there is something to look at; nothing is lost if another comes first.
            tokio::select! {
                changed = self.input.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    set.clone_from(&self.input.borrow_and_update());
                    self.look_at(set.as_deref());
                    self.finish_looks(QUICK_LOOK).await;
                }
                changed = self.boot_data.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.recognise_all();
                    self.finish_looks(QUICK_LOOK).await;
                }
                Some(finished) = self.running.join_next(), if !self.running.is_empty() => {
                    self.note(finished.ok().flatten());
                    self.finish_looks(QUICK_LOOK).await;
                }
                () = sleep_until(wake.unwrap_or(patience)), if wake.is_some() => {
                    self.look_at(set.as_deref());
                }
                () = cancel.cancelled() => return,
            }
        }
    }

    /// Takes in looks until all have ended or `patience` is over.
    async fn finish_looks(&mut self, patience: Duration) {
        let end = Instant::now() + patience;
        while let Ok(Some(finished)) = timeout_at(end, self.running.join_next()).await {
            self.note(finished.ok().flatten());
        }
    }

    /// Hands out what is known; the first time only when everything is, or when patience ends.
    fn tell(&self, set: Option<&SourceSet>, patience: Instant) {
        let Some(set) = set else { return };
        let is_first = self.output.borrow().is_none();
        if !is_first || !self.is_opening() || Instant::now() >= patience {
            self.output.send_replace(Some(Arc::new(self.probed(set))));
        }
    }

    /// Whether it is not known yet of some medium whether it can be read. What is on media is told when it is known.
    fn is_opening(&self) -> bool {
        let is_opening =
            |look: &Look| matches!(look, Look::UnderWay { .. } | Look::Compared { .. });
        self.looks.values().any(is_opening)
    }

    /// Starts looks at what is new or due again, and forgets what is gone.
    fn look_at(&mut self, set: Option<&SourceSet>) {
        let Some(set) = set else { return };
        let ready: HashMap<IdentityKey, &Arc<MediumFile>> = set
            .candidates
            .iter()
            .filter_map(|candidate| match &candidate.readiness {
                Readiness::Ready(file) => Some((file.key(), file)),
                Readiness::Waiting(_) | Readiness::Withheld(_) | Readiness::Unreadable(_) => None,
            })
            .collect();
        self.looks.retain(|key, _| ready.contains_key(key));
        let now = Instant::now();
        for (key, file) in ready {
            let is_due = match self.looks.get(&key) {
                None => true,
                Some(Look::Failed { retry: Some(retry), .. }) => *retry <= now,
                Some(_) => false,
            };
            if is_due {
                self.start(key, Arc::clone(file));
            }
        }
    }

    fn start(&mut self, key: IdentityKey, file: Arc<MediumFile>) {
        if !matches!(self.looks.get(&key), Some(Look::Failed { .. })) {
            self.looks.insert(key, Look::UnderWay { since: Instant::now() });
        } else if let Some(Look::Failed { retry, .. }) = self.looks.get_mut(&key) {
            *retry = None;
        }
        let lanes = Arc::clone(&self.lanes);
        let device = file.identity().device();
        let records = self.records.clone();
        let open = move || {
            let known = records.of(&file);
            OpenMedium::open(file).map(|medium| medium.known_as(known))
        };
        self.running.spawn(async move {
            let opened = lanes.run(device, open).await.ok()?;
            Some(Finished::Opened(key, opened.map(Arc::new)))
        });
    }

    fn note(&mut self, finished: Option<Finished>) {
        match finished {
            Some(Finished::Opened(key, opened)) => self.note_opened(key, opened),
            Some(Finished::Compared(key, outcome)) => self.note_compared(key, outcome),
            Some(Finished::Recognised(key, detection)) => {
                if let Some(Look::Open { recognition, .. }) = self.looks.get_mut(&key) {
                    recognition.detection = detection;
                }
            }
            None => {}
        }
    }

    fn note_opened(&mut self, key: IdentityKey, opened: Result<Arc<OpenMedium>, OpenError>) {
        let failures = match self.looks.get(&key) {
            // Gone while it was looked at.
            None | Some(Look::Compared { .. } | Look::Open { .. }) => return,
            Some(Look::UnderWay { .. }) => 0,
            Some(Look::Failed { failures, .. }) => *failures,
        };
        let look = match opened {
            Ok(medium) => self.compare(key, medium, Instant::now(), Duration::ZERO),
            Err(error) => {
                if failures == 0 {
                    debug!(id = %key, error = %Chain(&error), "a medium cannot be read");
                }
                failed(&error, failures + 1)
            }
        };
        self.looks.insert(key, look);
    }

    /// What is known of a medium that was opened at `since`: all, unless it has to be compared with others that look the
    /// same. What cannot be compared is compared again, for the other one may be about to leave.
    fn compare(
        &mut self,
        key: IdentityKey,
        medium: Arc<OpenMedium>,
        since: Instant,
        pause: Duration,
    ) -> Look {
        let likely = self.likely(&medium);
        if likely.is_empty() {
            return self.recognise(key, medium, key, Arc::default());
        }
        let lanes = Arc::clone(&self.lanes);
        let device = medium.file().identity().device();
        let compared = Arc::downgrade(&medium);
        self.running.spawn(async move {
            sleep(pause).await;
            let outcome = lanes.run(device, move || compare(&compared, &likely)).await;
            Some(Finished::Compared(key, outcome.unwrap_or(Outcome::Untold)))
        });
        Look::Compared { medium, since }
    }

    /// Media that look the same, as far as can be told without reading them.
    fn likely(&self, medium: &OpenMedium) -> Vec<Likely> {
        let likeness = medium.likeness();
        let open = self.looks.values().filter_map(|look| match look {
            Look::Open { medium, original, .. } => Some((medium, *original)),
            Look::UnderWay { .. } | Look::Compared { .. } | Look::Failed { .. } => None,
        });
        open.filter(|(other, _)| likeness.is_some() && other.likeness() == likeness)
            .map(|(other, original)| Likely { medium: Arc::downgrade(other), original })
            .collect()
    }

    fn note_compared(&mut self, key: IdentityKey, outcome: Outcome) {
        let Some(Look::Compared { medium, since }) = self.looks.get(&key) else { return };
        let (medium, since) = (Arc::clone(medium), *since);
        let look = match outcome {
            Outcome::CopyOf(original) => self.recognise(key, medium, original, Arc::default()),
            Outcome::Untold if since.elapsed() < COMPARISON_PATIENCE => {
                self.compare(key, medium, since, COMPARISON_PAUSE)
            }
            Outcome::Original | Outcome::Untold => self.recognise(key, medium, key, Arc::default()),
        };
        self.looks.insert(key, look);
    }

    /// Begins to find out what is on `medium`, of which `known` holds until then.
    fn recognise(
        &mut self,
        key: IdentityKey,
        medium: Arc<OpenMedium>,
        original: IdentityKey,
        known: Arc<Detection>,
    ) -> Look {
        let (recognition, cancel) = Recognition::begin(known);
        let boot_data = Arc::clone(&self.boot_data.borrow_and_update());
        let job = recognise(key, Arc::clone(&medium), boot_data, cancel, Arc::clone(&self.lanes));
        self.running.spawn(async move {
            job.await.map(|found| Finished::Recognised(key, Arc::new(found)))
        });
        Look::Open { medium, original, recognition }
    }

    /// Finds out anew what is on every medium.
    fn recognise_all(&mut self) {
        let open: Vec<_> = self
            .looks
            .iter()
            .filter_map(|(key, look)| match look {
                Look::Open { medium, original, recognition } => {
                    let known = Arc::clone(&recognition.detection);
                    Some((*key, Arc::clone(medium), *original, known))
                }
                Look::UnderWay { .. } | Look::Compared { .. } | Look::Failed { .. } => None,
            })
            .collect();
        for (key, medium, original, known) in open {
            let look = self.recognise(key, medium, original, known);
            self.looks.insert(key, look);
        }
    }

    fn next_look(&self, patience: Instant) -> Option<Instant> {
        let is_waited_for = self.output.borrow().is_none() && self.is_opening();
        let looks = self.looks.values().filter_map(Look::due);
        looks.chain(is_waited_for.then_some(patience)).min()
    }

    fn probed(&self, set: &SourceSet) -> ProbedSet {
        let mut probed = ProbedSet { problems: set.problems.clone(), ..ProbedSet::default() };
        probed.problems.extend(self.boot_data.borrow().problems.iter().cloned());
        for candidate in &set.candidates {
            let sighting = self.sighting(candidate, &mut probed.media);
            probed.inventory.push(sighting);
        }
        probed
    }

    fn sighting(
        &self,
        candidate: &Candidate,
        media: &mut BTreeMap<IdentityKey, Arc<OpenMedium>>,
    ) -> Sighting {
        let source = candidate.source.clone();
        let (key, finding) = match &candidate.readiness {
            Readiness::Waiting(reason) => {
                (IdentityKey::of_place(&source), Finding::Waiting(reason.clone()))
            }
            Readiness::Withheld(key) => {
                (*key, Finding::Waiting("it was let go of, for its drive is to open".to_owned()))
            }
            Readiness::Unreadable(problem) => {
                (IdentityKey::of_place(&source), Finding::Unreadable(problem.clone()))
            }
            Readiness::Ready(file) => {
                let key = file.key();
                let look = self.looks.get(&key);
                if let Some(Look::Open { medium, .. }) = look {
                    media.insert(key, Arc::clone(medium));
                }
                let finding = look.map_or_else(Look::not_begun, |look| look.finding(&source));
                (key, finding)
            }
        };
        Sighting { source, key, finding }
    }
}
