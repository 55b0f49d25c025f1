//! What the connections of a pass share: which bytes are there, and what each place said.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use isomirror_core::transfer::{
    mismatches::Mismatches,
    segments::{Claim, Segments},
    validator::Validator,
};

use super::{Download, Fetcher, Origin, writer::Queue};

/// What the connections of a pass share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) fetcher: Fetcher,
    pub(super) queue: Queue,
    pub(super) download: Arc<Download>,
    mismatches: Mismatches,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) segments: Segments,
    /// What each mirror said about the file of which bytes are held.
    pub(super) validators: BTreeMap<usize, Validator>,
    /// What each said last, for the memory of wrong files.
    pub(super) states: BTreeMap<usize, String>,
    pub(super) no_ranges: Vec<usize>,
}

impl Shared {
    pub(super) fn new(
        fetcher: Fetcher,
        queue: Queue,
        download: Arc<Download>,
        mismatches: Mismatches,
        segments: Segments,
        validators: BTreeMap<usize, Validator>,
    ) -> Self {
        let states = BTreeMap::new();
        let state = Mutex::new(State { segments, validators, states, no_ranges: Vec::new() });
        Self { fetcher, queue, download, mismatches, state }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn origin(&self, mirror: usize) -> &Origin {
        &self.download.urls[mirror]
    }

    pub(super) fn size(&self) -> Option<u64> {
        self.state().segments.size()
    }

    /// Sets the size if it is not known; true where it was not.
    pub(super) fn learn_size(&self, size: u64) -> bool {
        let mut state = self.state();
        let is_new = state.segments.size().is_none();
        if is_new {
            state.segments.set_size(size);
        }
        is_new
    }

    pub(super) fn limit(&self) -> u64 {
        self.download.size.unwrap_or(self.download.max_size)
    }

    pub(super) fn is_pinned(&self) -> bool {
        !self.download.expected.is_empty()
    }

    pub(super) fn is_iso(&self) -> bool {
        self.download.is_iso
    }

    pub(super) fn held(&self, mirror: usize) -> Option<Validator> {
        self.state().validators.get(&mirror).cloned()
    }

    pub(super) fn note_validator(&self, mirror: usize, validator: Validator) {
        self.state().validators.insert(mirror, validator);
    }

    pub(super) fn note_state(&self, mirror: usize, said: String) {
        self.state().states.insert(mirror, said);
    }

    pub(super) fn note_no_ranges(&self, mirror: usize) {
        self.state().no_ranges.push(mirror);
    }

    pub(super) fn is_known_wrong(&self, url: &str, said: &str) -> bool {
        !said.is_empty() && self.mismatches.is_known(url, said, &self.download.expected)
    }

    pub(super) fn advance(&self, claim: &Claim, length: u64) -> u64 {
        self.state().segments.advance(claim.id, length)
    }

    pub(super) fn is_done(&self, claim: &Claim) -> bool {
        let state = self.state();
        state.segments.is_done(claim.id) || state.segments.is_complete()
    }
}
