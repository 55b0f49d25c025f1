//! One look at an entry, from the rule to the published image.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use isomirror_core::{
    catalog::{Authentic, Entry, ImageKind, Outcome, Release, authenticate},
    image::Image as Disc,
    state::DownloadPhase,
    transfer::{
        answer::Rejection,
        clock::is_wrong,
        entry::{Entry as Memory, Image},
        mismatches::Mismatches,
    },
    trust::{Trust, TrustPolicy},
    verified::Verified,
};
use jiff::Timestamp;
use tokio::{sync::watch, task::spawn_blocking};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    Setback, Settings, authentic, clock, context::Context, entry_task::Asked, metalink, nearer,
    resolved::resolved, room, turns::Turn,
};
use crate::{
    fetch::{
        Download, Hold, Origin, Progress,
        store::{Packing, Recheck, Staged, Store, StoreError},
    },
    image_file::ImageFile,
    logging::message_id,
};

/// How old a document may be that nobody waits for; never as old as the last look.
const FRESH: Duration = Duration::from_mins(2);

/// A look that is under way.
pub(super) struct Attempt<'a> {
    pub(super) context: &'a Context,
    pub(super) settings: &'a Settings,
    pub(super) entry: &'a Entry,
    /// Its place among those that are wanted.
    pub(super) rank: usize,
    /// Time from one look to the next.
    pub(super) interval: Duration,
    /// What somebody asked for meanwhile.
    pub(super) asked: &'a mut watch::Receiver<Asked>,
    /// Whether somebody waits.
    pub(super) is_urgent: bool,
    /// Whether an image is fetched again though it is there.
    pub(super) force: bool,
    pub(super) cancel: &'a CancellationToken,
}

/// What is offered.
struct Offer {
    release: Release,
    authentic: Authentic,
}

impl Offer {
    fn download(&self) -> Download {
        let Self { release, authentic } = self;
        let signatures = authentic.signatures.iter();
        Download {
            id: release.id.to_string(),
            version: release.version.clone(),
            file_name: release.file_name.to_string(),
            urls: release.urls.iter().filter_map(|url| url.as_str().parse().ok()).collect(),
            size: authentic.size,
            expected: authentic.digests.clone(),
            hashed_by: signatures.flat_map(|one| one.signature.algorithms()).collect(),
            pieces: None,
            is_iso: release.image == ImageKind::Iso,
            max_size: release.max_size,
        }
    }
}

impl<'a> Attempt<'a> {
    /// Looks, and fetches what is new; the version that is in the store then, and the newest.
    pub(super) async fn run(mut self) -> Result<String, Setback> {
        let memory = self.memory().await?;
        self.context.board.set(self.id(), DownloadPhase::Resolving, |_| ());
        let now = Instant::now();
        let fresh = if self.is_urgent { Duration::ZERO } else { FRESH.min(self.interval / 2) };
        let since = now.checked_sub(fresh).unwrap_or(now);
        let mut offer = self.offer(&memory, since).await?;
        if !self.force && self.is_present(&memory, &offer).await? {
            return Ok(offer.release.version);
        }
        if self.force {
            self.forget().await?;
        }
        let (staged, _turn) = match self.fetched(&offer).await {
            Err(setback) if is_of_another_moment(&setback) => {
                // The list and the image may be of different builds: what is offered now?
                let newer = self.offer(&memory, Instant::now()).await?;
                let is_same = newer.authentic.digests == offer.authentic.digests
                    && newer.release.urls == offer.release.urls;
                if is_same {
                    return Err(setback);
                }
                offer = newer;
                self.fetched(&offer).await?
            }
            fetched => fetched?,
        };
        self.publish(&offer, staged).await
    }

    fn id(&self) -> &str {
        self.entry.id.as_str()
    }

    async fn memory(&self) -> Result<Memory, Setback> {
        let id = self.id().to_owned();
        self.context.in_store(move |store| store.entry(&id)).await
    }

    /// What the entry means now, authenticated as far as that goes.
    async fn offer(&self, memory: &Memory, since: Instant) -> Result<Offer, Setback> {
        let library = &self.context.library;
        let release = match resolved(self.entry, &memory.history, library, since).await {
            Outcome::Resolved(release) => *release,
            other => return Err(Setback::of_outcome(other)),
        };
        if is_wrong(Timestamp::now().as_second()) {
            return Err(Setback::Clock);
        }
        let keys = authentic::Files(&self.settings.catalog.get().keys);
        let authentic = authenticate(&release, &keys, &memory.history, Timestamp::now())?;
        for warning in authentic.signed.iter().flat_map(|signed| &signed.warnings) {
            warn!(entry = %release.id, %warning, "a list is signed by a key to look after");
        }
        if authentic.signatures.is_empty() {
            self.permits(memory, authentic.trust)?;
        }
        Ok(Offer { release, authentic })
    }

