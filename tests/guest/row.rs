//! One row of the matrix: a test that is given the running guest.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, Mutex, PoisonError},
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

/// The guest that all rows share, booted for the first of them.
#[derive(Clone, Default)]
pub(crate) struct Bench(Arc<Mutex<Option<Station>>>);

impl Bench {
    /// The row as a test of the runner.
    pub(crate) fn trial(&self, row: Row) -> Trial {
        let bench = self.clone();
        Trial::test(row.name, move || {
            match &row.run {
                Run::Shared(run) => bench.run(&**run),
                Run::Alone(run) => run(),
            }
            Ok(())
        })
    }

    fn run(&self, row: &dyn Fn(&Station)) {
        let mut station = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let running = station.get_or_insert_with(Station::boot);
        let start = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            row(running);
            running.clean();
        }));
        print!("{:.1} s, ", start.elapsed().as_secs_f64());
        if let Err(failure) = outcome {
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
