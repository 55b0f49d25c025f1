//! One full reading of a watched directory after another: which candidates there are now, and when to look again.
//!
//! It blocks, as file systems do, and so never runs on the async threads.

use std::{
    collections::{BTreeSet, HashMap},
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use isomirror_core::medium::{IdentityKey, Source};
use tokio::sync::Notify;

use super::{
    Candidate, DirectorySource, Readiness, SourceSet,
    directory_walk::{FoundFile, Walk, walk},
    directory_watch::{DirectoryWatch, Signs},
    image_candidate::{Circumstances, ImageCandidate},
    unreadable_image::unreadable,
};
use crate::sys::file_system_type;

/// What is kept from reading to reading.
#[derive(Debug)]
pub(super) struct DirectoryScan {
    root: PathBuf,
    recursive: bool,
    settle: Duration,
    known: Arc<BTreeSet<IdentityKey>>,
    leases: bool,
    signs: Arc<Signs>,
    released: Arc<Notify>,
    watch: DirectoryWatch,
    candidates: HashMap<PathBuf, ImageCandidate>,
}

/// What one reading yielded.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) set: SourceSet,
    /// When a waiting candidate wants to be looked at again.
    pub(super) due: Option<Instant>,
    /// Whether the directory lies on a network file system.
    pub(super) remote: bool,
}

impl DirectoryScan {
    /// Of `source`, whose path is `root` without what only looks different.
    pub(super) fn new(
        root: PathBuf,
        source: &DirectorySource,
        leases: bool,
        signs: Arc<Signs>,
    ) -> Self {
        Self {
            root,
            recursive: source.recursive,
            settle: source.settle,
            known: Arc::clone(&source.known),
            leases,
            watch: DirectoryWatch::new(Arc::clone(&signs)),
            signs,
            released: Arc::default(),
            candidates: HashMap::new(),
        }
    }

    /// Told when a file that was ready has been closed by all who held it.
    pub(super) fn released(&self) -> Arc<Notify> {
        Arc::clone(&self.released)
    }

    /// Reads everything. With `force`, files that wait for their time are looked at too.
    pub(super) fn read(&mut self, force: bool) -> Reading {
        let hints = self.signs.take();
        self.watch.begin(&hints);
        let mut walk = walk(&self.root, self.recursive, &mut self.watch);
        walk.problems.extend(self.watch.end());
        self.keep_unlisted(&mut walk);
        let remote = file_system_type::is_remote(&self.root).unwrap_or(false);
        let circumstances = Circumstances {
            now: Instant::now(),
            clock: SystemTime::now(),
            settle: self.settle,
            remote,
            leases: self.leases,
            force,
            released: Arc::clone(&self.released),
        };

        let mut previous = std::mem::take(&mut self.candidates);
        let mut set = SourceSet { candidates: Vec::new(), problems: walk.problems };
        for found in walk.files {
            let readiness = match &found.metadata {
                Err(error) => Readiness::Unreadable(unreadable(&found.path, error)),
                Ok(metadata) => {
                    let mut candidate = previous.remove(&found.path).unwrap_or_else(|| {
                        ImageCandidate::new(metadata, circumstances.now, &self.known)
                    });
                    let heard = hints.arrival(&found.path);
                    candidate.look(&found, metadata, heard, &circumstances);
                    let readiness = candidate.readiness();
                    self.candidates.insert(found.path.clone(), candidate);
                    readiness
                }
            };
            set.candidates.push(Candidate { source: Source::File(found.path), readiness });
        }
        let due = self.candidates.values().filter_map(ImageCandidate::due).min();
        Reading { set, due, remote }
    }

    /// Candidates in directories that could not be read just now are still there unless the kernel says otherwise: a
    /// lack of descriptors or a network that is down must not take away what is published.
    fn keep_unlisted(&self, walk: &mut Walk) {
        let is_unlisted =
            |path: &Path| walk.unlisted.iter().any(|unlisted| path.starts_with(unlisted));
        let kept: Vec<_> = self
            .candidates
            .keys()
            .filter(|path| is_unlisted(path))
            .map(|path| FoundFile {
                path: path.clone(),
                metadata: fs::metadata(path),
                unfinished: false,
            })
            .filter(|found| match &found.metadata {
                Ok(metadata) => metadata.is_file() && metadata.len() > 0,
                Err(error) => {
                    !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
                }
            })
            .collect();
        walk.files.extend(kept);
        walk.files.sort_unstable_by(|one, two| one.path.cmp(&two.path));
        walk.files.dedup_by(|one, two| one.path == two.path);
    }
}
