//! The views as files of the web root: for the media that are mounted there, before anything is unmounted, and after
//! all that are to come are mounted.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use isomirror_core::{
    backend_choice::BackendChoice,
    generated::Fetchable,
    medium::IdentityKey,
    name::Name,
    state::{Phase, StateDocument},
    view::{ViewSettings, WebRootFiles, WebRootViews, web_root_files},
};
use tokio::{task::spawn_blocking, time::Instant};

use super::{
    observe::Observation,
    reconciler::{Reconciler, Settings},
    tidings::Picture,
    web_root::WebRoot,
};
use crate::{probe::ProbedSet, web_files::WebFiles};

/// How often files are looked at that should be as they are.
const CHECK: Duration = Duration::from_mins(1);

/// How long the files wait for media that are being mounted: to write those of all again and again would hold up what
/// people wait for.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is remembered from round to round.
#[derive(Debug)]
pub(super) struct ViewFiles {
    files: Arc<Mutex<WebFiles>>,
    /// What is wrong with them.
    pub(super) problems: Vec<String>,
    shown: Option<Shown>,
    /// Since when there is something to be written that waits for more of it.
    pending: Option<Instant>,
    checked: Option<Instant>,
}

/// What files were rendered from.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shown {
    media: BTreeSet<(Name, IdentityKey)>,
    revision: u64,
    views: Arc<ViewSettings>,
    are_wanted: bool,
}

impl ViewFiles {
    pub(super) fn load(state_directory: &Path) -> Self {
        let files = Arc::new(Mutex::new(WebFiles::load(state_directory)));
        Self { files, problems: Vec::new(), shown: None, pending: None, checked: None }
    }

    /// Whether they show a medium that is not mounted any more.
    pub(super) fn show_what_left(&self, document: &StateDocument) -> bool {
        let media = mounted_media(document);
        self.shown.as_ref().is_some_and(|shown| !shown.media.is_subset(&media))
    }

    /// How long what is new may wait for more of it; nothing may where a medium has left.
    fn pause(&mut self, shown: &Shown) -> Option<Duration> {
        let before = self.shown.as_ref()?;
        if !before.media.is_subset(&shown.media) {
            return None;
        }
        let pause =
            PATIENCE.saturating_sub(self.pending.get_or_insert_with(Instant::now).elapsed());
        (!pause.is_zero()).then_some(pause)
    }
}

impl Reconciler {
    /// Writes what changed. Returns when to go on, if that is before the next look at everything.
    pub(super) async fn write_view_files(
        &mut self,
        picture: Picture<'_>,
        set: &ProbedSet,
        document: &StateDocument,
        web_root: Option<&Arc<WebRoot>>,
    ) -> Option<Duration> {
        let web_root = web_root?;
        let Picture { settings, observation, plan, .. } = picture;
        // What is below belongs to automount then: to look for a file there is to ask it for a medium.
        if observation.automount.is_some() {
            return None;
        }
        let shown = Shown {
            media: mounted_media(document),
            revision: document.revision,
            views: Arc::clone(&settings.views),
            are_wanted: self.are_view_files_wanted(settings),
        };
        let state = &mut self.view_files;
        let again = state.checked.is_none_or(|checked| checked.elapsed() >= CHECK);
        if !again && state.shown.as_ref() == Some(&shown) {
            state.pending = None;
            return None;
        }
        let is_mounting = !plan.steps.is_empty() || !self.in_flight.is_empty();
        if is_mounting
            && !again
            && let Some(pause) = state.pause(&shown)
        {
            return Some(pause);
        }
        let wanted = if shown.are_wanted {
            rendered(document, settings, set, &shown.media)
        } else {
            WebRootFiles::new()
        };
        let problems = self.apply_view_files(web_root, wanted, again).await;
        let now = Instant::now();
        self.view_files.pending = None;
        self.view_files.shown = Some(shown);
        if again {
            self.view_files.checked = Some(now);
        }
        let is_told = self.view_files.problems == problems;
        self.view_files.problems = problems;
        (!is_told).then_some(Duration::ZERO)
    }

    /// Files stand beside the mounts of this process only; nobody but our own server shows media without them.
    fn are_view_files_wanted(&self, settings: &Settings) -> bool {
        let mounts = match settings.backend {
            BackendChoice::None | BackendChoice::Autofs => false,
            BackendChoice::Auto => self.workshop.capabilities.root,
            BackendChoice::Kernel | BackendChoice::Erofs | BackendChoice::Fuse => true,
        };
        settings.view_files && mounts
    }

    async fn apply_view_files(
        &self,
        web_root: &Arc<WebRoot>,
        wanted: WebRootFiles,
        again: bool,
    ) -> Vec<String> {
        let (files, web_root) = (Arc::clone(&self.view_files.files), Arc::clone(web_root));
        let apply = move || {
            use std::os::fd::AsFd;
            let mut files = files.lock().unwrap_or_else(PoisonError::into_inner);
            if wanted.is_empty() && files.is_empty() {
                return Vec::new();
            }
            files.apply(web_root.as_fd(), web_root.path(), &wanted, again)
        };
        spawn_blocking(apply).await.expect("writing files does not panic")
    }

    /// At the end: what stays mounted keeps its files, and there are none if nothing does.
    pub(super) async fn leave_view_files(
        &self,
        web_root: &Arc<WebRoot>,
        observation: &Observation,
        settings: &Settings,
    ) {
        if observation.automount.is_some() {
            return;
        }
        let served = self.workshop.served();
        let wanted = match self.input.borrow().as_ref() {
            _ if settings.unmount_on_stop || !self.are_view_files_wanted(settings) => {
                WebRootFiles::new()
            }
            // What was there before is as it should be.
            Some(_) if served.is_empty() => return,
            Some(set) => {
                let mut document = self.document.clone();
                document.media.retain(|medium| !served.contains(&medium.name));
                rendered(&document, settings, set, &mounted_media(&document))
            }
            None => return,
        };
        self.apply_view_files(web_root, wanted, true).await;
    }
}

/// The media whose trees can be read below the web root.
fn mounted_media(document: &StateDocument) -> BTreeSet<(Name, IdentityKey)> {
    let mounted = document
        .media
        .iter()
        .filter(|medium| medium.state == Phase::Serving && medium.mountpoint.is_some());
    mounted.map(|medium| (medium.name.clone(), medium.id)).collect()
}

fn rendered(
    document: &StateDocument,
    settings: &Settings,
    set: &ProbedSet,
    media: &BTreeSet<(Name, IdentityKey)>,
) -> WebRootFiles {
    let fetchable: Fetchable<'_> = media
        .iter()
        .filter_map(|(name, key)| Some((name, set.media.get(key)?.generated())))
        .collect();
    web_root_files(&WebRootViews { document, settings: &settings.views, fetchable: &fetchable })
}
