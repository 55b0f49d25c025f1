//! How hosts are spared: few questions at once, none to one that asked for rest, and none for a while to one that is down.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use isomirror_core::transfer::waiting::{Backoff, Breaker};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::fetch::chance;

/// Questions to one host at once. Some answer more with listings that have nothing in them.
const AT_ONCE: usize = 2;

/// The gates of all hosts.
#[derive(Debug)]
pub(super) struct Gates {
    gates: Mutex<HashMap<String, Arc<Gate>>>,
    begun: Instant,
}

/// The gate of one host.
#[derive(Debug)]
pub(super) struct Gate {
    places: Semaphore,
    breaker: Mutex<Breaker>,
    begun: Instant,
}

impl Gates {
    pub(super) fn new() -> Self {
        Self { gates: Mutex::default(), begun: Instant::now() }
    }

    pub(super) fn of(&self, host: &str) -> Arc<Gate> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Gate {
            places: Semaphore::new(AT_ONCE),
            breaker: Mutex::default(),
            begun: self.begun,
        };
        Arc::clone(gates.entry(host.to_owned()).or_insert_with(|| Arc::new(new())))
    }
}

impl Gate {
    /// A place among those who ask the host; `None` where nobody asks any more.
    pub(super) async fn enter(&self) -> Option<SemaphorePermit<'_>> {
        self.places.acquire().await.ok()
    }

    /// For how long it is left alone still.
    pub(super) fn closed_for(&self) -> Duration {
        self.breaker().remaining(self.begun.elapsed())
    }

    pub(super) fn succeeded(&self) {
        self.breaker().succeeded();
    }

    pub(super) fn failed(&self, backoff: &Backoff) {
        self.breaker().failed(self.begun.elapsed(), backoff, chance());
    }

    /// It asked to be left alone for `pause`.
    pub(super) fn close_for(&self, pause: Duration) {
        self.breaker().wait(self.begun.elapsed() + pause);
    }

    fn breaker(&self) -> std::sync::MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
