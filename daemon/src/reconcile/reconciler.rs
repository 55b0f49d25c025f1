//! The loop.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::PathBuf,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use isomirror_core::{
    backend_choice::BackendChoice,
    containment::SymlinkPolicy,
    medium::IdentityKey,
    name::Name,
    naming::NameRules,
    plan::{Attempts, Step},
    state::{Account, DownloadState, StateDocument},
    view::ViewSettings,
};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{
    memory::Memory,
    on_demand::OnDemand,
    step::{Done, StepError, Workshop},
    view_files::ViewFiles,
    work::StepInFlight,
};
use crate::{
    backend::Capabilities,
    lanes::Lanes,
    logging::Chain,
    pace::{LONGEST, pause_after},
    probe::ProbedSet,
    serve::Exports,
    service::Service,
    sys::mount_table::MountTable,
    tally::Tally,
    withheld::{LettingGo, Withheld},
};

/// Outcomes of steps are taken together for this long, so that a thousand of them do not make a thousand rounds.
const COLLECT: Duration = Duration::from_millis(50);

/// How long readiness waits for media that are slow to mount.
pub(super) const READY_PATIENCE: Duration = Duration::from_secs(10);

/// How often everything is looked at without any sign.
const IDLE: Duration = Duration::from_mins(1);

/// What may change while the loop runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Directory below which media are mounted.
    pub webroot: PathBuf,
    /// How media are named.
    pub rules: NameRules,
    /// How they are mounted.
    pub backend: BackendChoice,
    /// How long readers of a leaving medium may go on.
    pub drain: Duration,
    /// What becomes of symbolic links.
    pub symlinks: SymlinkPolicy,
    /// Further mount options by file system type.
    pub options: BTreeMap<String, String>,
    /// Whether everything is unmounted at the end; FUSE mounts always are.
    pub unmount_on_stop: bool,
    /// What views are rendered by.
    pub views: Arc<ViewSettings>,
    /// Whether they are written into the web root too.
    pub view_files: bool,
}

/// Where the loop keeps its files.
#[derive(Clone, Debug)]
pub struct Places {
    /// State document and record of mounted discs.
    pub runtime_directory: PathBuf,
    /// Names, and EROFS metadata.
    pub state_directory: PathBuf,
}

/// What the loop is told. Of each it takes the newest whole.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// How it is to be done.
    pub settings: watch::Receiver<Arc<Settings>>,
    /// What there is; `None` until the first look ended.
    pub media: watch::Receiver<Option<Arc<ProbedSet>>>,
    /// What of it is not to be published.
    pub withheld: watch::Receiver<Arc<Withheld>>,
    /// What happens with wanted entries of the catalog.
    pub downloads: watch::Receiver<Arc<Vec<DownloadState>>>,
}

/// Takes what is to be served from now on; a name that is gone must refuse requests when that is done, which must not take
/// long.
pub type Publish = Box<dyn Fn(Exports) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Whom the loop tells.
pub struct Outputs {
    /// The server.
    pub publish: Publish,
    /// Takes how far it is with the media that are withheld.
    pub let_go: watch::Sender<LettingGo>,
    /// The service manager.
    pub service: Service,
    /// What stands before the path of a medium in the log: `http://127.0.0.1:8080`, or nothing where nobody serves.
    pub server_url: String,
}

impl fmt::Debug for Outputs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Outputs").field("service", &self.service).finish_non_exhaustive()
    }
}

/// What the server was told: names and media, what is withheld, the policy of links, what views are rendered by, and
/// the document's revision.
pub(super) type Told = (Vec<(Name, IdentityKey)>, Withheld, SymlinkPolicy, Arc<ViewSettings>, u64);

/// A step that ended.
pub(super) type Finished = (Step, Result<Done, StepError>);

/// The loop and what it remembers between rounds: attempts and the reasons to tell people, nothing else.
#[derive(Debug)]
pub struct Reconciler {
    pub(super) settings: watch::Receiver<Arc<Settings>>,
    pub(super) input: watch::Receiver<Option<Arc<ProbedSet>>>,
    pub(super) withheld: watch::Receiver<Arc<Withheld>>,
    pub(super) downloads: watch::Receiver<Arc<Vec<DownloadState>>>,
    pub(super) places: Places,
    pub(super) outputs: Outputs,
    pub(super) memory: Memory,
    pub(super) on_demand: OnDemand,
    pub(super) view_files: ViewFiles,
    pub(super) workshop: Arc<Workshop>,
    pub(super) lanes: Arc<Lanes>,
    pub(super) running: JoinSet<Finished>,
    pub(super) in_flight: BTreeMap<Name, StepInFlight>,
    pub(super) attempts: Attempts,
    /// For which medium an attempt was, so that another one under the name does not wait for its pauses.
    pub(super) attempted: BTreeMap<Name, Option<IdentityKey>>,
    pub(super) accounts: BTreeMap<Name, Account>,
    /// What the last look at the web root found mounted, less what we unmounted since.
    pub(super) mounted: BTreeMap<Name, IdentityKey>,
    /// How far it is with what is withheld.
    pub(super) letting_go: LettingGo,
    pub(super) document: StateDocument,
    pub(super) tally: Arc<Tally>,
    /// What the server was told last, so that it is told only of changes.
    pub(super) published: Option<Told>,
    pub(super) started: Instant,
    pub(super) first_set: Option<Instant>,
    pub(super) is_ready: bool,
}