    /// Whether what vouches for an image is enough.
    fn permits(&self, memory: &Memory, found: Trust) -> Result<(), Setback> {
        let minimum = self.settings.fetch.min_trust;
        let policy = TrustPolicy { promised: self.entry.trust, minimum, entry: None };
        if !policy.permits(found) {
            return Err(Setback::Weak { found, required: policy.required() });
        }
        memory.history.allows_trust(found).map_err(Setback::Held)
    }

    /// Whether the image is in the store as it is offered.
    async fn is_present(&self, memory: &Memory, offer: &Offer) -> Result<bool, Setback> {
        let image = memory.image(&offer.release.version, &offer.release.local_name()).cloned();
        let Authentic { digests, trust, .. } = &offer.authentic;
        // What is vouched for by more than it was is published anew, from the store itself.
        let is_it = |image: &Image| image.agrees(digests) && image.trust >= *trust;
        let Some(image) = image.filter(is_it) else { return Ok(false) };
        let (id, cancel) = (self.id().to_owned(), self.cancel.clone());
        let is_there = move |store: &Store| {
            if store.is_verified(&store.image_path(&id, &image.version, &image.file)) {
                return Ok(Some(Recheck::Good));
            }
            // Somebody touched it: what is it now?
            store.recheck(&id, &image, &clock::now(), |_| !cancel.is_cancelled())
        };
        match self.context.in_store(is_there).await? {
            Some(found) => Ok(found == Recheck::Good),
            None => Err(Hold::Cancelled.into()),
        }
    }

    /// Forgets what keeps an image from being fetched again.
    async fn forget(&self) -> Result<(), Setback> {
        let id = self.id().to_owned();
        let forget = move |store: &Store| {
            let mut memory = store.entry(&id)?;
            memory.mismatches = Mismatches::default();
            store.save_entry(&id, &memory)?;
            store.discard_stage(&id)
        };
        self.context.in_store(forget).await
    }

    /// Fetches what is offered, when its turn has come; the turn lasts until it is published.
    async fn fetched(&mut self, offer: &Offer) -> Result<(Staged, Turn<'a>), Setback> {
        let mut download = offer.download();
        if let Some(url) = &offer.release.metalink {
            metalink::add(&mut download, url, &self.context.library).await;
        }
        let (id, version, file) =
            (download.id.clone(), download.version.clone(), offer.release.local_name());
        self.context.in_store(move |store| store.admits(&id, &version, &file)).await?;
        let host = download.urls.first().map(Origin::host).unwrap_or_default();
        let mut has_made_room = false;
        loop {
            let turn = self.turn(&host).await?;
            nearer::add(&mut download, self.context, !self.force).await?;
            room::make(self.context, self.settings, self.id(), download.size).await?;
            match self.transfer(&download).await {
                // The window has closed: it goes on in the next.
                Err(Setback::Hold(Hold::Cancelled)) if !self.cancel.is_cancelled() => {}
                Err(Setback::Hold(Hold::NoSpace { missing, .. })) if !has_made_room => {
                    has_made_room = true;
                    if !room::free(self.context, self.settings, missing).await? {
                        return Err(self.no_space(missing));
                    }
                }
                ended => return Ok((ended?, turn)),
            }
        }
    }

    fn no_space(&self, missing: u64) -> Setback {
        Hold::NoSpace { store: self.context.store.root().to_owned(), missing }.into()
    }

