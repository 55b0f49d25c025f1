//! What the daemon does when it is asked to over the control socket.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use isomirror_core::{
    config::{EjectPolicy, MountConfig},
    control::{Answer, Request},
    medium::Source,
    state::{SourceKind, StateDocument},
};
use tokio::{
    sync::{Notify, mpsc, oneshot, watch},
    task::spawn_blocking,
    time::timeout,
};
use tracing::{info, warn};

use super::{
    releases::{Disc, Released, Releases},
    tray::{has_tray, open_tray},
};
use crate::{keeper, open_medium::OpenMedium, probe::ProbedSet};

/// Longest time that a request may ask to be waited for.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// Of the time that a request waits, what is left for the steps after the last readers were cut off.
const MARGIN: Duration = Duration::from_millis(500);

/// The same for requests that do not say for how long they wait.
const GRACE: Duration = Duration::from_secs(5);

/// How long a drive may take to open.
const TRAY_PATIENCE: Duration = Duration::from_secs(20);

/// What commands need to know and whom they tell.
#[derive(Debug)]
pub(super) struct Commands {
    pub(super) releases: Arc<Releases>,
    pub(super) media: watch::Receiver<Option<Arc<ProbedSet>>>,
    pub(super) document: watch::Receiver<Arc<StateDocument>>,
    pub(super) settings: watch::Receiver<MountConfig>,
    pub(super) rescan: Arc<Notify>,
    /// The role of fetching, wherever it is.
    pub(super) keeper: mpsc::Sender<keeper::Request>,
    /// Drives whose requests to eject were taken over.
    pub(super) deferring: Mutex<BTreeSet<PathBuf>>,
}

impl Commands {
    /// Does what is asked for.
    pub(super) async fn answer(self: Arc<Self>, request: Request) -> Answer {
        match request {
            Request::Ping => Answer::done(),
            Request::Rescan => {
                self.rescan.notify_one();
                Answer::done()
            }
            Request::Fetch { ids, force } => self.fetch(ids, force).await,
            Request::Release { device, wait_ms } => {
                self.release(device, Duration::from_millis(wait_ms).min(LONGEST_WAIT)).await
            }
            Request::Defer { device } => self.defer(device),
            Request::Eject { target, force } => self.eject(&target, force).await,
        }
    }

    /// Has entries of the catalog looked at. That they are fetched is not waited for.
    async fn fetch(&self, ids: Vec<String>, force: bool) -> Answer {
        let nobody = || {
            let remedy = "start it with `systemctl start isomirror-fetch`, or stop isomirrord to fetch without it";
            Answer::failed("the role of fetching does not run", remedy)
        };
        let (answer, answered) = oneshot::channel();
        if self.keeper.send(keeper::Request { ids, force, answer }).await.is_err() {
            return nobody();
        }
        match answered.await {
            Ok(Ok(look)) => Answer { look: Some(look), ..Answer::done() },
            Ok(Err(why)) => Answer::failed(why, "see `isomirror catalog list` for what there is"),
            Err(_) => nobody(),
        }
    }

    /// Lets go of what is in the drive, within `wait`.
    async fn release(&self, device: PathBuf, wait: Duration) -> Answer {
        let Some(disc) = self.disc_in(&device) else {
            return Answer { device: Some(device), ..Answer::done() };
        };
        info!(device = %device.display(), "asked to let go of a drive");
        let patience = self.drain().min(wait.saturating_sub(MARGIN));
        let released = self.releases.let_go(disc, patience, wait).await;
        told(&device, released)
    }

    /// Takes over a request to eject: the tray opens when nobody reads any more, or when the deadline is over.
    fn defer(self: Arc<Self>, device: PathBuf) -> Answer {
        let settings = self.settings.borrow().clone();
        if settings.eject != EjectPolicy::Defer {
            return Answer::failed(
                "requests to eject are not deferred",
                "set `mount.eject: defer`",
            );
        }
        let answer = Answer { device: Some(device.clone()), ..Answer::done() };
        if self.deferring().contains(&device) {
            return answer;
        }
        let Some(disc) = self.disc_in(&device) else {
            let problem = format!("nothing is published from `{}`", device.display());
            return Answer::failed(problem, "let the drive open");
        };
        let deadline = settings.eject_deadline.duration();
        info!(device = %device.display(), deadline = %settings.eject_deadline, "an eject waits for readers");
        self.deferring().insert(device.clone());
        tokio::spawn(async move {
            let answer = self.let_go_and_open(disc, deadline).await;
            self.deferring().remove(&device);
            if let Some(error) = answer.error {
                warn!(device = %device.display(), error, "a drive was not opened");
            }
        });
        answer
    }

