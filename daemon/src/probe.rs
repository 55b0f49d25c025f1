//! Looks at what the sources found: whole sets of candidates come in, whole sets of media go out. Every medium is
//! looked at once; it is looked at again only if reading it failed. Probing must not decide what is published.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use isomirror_core::{
    copy::is_copy,
    image::{OpenError, TreeFormat},
    inventory::{Finding, Inventory, Sighting, silence},
    medium::{FileSystem, IdentityKey, Medium, Source},
};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep_until, timeout_at},
};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::{
    lanes::Lanes,
    logging::Chain,
    open_medium::OpenMedium,
    sources::{Candidate, Readiness, SourceSet},
    sys::medium_file::MediumFile,
};

/// How long the first set waits for media that answer slowly before it goes out without them.
const FIRST_SET_PATIENCE: Duration = Duration::from_secs(10);

/// Most looks take less than this: a set waits for them, instead of being told twice.
const QUICK_LOOK: Duration = Duration::from_millis(50);

/// Time after which a medium counts as one that does not answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Longest pause between looks at a medium that cannot be read.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

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

/// What is known of a medium.
#[derive(Debug)]
enum Look {
    UnderWay {
        since: Instant,
    },
    Open {
        medium: Arc<OpenMedium>,
        /// The one that it is a copy of, or itself.
        original: IdentityKey,
    },
    Failed {
        problem: String,
        failures: u32,
        retry: Option<Instant>,
    },
}

/// What became of a look.
#[derive(Debug)]
enum Finished {
    Opened(IdentityKey, Result<Arc<OpenMedium>, OpenError>),
    /// It looked like another one and was compared with that.
    Compared {
        medium: Arc<OpenMedium>,
        original: IdentityKey,
    },
}

/// The task that turns sets of candidates into sets of media.
#[derive(Debug)]
pub struct Probe {
    input: watch::Receiver<Option<Arc<SourceSet>>>,
    output: watch::Sender<Option<Arc<ProbedSet>>>,
    lanes: Arc<Lanes>,
    looks: HashMap<IdentityKey, Look>,
    running: JoinSet<Option<Finished>>,
}

impl Probe {
    /// Reads sets from `input` and writes what they are to `output`, which is `None` until the first is known.
    #[must_use]
    pub fn new(
        input: watch::Receiver<Option<Arc<SourceSet>>>,
        output: watch::Sender<Option<Arc<ProbedSet>>>,
        lanes: Arc<Lanes>,
    ) -> Self {
        Self { input, output, lanes, looks: HashMap::new(), running: JoinSet::new() }
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
        if !is_first || self.running.is_empty() || Instant::now() >= patience {
            self.output.send_replace(Some(Arc::new(self.probed(set))));
        }
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
        self.running.spawn(async move {
            let opened = lanes.run(device, move || OpenMedium::open(file)).await.ok()?;
            Some(Finished::Opened(key, opened.map(Arc::new)))
        });
    }

    fn note(&mut self, finished: Option<Finished>) {
        match finished {
            None => {}
            Some(Finished::Opened(key, opened)) => self.note_opened(key, opened),
            Some(Finished::Compared { medium, original }) => {
                let key = medium.file().key();
                if let Some(look) = self.looks.get_mut(&key) {
                    *look = Look::Open { medium, original };
                }
            }
        }
    }

    fn note_opened(&mut self, key: IdentityKey, opened: Result<Arc<OpenMedium>, OpenError>) {
        let failures = match self.looks.get(&key) {
            // Gone while it was looked at.
            None | Some(Look::Open { .. }) => return,
            Some(Look::UnderWay { .. }) => 0,
            Some(Look::Failed { failures, .. }) => *failures,
        };
        let look = match opened {
            Ok(medium) => self.look_of(medium),
            Err(error) => {
                if failures == 0 {
                    warn!(id = %key, error = %Chain(&error), "a medium cannot be read");
                }
                failed(&error, failures + 1)
            }
        };
        self.looks.insert(key, look);
    }