impl Reconciler {
    /// Reads what an earlier run left and finds out what this machine can do. Blocks.
    #[must_use]
    pub fn new(inputs: Inputs, places: Places, outputs: Outputs, lanes: Arc<Lanes>) -> Self {
        let memory = Memory::load(&places.state_directory, &places.runtime_directory);
        let view_files = ViewFiles::load(&places.state_directory);
        let workshop = Workshop {
            capabilities: Capabilities::probe(),
            state_directory: places.state_directory.clone(),
            sessions: Mutex::default(),
        };
        Self {
            settings: inputs.settings,
            input: inputs.media,
            withheld: inputs.withheld,
            downloads: inputs.downloads,
            places,
            outputs,
            memory,
            on_demand: OnDemand::default(),
            view_files,
            workshop: Arc::new(workshop),
            lanes,
            running: JoinSet::new(),
            in_flight: BTreeMap::new(),
            attempts: Attempts::new(),
            attempted: BTreeMap::new(),
            accounts: BTreeMap::new(),
            mounted: BTreeMap::new(),
            letting_go: LettingGo::new(),
            document: StateDocument::default(),
            tally: Arc::default(),
            published: None,
            started: Instant::now(),
            first_set: None,
            is_ready: false,
        }
    }

    /// Media that an earlier run gave names to, present or not.
    #[must_use]
    pub fn remembered(&self) -> BTreeSet<IdentityKey> {
        self.memory.ledger.holders()
    }

    /// Runs until `cancel`, then ends what cannot live on without this process.
    pub async fn run(mut self, cancel: CancellationToken) {
        let table = MountTable::watch()
            .inspect_err(|error| warn!(error = %Chain(error), "mounts by others are noticed late"))
            .ok();
        let watchdog = self.outputs.service.watchdog_interval();
        let mut alive = Instant::now();
        while !cancel.is_cancelled() {
            let round_started = Instant::now();
            let next = self.round().await;
            let soon = Instant::now() + pause_after(round_started.elapsed());
            if watchdog.is_some_and(|interval| alive.elapsed() >= interval / 2) {
                self.outputs.service.alive();
                alive = Instant::now();
            }
            let wake = next.unwrap_or(IDLE).min(watchdog.unwrap_or(IDLE));
            // Every arm only says "look again"; what another one had to say is still there the next time.
            let until = tokio::select! {
                changed = self.input.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    soon
                }
                _ = self.settings.changed() => soon,
                Ok(()) = self.downloads.changed() => soon,
                // Somebody waits, and has taken everything together already.
                _ = self.withheld.changed() => round_started,
                Some(finished) = self.running.join_next(), if !self.running.is_empty() => {
                    self.note(finished.ok());
                    soon.max(round_started + COLLECT)
                }
                // While steps are under way the changes are ours.
                () = table_changed(table.as_ref()) => round_started + LONGEST,
                () = sleep_until(round_started + wake) => round_started,
                () = cancel.cancelled() => break,
            };
            self.collect(until, soon, &cancel).await;
        }
        self.running.shutdown().await;
        self.stop().await;
    }

    /// Takes in outcomes until `end`, or until nothing is under way any more. What comes new is not kept waiting beyond
    /// `soon`.
    async fn collect(&mut self, mut end: Instant, soon: Instant, cancel: &CancellationToken) {
        let had_steps = !self.running.is_empty();
        loop {
            if had_steps && self.running.is_empty() {
                return;
            }
            tokio::select! {
                Some(finished) = self.running.join_next(), if !self.running.is_empty() => self.note(finished.ok()),
                Ok(()) = self.input.changed(), if end > soon => end = soon,
                Ok(()) = self.withheld.changed() => return,
                () = sleep_until(end) => return,
                () = cancel.cancelled() => return,
            }
        }
    }
}

async fn table_changed(table: Option<&MountTable>) {
    match table {
        Some(table) => {
            if table.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
        None => std::future::pending().await,
    }
}