    async fn eject(&self, target: &str, force: bool) -> Answer {
        let device = match self.device_of(target) {
            Ok(device) => device,
            Err(answer) => return *answer,
        };
        let Some(disc) = self.disc_in(&device) else {
            if has_tray(&device) {
                return opened(&device, Answer::done()).await;
            }
            let problem = format!("nothing is published from `{}`", device.display());
            return Answer::failed(problem, "see `isomirror list`");
        };
        let patience = match (force, self.settings.borrow().eject) {
            (true, _) => Duration::ZERO,
            (false, EjectPolicy::Release) => self.drain(),
            (false, EjectPolicy::Defer) => self.settings.borrow().eject_deadline.duration(),
        };
        self.let_go_and_open(disc, patience).await
    }

    /// Lets go of `disc` and opens its drive. Where that fails it is published again.
    async fn let_go_and_open(&self, disc: Disc, patience: Duration) -> Answer {
        let (key, device) = (disc.key, disc.device.clone());
        let released = self.releases.let_go(disc, patience, patience + GRACE).await;
        let answer = told(&device, released);
        if !answer.ok {
            return answer;
        }
        if !has_tray(&device) {
            return Answer { opened: Some(false), ..answer };
        }
        let answer = opened(&device, answer).await;
        if !answer.ok {
            self.releases.give_back(key);
        }
        answer
    }

    /// The drive that a name or a device node means.
    fn device_of(&self, target: &str) -> Result<PathBuf, Box<Answer>> {
        if target.starts_with('/') {
            return Ok(target.into());
        }
        let document = self.document.borrow();
        let medium = document.media.iter().find(|medium| medium.name.as_str() == target);
        match medium.map(|medium| &medium.source) {
            Some(source) if source.kind == SourceKind::Drive => Ok(source.path.clone()),
            Some(source) => Err(Box::new(Answer::failed(
                format!("`{target}` is an image file, and those are not ejected"),
                format!("remove or move `{}`", source.path.display()),
            ))),
            None => Err(Box::new(Answer::failed(
                format!("nothing is published as `{target}`"),
                "see `isomirror list`",
            ))),
        }
    }

    /// The disc in a drive: published, or being let go of already.
    fn disc_in(&self, device: &Path) -> Option<Disc> {
        let media = self.media.borrow();
        let is_there = |medium: &&Arc<OpenMedium>| matches!(medium.file().source(), Source::Drive(node) if node == device);
        let published = media.as_ref().and_then(|media| media.media.values().find(is_there));
        published.map(|medium| Disc::of(medium)).or_else(|| self.releases.find(device))
    }

    fn deferring(&self) -> MutexGuard<'_, BTreeSet<PathBuf>> {
        self.deferring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn drain(&self) -> Duration {
        self.settings.borrow().drain.duration()
    }
}

fn told(device: &Path, released: Released) -> Answer {
    let Released { complete, state } = released;
    let answer = if complete {
        Answer::done()
    } else {
        let problem = format!("`{}` is still held", device.display());
        Answer::failed(problem, "try again, or see `isomirror status` for what is in the way")
    };
    Answer { device: Some(device.to_owned()), name: state.name, cut_off: state.cut_off, ..answer }
}

/// Opens the drive and says so in `answer`, or says there why not.
async fn opened(device: &Path, answer: Answer) -> Answer {
    let node = device.to_owned();
    let opening = spawn_blocking(move || open_tray(&node));
    let failed = |error: &str, remedy: &str| {
        let problem = format!("`{}` cannot be opened: {error}", device.display());
        Answer { opened: Some(false), ..Answer::failed(problem, remedy) }
    };
    match timeout(TRAY_PATIENCE, opening).await {
        Ok(Ok(Ok(()))) => {
            info!(device = %device.display(), "a drive was opened");
            Answer { device: Some(device.to_owned()), opened: Some(true), ..answer }
        }
        Ok(Ok(Err(error))) => failed(&error.to_string(), "see `dmesg` for what the drive says"),
        Ok(Err(error)) => failed(&error.to_string(), "report this"),
        Err(_) => failed("it does not answer", "unplug it"),
    }
}