    /// Waits for the turn; it comes sooner when somebody begins to wait.
    async fn turn(&mut self, host: &str) -> Result<Turn<'a>, Setback> {
        let context = self.context;
        context.board.set(self.entry.id.as_str(), DownloadPhase::Queued, |_| ());
        loop {
            tokio::select! {
                turn = context.turns.take(self.rank, self.is_urgent, host) => return Ok(turn),
                Ok(()) = self.asked.changed(), if !self.is_urgent => {
                    self.is_urgent = true;
                    self.force |= self.asked.borrow_and_update().force;
                }
                () = self.cancel.cancelled() => return Err(Hold::Cancelled.into()),
            }
        }
    }

    async fn transfer(&self, download: &Download) -> Result<Staged, Setback> {
        let context = self.context;
        context.board.set(self.id(), DownloadPhase::Downloading, |state| {
            state.version = Some(download.version.clone());
            state.file = Some(download.file_name.clone());
            (state.bytes, state.size, state.problem) = (0, download.size, None);
        });
        info!(entry = self.id(), version = download.version, "a download begins");
        let fetcher = context.fetcher();
        let (progress, mut told) = watch::channel(Progress::default());
        let cancel = self.cancel.child_token();
        let mut window = context.window.subscribe();
        let (mut has_size, mut refused) = (false, None);
        let run = download.run(&fetcher, &context.store, &progress, &cancel);
        let mut run = std::pin::pin!(run);
        loop {
            tokio::select! {
                ended = &mut run => return refused.map_or(ended.map_err(Setback::Hold), Err),
                Ok(()) = told.changed() => {
                    let now = told.borrow_and_update().clone();
                    context.board.advance(self.id(), &now);
                    if download.size.is_none() && !has_size && now.size.is_some() {
                        has_size = true;
                        refused = room::make(context, self.settings, self.id(), now.size).await.err();
                        if refused.is_some() {
                            cancel.cancel();
                        }
                    }
                }
                Ok(is_open) = closed(&mut window), if !self.is_urgent => {
                    if !is_open { cancel.cancel() }
                }
            }
        }
    }

    /// The image itself, where it is packed.
    async fn unpacked(&self, release: &Release, staged: Staged) -> Result<Staged, Setback> {
        let packing = match release.image {
            ImageKind::Iso | ImageKind::Other => return Ok(staged),
            ImageKind::Bz2 => Packing::Bz2,
            ImageKind::Xz => Packing::Xz,
            ImageKind::Zip => Packing::Zip,
        };
        let (file, limit) = (release.local_name(), release.max_size);
        self.context.work(move |store| store.unpack(&staged, packing, &file, limit)).await
    }

    /// Tells where the label is not what the entry says: its rule is out of date, or its edition is another one. What is
    /// verified is published all the same.
    async fn look_at_label(&self, staged: &Staged) {
        let Some(rule) = &self.entry.label else { return };
        let path = staged.path().to_owned();
        let label = spawn_blocking(move || label_of(&path)).await.ok().flatten();
        if let Some(label) = label.filter(|label| !rule.fits(label)) {
            warn!(
                entry = self.id(),
                label, "the label is not one that the catalog knows of this entry"
            );
        }
    }

    /// Verifies what only the whole image can show, and publishes it.
    async fn publish(&self, offer: &Offer, staged: Staged) -> Result<String, Setback> {
        let Offer { release, authentic } = offer;
        self.context.board.set(self.id(), DownloadPhase::Verifying, |_| ());
        let memory = self.memory().await?;
        let (trust, signed) = match authentic::vouched(authentic, &staged, Timestamp::now()) {
            Ok(vouched) => vouched,
            Err(setback) => {
                self.context.in_store(move |store| store.reject(&staged)).await?;
                return Err(setback);
            }
        };
        self.permits(&memory, trust)?;
        // Its size may not have been known before it was there.
        room::make(self.context, self.settings, self.id(), Some(staged.size())).await?;
        let staged = self.unpacked(release, staged).await?;
        self.look_at_label(&staged).await;
        let verified = Verified {
            trust,
            digests: staged.digests().to_vec(),
            signer: signed.as_ref().map(|signed| signed.signer.clone()),
            verified_at: clock::now(),
        };
        let signed_at = signed.and_then(|signed| signed.made_at).map(Timestamp::as_second);
        // The next version need not be one that the operator has written down.
        let lasting = if trust == Trust::Pinned { self.entry.trust } else { trust };
        let (id, version) = (self.id().to_owned(), release.version.clone());
        let staged = staged.named(release.alias.clone());
        let published = move |store: &Store| -> Result<PathBuf, StoreError> {
            let path = store.publish(&staged, &verified)?;
            let mut memory = store.entry(&id)?;
            memory.history.remember(&version, signed_at, lasting);
            store.save_entry(&id, &memory)?;
            Ok(path)
        };
        let path = self.context.in_store(published).await?;
        info!(message_id = message_id::DOWNLOAD_VERIFIED, entry = self.id(), version = release.version, %trust, path = %path.display(), "an image is published");
        Ok(release.version.clone())
    }
}

/// Whether the list and what was fetched may be of different moments.
fn is_of_another_moment(setback: &Setback) -> bool {
    let Setback::Hold(hold) = setback else { return false };
    match hold {
        Hold::Mismatch { .. } | Hold::Gone { .. } | Hold::Changing { .. } => true,
        Hold::Rejected { rejection, .. } => {
            matches!(
                rejection,
                Rejection::WrongSize | Rejection::WrongFile | Rejection::WrongDigest
            )
        }
        _ => false,
    }
}

/// The label of an image.
fn label_of(path: &Path) -> Option<String> {
    let file = ImageFile::open(path).ok().flatten()?;
    Disc::open(Arc::new(file)).ok()?.volume().label.clone()
}

/// Waits for a change of the window.
async fn closed(window: &mut watch::Receiver<bool>) -> Result<bool, watch::error::RecvError> {
    window.changed().await?;
    Ok(*window.borrow_and_update())
}
