//! One image, from its mirrors into the staging area.

use std::{collections::BTreeMap, sync::Arc};

use isomirror_core::{
    digest::{Algorithm, Digest, Hasher},
    transfer::{
        answer::Rejection,
        entry::{Entry, is_safe_name},
        mirrors::{Event, Mirror},
        mismatches::Mismatch,
        pieces::Pieces,
        segments::Segments,
    },
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    Fetcher, Hold, Origin, Progress, Staged,
    pass::{Pass, PassEnd},
    repair,
    shared::Shared,
    store::{Store, StoreError},
    troubles::Troubles,
    writer::{self, StageError, StageFor, Written},
};

/// How often a file may turn out to have changed, or to be wrong, before it is held.
const MOST_PASSES: u32 = 4;

/// What is to be fetched.
#[derive(Clone, Debug)]
pub struct Download {
    /// Id in the catalog.
    pub id: String,
    /// Its version: with the id, the place in the store.
    pub version: String,
    /// Name of the file in the store.
    pub file_name: String,
    /// Where it is, the best first. All but [`Origin::Http`] go before the internet, wherever they stand.
    pub urls: Vec<Origin>,
    /// Its bytes, where they are known for certain.
    pub size: Option<u64>,
    /// The digests that it shall have, all of them. Without any, bytes of several mirrors are never joined, and what was
    /// fetched is vouched for by nothing yet.
    pub expected: Vec<Digest>,
    /// What it has to be hashed by besides, for signatures that are checked afterwards.
    pub hashed_by: Vec<Algorithm>,
    /// Digests of its pieces, so that only bad ones are fetched again.
    pub pieces: Option<Pieces>,
    /// Whether it has to be an ISO 9660 image, neither compressed nor UDF alone.
    pub is_iso: bool,
    /// Bytes that it may have at most.
    pub max_size: u64,
}

/// What goes on from one pass to the next.
struct Course {
    resume: bool,
    single: bool,
    mirrors: Vec<Mirror>,
    entry: Entry,
    troubles: Troubles,
}

impl Download {
    /// Fetches the image, through failures, mirrors and restarts. Cancelled, it keeps what it has.
    ///
    /// # Errors
    /// Why it does not go on for now.
    pub async fn run(
        &self,
        fetcher: &Fetcher,
        store: &Store,
        progress: &watch::Sender<Progress>,
        cancel: &CancellationToken,
    ) -> Result<Staged, Hold> {
        self.check()?;
        store.health().check().map_err(|error| disk_hold(store, error.into()))?;
        let entry = store.entry(&self.id).map_err(|error| self.store_hold(store, error))?;
        let mut course = Course {
            resume: true,
            single: false,
            mirrors: self.mirrors(),
            entry,
            troubles: Troubles::default(),
        };
        for mirror in &course.mirrors {
            let strikes = course.entry.strikes.get(&mirror.host).copied().unwrap_or_default();
            let known = fetcher.mirrors().strikes(&mirror.host);
            fetcher.mirrors().set_strikes(&mirror.host, strikes.max(known));
        }
        for _ in 0..MOST_PASSES {
            let passed = self.pass(fetcher, store, progress, cancel, &mut course).await;
            for mirror in &course.mirrors {
                let strikes = fetcher.mirrors().strikes(&mirror.host);
                if strikes > 0 {
                    course.entry.strikes.insert(mirror.host.clone(), strikes);
                }
            }
            let saved = store.save_entry(&self.id, &course.entry);
            if let Some(staged) = passed? {
                saved.map_err(|error| self.store_hold(store, error))?;
                return Ok(staged);
            }
        }
        Err(self
            .mismatch(&course)
            .unwrap_or_else(|| Hold::Changing { file: self.file_name.clone() }))
    }

    fn check(&self) -> Result<(), Hold> {
        let names = [&self.id, &self.version, &self.file_name];
        if let Some(name) = names.into_iter().find(|name| !is_safe_name(name)) {
            return Err(Hold::Name(name.clone()));
        }
        for (index, one) in self.expected.iter().enumerate() {
            let differs = |other: &&Digest| other.algorithm() == one.algorithm() && *other != one;
            if let Some(other) = self.expected[index + 1..].iter().find(differs) {
                let (file, one, other) = (self.file_name.clone(), one.clone(), other.clone());
                return Err(Hold::Contradiction { file, one, other });
            }
        }
        match self.size {
            Some(size) if size > self.max_size => {
                let (file, limit) = (self.file_name.clone(), self.max_size);
                Err(Hold::TooLarge { file, size, limit })
            }
            _ => Ok(()),
        }
    }

    fn mirrors(&self) -> Vec<Mirror> {
        let mirror = |url: &Origin| match url {
            Origin::Http(_) => Mirror::new(url.to_string(), url.host()),
            _ => Mirror::near(url.to_string(), url.host()),
        };
        self.urls.iter().map(mirror).collect()
    }

    /// All that are expected, and a strong one in any case.
    fn algorithms(&self) -> Vec<Algorithm> {
        let expected = self.expected.iter().map(Digest::algorithm);
        let mut algorithms: Vec<_> = expected.chain(self.hashed_by.iter().copied()).collect();
        if !algorithms.iter().any(|algorithm| algorithm.is_strong()) {
            algorithms.push(Algorithm::Sha256);
        }
        algorithms.sort_unstable();
        algorithms.dedup();
        algorithms
    }