    /// What is known of a medium that was just opened: all, unless it has to be compared with one that looks the same.
    fn look_of(&mut self, medium: Arc<OpenMedium>) -> Look {
        let key = medium.file().key();
        let likeness = medium.likeness();
        let others = self.looks.values().filter_map(|look| match look {
            Look::Open { medium, original } => Some((Arc::clone(medium), *original)),
            Look::UnderWay { .. } | Look::Failed { .. } => None,
        });
        let alike: Vec<_> = others
            .filter(|(other, _)| likeness.is_some() && other.likeness() == likeness)
            .collect();
        if alike.is_empty() {
            return Look::Open { medium, original: key };
        }
        let lanes = Arc::clone(&self.lanes);
        let device = medium.file().identity().device();
        self.running.spawn(async move {
            let compared = Arc::clone(&medium);
            let original = lanes.run(device, move || original(&compared, &alike)).await;
            Some(Finished::Compared { medium, original: original.unwrap_or(key) })
        });
        Look::UnderWay { since: Instant::now() }
    }

    fn next_look(&self, patience: Instant) -> Option<Instant> {
        let is_waited_for = self.output.borrow().is_none() && !self.running.is_empty();
        let now = Instant::now();
        let looks = self.looks.values().filter_map(|look| match look {
            Look::Failed { retry, .. } => *retry,
            Look::UnderWay { since } => Some(*since + PATIENCE).filter(|end| *end > now),
            Look::Open { .. } => None,
        });
        looks.chain(is_waited_for.then_some(patience)).min()
    }

    fn probed(&self, set: &SourceSet) -> ProbedSet {
        let mut probed = ProbedSet { problems: set.problems.clone(), ..ProbedSet::default() };
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
                let finding = match self.looks.get(&key) {
                    Some(Look::Open { medium, original }) => {
                        media.insert(key, Arc::clone(medium));
                        Finding::Readable(described(medium, *original))
                    }
                    Some(Look::Failed { problem, .. }) => {
                        Finding::Unreadable(named(&source, problem))
                    }
                    Some(Look::UnderWay { since }) if since.elapsed() >= PATIENCE => {
                        Finding::Unreadable(silence(&source, PATIENCE))
                    }
                    Some(Look::UnderWay { .. }) | None => {
                        Finding::Waiting("it is being read".to_owned())
                    }
                };
                (key, finding)
            }
        };
        Sighting { source, key, finding }
    }
}

/// The original of the first of `others` that `medium` is a copy of, else itself. What cannot be compared is no copy.
fn original(medium: &OpenMedium, others: &[(Arc<OpenMedium>, IdentityKey)]) -> IdentityKey {
    let length = medium.image().volume().real_size;
    let is_original = |(other, _): &&(Arc<OpenMedium>, IdentityKey)| {
        is_copy(&**medium.file(), &**other.file(), length).unwrap_or(false)
    };
    others.iter().find(is_original).map_or(medium.file().key(), |(_, original)| *original)
}

/// What the rest of the program needs to know of an open medium.
fn described(medium: &OpenMedium, original: IdentityKey) -> Medium {
    let volume = medium.image().volume();
    Medium {
        identity: medium.file().identity(),
        label: volume.label.clone(),
        uuid: volume.uuid.clone(),
        file_system: match volume.tree {
            TreeFormat::Udf => FileSystem::Udf,
            _ => FileSystem::Iso9660,
        },
        size: volume.real_size,
        original,
        problems: volume.problems.clone(),
    }
}

fn failed(error: &OpenError, failures: u32) -> Look {
    let (remedy, is_retried) = match error {
        OpenError::Read { .. } => ("check the file system or the drive that it is on", true),
        OpenError::NotAnImage => ("remove it, or put an installation image there", false),
        OpenError::Damaged { .. } => ("get the image again", false),
        OpenError::Unsupported(_) => ("use an image of another format", false),
    };
    let pause = Duration::from_secs(1 << failures.min(6)).min(LONGEST_PAUSE);
    Look::Failed {
        problem: format!("{}: {remedy}", Chain(error)),
        failures,
        retry: is_retried.then(|| Instant::now() + pause),
    }
}

fn named(source: &Source, problem: &str) -> String {
    format!("`{}`: {problem}", source.path().display())
}
