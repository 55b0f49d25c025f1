//! What a connection needs during its turn and need not keep between turns.

use std::{
    sync::Arc,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use isomirror_core::http::{MAXIMUM_HEAD, format_date};

use super::{file_cache::FileCache, published::Served, shared::Shared};

/// The thread's side of a turn.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) shared: Arc<Shared>,
    /// The moment of this round of turns.
    pub(super) now: Instant,
    /// Where received bytes go first.
    pub(super) scratch: Box<[u8]>,
    /// Lines for the access log, of this round.
    pub(super) log: Vec<u8>,
    /// Files that were asked for lately.
    pub(super) files: FileCache,
    drive: Option<u64>,
    second: u64,
    date: String,
}

impl Turn {
    /// For a worker, which must not wait for drives.
    pub(super) fn on_worker(shared: Arc<Shared>) -> Self {
        Self::new(shared, None)
    }

    /// For the thread of one drive, which may wait for this one.
    pub(super) fn on_drive(shared: Arc<Shared>, id: u64) -> Self {
        Self::new(shared, Some(id))
    }

    fn new(shared: Arc<Shared>, drive: Option<u64>) -> Self {
        let mut turn = Self {
            shared,
            now: Instant::now(),
            scratch: vec![0; MAXIMUM_HEAD].into(),
            log: Vec::new(),
            files: FileCache::default(),
            drive,
            second: u64::MAX,
            date: String::new(),
        };
        turn.refresh();
        turn
    }

    /// Looks at the clocks, once for many turns.
    pub(super) fn refresh(&mut self) {
        self.now = Instant::now();
        let second = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_secs());
        if second != self.second {
            self.second = second;
            self.date = i64::try_from(second).ok().and_then(format_date).unwrap_or_default();
        }
    }

    /// Hands on what the round had for the access log.
    pub(super) fn write_log(&mut self) {
        if !self.log.is_empty() {
            self.shared.access_log.write(std::mem::take(&mut self.log));
        }
    }

    /// The moment as header fields have it.
    pub(super) fn date(&self) -> &str {
        &self.date
    }

    /// The moment in seconds since 1970.
    pub(super) fn seconds(&self) -> i64 {
        i64::try_from(self.second).unwrap_or(i64::MAX)
    }

    /// Whether `served` may be read on this thread, even if that takes long.
    pub(super) fn may_read(&self, served: &Served) -> bool {
        served.drive.is_none() || self.drive == Some(served.id)
    }
}
