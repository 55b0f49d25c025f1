//! Blocking work, bounded for each device. A device that hangs fills its own lane and holds up nobody else's work.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    sync::Semaphore,
    task::{JoinError, spawn_blocking},
};

/// Jobs that one device works on at a time. More would only make a disc seek.
const WIDTH: usize = 4;

/// Lanes by device number.
#[derive(Debug, Default)]
pub struct Lanes(Mutex<HashMap<u64, Arc<Semaphore>>>);

impl Lanes {
    /// Runs `work` on a thread that may block, when the lane of `device` has room.
    ///
    /// # Errors
    /// Where `work` panicked.
    pub async fn run<T: Send + 'static>(
        &self,
        device: u64,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        let lane = self.lane(device);
        // The semaphore is never closed; without a permit the work would merely not be bounded.
        let permit = lane.acquire_owned().await.ok();
        spawn_blocking(move || {
            let done = work();
            drop(permit);
            done
        })
        .await
    }

    fn lane(&self, device: u64) -> Arc<Semaphore> {
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(lanes.entry(device).or_insert_with(|| Arc::new(Semaphore::new(WIDTH))))
    }
}
