//! Counts of what was done to the web root, for those who watch over the daemon.

use std::sync::atomic::{AtomicU64, Ordering};

use isomirror_core::view::WorkFigures;

/// The counts. They only grow.
#[derive(Debug, Default)]
pub struct Tally {
    rounds: AtomicU64,
    steps: AtomicU64,
    failures: AtomicU64,
}

impl Tally {
    /// Counts that stand at `figures`, as another process told them.
    #[must_use]
    pub fn of(figures: WorkFigures) -> Self {
        let WorkFigures { rounds, steps, failures } = figures;
        Self { rounds: rounds.into(), steps: steps.into(), failures: failures.into() }
    }

    /// A round was begun.
    pub fn round(&self) {
        self.rounds.fetch_add(1, Ordering::Relaxed);
    }

    /// A step was carried out.
    pub fn step(&self) {
        self.steps.fetch_add(1, Ordering::Relaxed);
    }

    /// A step failed.
    pub fn failure(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    /// How many there were.
    #[must_use]
    pub fn figures(&self) -> WorkFigures {
        WorkFigures {
            rounds: self.rounds.load(Ordering::Relaxed),
            steps: self.steps.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
        }
    }
}
