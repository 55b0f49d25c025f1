//! One row of the matrix: a test that is given the running guest.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError},
    time::Instant,
};

use libtest_mimic::Trial;

use crate::station::Station;

/// A test and its name.
pub(crate) struct Row {
    name: String,
    run: Run,
}

enum Run {
    /// In the guest that rows share.
    Shared(Box<dyn Fn(&Station) + Send>),
    /// In a guest of its own, which it boots.
    Alone(Box<dyn Fn() + Send>),
}

impl Row {
    pub(crate) fn new(name: impl Into<String>, run: impl Fn(&Station) + Send + 'static) -> Self {
        Self { name: name.into(), run: Run::Shared(Box::new(run)) }
    }

    /// A test that boots a guest of its own.
    pub(crate) fn alone(name: impl Into<String>, run: impl Fn() + Send + 'static) -> Self {
        Self { name: name.into(), run: Run::Alone(Box::new(run)) }
    }
}

/// Guests at a time: each is busy for more than half of a processor, and waits in between.
pub(crate) const GUESTS: usize = 2;

/// The guests that rows share, each booted for the first row that comes to it. One row at a time has one of them.
#[derive(Clone, Default)]
pub(crate) struct Bench(Arc<[Mutex<Option<Station>>; GUESTS]>);

impl Bench {
    /// The row as a test of the runner.
    pub(crate) fn trial(&self, row: Row) -> Trial {
        let bench = self.clone();
        let name = row.name.clone();
        Trial::test(row.name, move || {
            let start = Instant::now();
            match &row.run {
                Run::Shared(run) => bench.run(&name, &**run),
                Run::Alone(run) => run(),
            }
            println!("{name}: {:.1} s", start.elapsed().as_secs_f64());
            Ok(())
        })
    }

    /// A guest that nobody has. There is one, for no more rows run at a time than there are guests.
    fn free(&self) -> MutexGuard<'_, Option<Station>> {
        let free = self.0.iter().find_map(|guest| match guest.try_lock() {
            Ok(guest) => Some(guest),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        });
        free.unwrap_or_else(|| self.0[0].lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn run(&self, name: &str, row: &dyn Fn(&Station)) {
        let mut station = self.free();
        let running = station.get_or_insert_with(Station::boot);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            row(running);
            running.clean();
        }));
        if let Err(failure) = outcome {
            println!("--- {name} failed ---");
            running.guest.show_what_happened();
            let cleaned = catch_unwind(AssertUnwindSafe(|| running.clean_by_force()));
            if cleaned.is_err() {
                *station = None;
            }
            // Outside of the lock's reach: the next row goes on.
            drop(station);
            resume_unwind(failure);
        }
    }
}
