//! Blocking work, bounded for each device. A device that hangs fills its own lane and holds up nobody else's work.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Semaphore, watch},
    task::{JoinError, spawn_blocking},
    time::timeout,
};

/// Jobs that one device works on at a time. More would only make a disc seek.
const WIDTH: usize = 4;

/// How long work that nobody waits for lets other work go first.
const MODESTY: Duration = Duration::from_secs(5);

/// Lanes by device number.
#[derive(Debug, Default)]
pub struct Lanes(Mutex<HashMap<u64, Arc<Lane>>>);

/// The work on one device.
#[derive(Debug)]
struct Lane {
    room: Arc<Semaphore>,
    room_behind: Arc<Semaphore>,
    /// Jobs that somebody waits for, under way and to come.
    wanted: watch::Sender<usize>,
}

/// One job that somebody waits for.
struct Wanted(Arc<Lane>);

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
        let wanted = Wanted::new(self.lane(device));
        // The semaphore is never closed; without a permit the work would merely not be bounded.
        let permit = Arc::clone(&wanted.0.room).acquire_owned().await.ok();
        spawn_blocking(move || {
            let done = work();
            drop((permit, wanted));
            done
        })
        .await
    }

    /// As [`Self::run`], one job of a device at a time, and when it has nothing else to do: for what nobody waits for.
    ///
    /// # Errors
    /// Where `work` panicked.
    pub async fn run_behind<T: Send + 'static>(
        &self,
        device: u64,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        let lane = self.lane(device);
        let permit = Arc::clone(&lane.room_behind).acquire_owned().await.ok();
        let mut wanted = lane.wanted.subscribe();
        // After that time it goes ahead: what it waits for may hang.
        let _ = timeout(MODESTY, wanted.wait_for(|wanted| *wanted == 0)).await;
        spawn_blocking(move || {
            let done = work();
            drop(permit);
            done
        })
        .await
    }

    fn lane(&self, device: u64) -> Arc<Lane> {
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(lanes.entry(device).or_insert_with(|| {
            Arc::new(Lane {
                room: Arc::new(Semaphore::new(WIDTH)),
                room_behind: Arc::new(Semaphore::new(1)),
                wanted: watch::Sender::new(0),
            })
        }))
    }
}

impl Wanted {
    fn new(lane: Arc<Lane>) -> Self {
        lane.wanted.send_modify(|wanted| *wanted += 1);
        Self(lane)
    }
}

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.wanted.send_modify(|wanted| *wanted -= 1);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn what_nobody_waits_for_lets_others_go_first() {
        let lanes = Arc::new(Lanes::default());
        let order = Arc::new(Mutex::new(Vec::new()));
        let note = |what: &'static str| {
            let order = Arc::clone(&order);
            move || order.lock().unwrap().push(what)
        };
        let (go, wait) = mpsc::channel::<()>();
        let (began, has_begun) = tokio::sync::oneshot::channel();
        let first = {
            let (lanes, done) = (Arc::clone(&lanes), note("first"));
            tokio::spawn(async move {
                lanes
                    .run(1, move || {
                        began.send(()).unwrap();
                        wait.recv().unwrap();
                        done();
                    })
                    .await
            })
        };
        has_begun.await.unwrap();
        let behind = {
            let (lanes, done) = (Arc::clone(&lanes), note("behind"));
            tokio::spawn(async move { lanes.run_behind(1, done).await })
        };
        tokio::task::yield_now().await;
        // Another device's work does not count.
        lanes.run_behind(2, note("elsewhere")).await.unwrap();
        let second = {
            let (lanes, done) = (Arc::clone(&lanes), note("second"));
            tokio::spawn(async move { lanes.run(1, done).await })
        };
        second.await.unwrap().unwrap();
        assert_eq!(*order.lock().unwrap(), ["elsewhere", "second"]);
        go.send(()).unwrap();
        first.await.unwrap().unwrap();
        behind.await.unwrap().unwrap();
        assert_eq!(*order.lock().unwrap(), ["elsewhere", "second", "first", "behind"]);
    }
}