    /// One pass and its verdict; `None` where another one is needed.
    async fn pass(
        &self,
        fetcher: &Fetcher,
        store: &Store,
        progress: &watch::Sender<Progress>,
        cancel: &CancellationToken,
        course: &mut Course,
    ) -> Result<Option<Staged>, Hold> {
        let failed = |error: StageError| disk_hold(store, error);
        let begun = writer::begin(
            store.staging(&self.id),
            self.purpose(fetcher, store),
            self.algorithms(),
            std::mem::replace(&mut course.resume, true),
        )
        .await
        .map_err(failed)?;
        let was_begun = begun.present.total() > 0;
        let validators: BTreeMap<_, _> = begun
            .origins
            .into_iter()
            .filter_map(|known| {
                let place = course.mirrors.iter().position(|mirror| mirror.url == known.url)?;
                Some((place, known.validator))
            })
            .collect();
        let shared = Shared::new(
            fetcher.clone(),
            begun.writer.queue.clone(),
            Arc::new(self.clone()),
            course.entry.mismatches.clone(),
            Segments::new(begun.present, begun.size),
            validators,
        );
        let mut pass = Pass {
            shared: Arc::new(shared),
            mirrors: &mut course.mirrors,
            progress,
            cancel,
            single: course.single,
            troubles: &mut course.troubles,
        };
        let end = pass.run().await;
        drop(pass);
        // Whatever happened, what came is put on the disk; if that fails, it is the reason for the rest.
        let written = begun.writer.finish().await.map_err(failed)?;
        match end {
            Ok(PassEnd::Complete { from }) => {
                self.judge(fetcher, store, written, from, was_begun, course).await
            }
            Ok(PassEnd::Restart) => {
                course.resume = false;
                Ok(None)
            }
            Err(Hold::Rejected { rejection: Rejection::WrongDigest, .. }) => Err(self
                .mismatch(course)
                .unwrap_or(Hold::Changing { file: self.file_name.clone() })),
            Err(hold) => Err(hold),
        }
    }

    fn purpose(&self, fetcher: &Fetcher, store: &Store) -> StageFor {
        StageFor {
            version: self.version.clone(),
            expected: self.expected.clone(),
            size: self.size,
            interval: fetcher.policy().checkpoint,
            health: store.health().clone(),
        }
    }

    /// Compares the digests of a file of which every byte is there.
    async fn judge(
        &self,
        fetcher: &Fetcher,
        store: &Store,
        written: Written,
        from: BTreeMap<usize, String>,
        was_begun: bool,
        course: &mut Course,
    ) -> Result<Option<Staged>, Hold> {
        let digests: Vec<_> = written.hashers.iter().cloned().map(Hasher::finish).collect();
        let wrong = self.expected.iter().find_map(|published| {
            let is_it = |found: &&Digest| found.algorithm() == published.algorithm();
            let found = digests.iter().find(is_it)?;
            (found != published).then(|| (found.clone(), published.clone()))
        });
        let url = from.keys().next_back().map(|place| course.mirrors[*place].url.clone());
        let Some((found, published)) = wrong else {
            let size = written.stage.present().end();
            let url = url.unwrap_or_default();
            return Ok(Some(Staged::new(self, store, size, written.hashers, url, was_begun)));
        };
        let blame = |course: &mut Course| {
            // Bytes that were joined may be wrong because they were.
            let [(place, state)] = from.iter().collect::<Vec<_>>()[..] else { return };
            let mirror = &mut course.mirrors[*place];
            let url = mirror.url.clone();
            fetcher.report(mirror, Event::Rejected(Rejection::WrongDigest));
            course.troubles.reject(*place, Rejection::WrongDigest);
            let (found, published) = (found.clone(), published.clone());
            course.entry.mismatches.add(Mismatch { url, state: state.clone(), found, published });
        };
        if let Some(pieces) = self.pieces.clone()
            && repair::drop_bad_pieces(written.stage, pieces)
                .await
                .map_err(|error| disk_hold(store, error.into()))?
        {
            if !was_begun {
                blame(course);
            }
            return Ok(None);
        }
        store
            .quarantine(&self.id, &self.file_name)
            .map_err(|error| self.store_hold(store, error))?;
        if was_begun || from.len() > 1 {
            course.single = true;
        } else {
            blame(course);
        }
        course.resume = false;
        Ok(None)
    }

    fn mismatch(&self, course: &Course) -> Option<Hold> {
        let known = course.entry.mismatches.all();
        let is_of_this = |known: &&Mismatch| self.expected.contains(&known.published);
        let Mismatch { url, found, published, .. } = known.iter().rev().find(is_of_this)?.clone();
        Some(Hold::Mismatch { url, found, published })
    }

    fn store_hold(&self, store: &Store, error: StoreError) -> Hold {
        let source = match error {
            StoreError::Io { source, .. } => source,
            other => std::io::Error::other(other),
        };
        Hold::of_store(store.root().to_owned(), source, self.size.unwrap_or_default())
    }
}

fn disk_hold(store: &Store, error: StageError) -> Hold {
    store.health().note(&error.source);
    Hold::of_store(store.root().to_owned(), error.source, error.missing)
}
