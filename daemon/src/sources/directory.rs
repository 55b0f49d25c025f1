//! A watched directory as a source: reads it at start, on every sign, when a waiting file's time has come, and every
//! scan interval whatever was heard.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use isomirror_core::medium::IdentityKey;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{Notify, watch},
    task::JoinError,
    time::sleep_until,
};
use tokio_util::sync::CancellationToken;

use super::{
    SourceSet,
    directory_scan::{DirectoryScan, Reading},
    directory_watch::Signs,
};
use crate::{
    pace::{LONGEST, QUIET, pause_after},
    sys::mount_table::MountTable,
};

/// Time between full readings on file systems whose changes the kernel tells.
const LOCAL_INTERVAL: Duration = Duration::from_mins(1);
/// Time between full readings on network file systems.
const REMOTE_INTERVAL: Duration = Duration::from_secs(10);
/// Signs that come with every write act together.
const COALESCE_MINOR: Duration = Duration::from_secs(1);

/// A directory in which image files appear.
#[derive(Clone, Debug)]
pub struct DirectorySource {
    /// The directory. It need not exist yet.
    pub path: PathBuf,
    /// Whether the directories below it count as well.
    pub recursive: bool,
    /// For how long a file has to be unchanged when nothing else tells that it is complete.
    pub settle: Duration,
    /// Media that were published before: those of them that are found first of all are complete.
    pub known: Arc<BTreeSet<IdentityKey>>,
    /// Time between full readings; `None` for 60 s, and 10 s on network file systems.
    pub scan_interval: Option<Duration>,
}

/// Why the directory is read once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wake {
    /// Something may have changed.
    Sign,
    /// Bytes or attributes of some file, or the mount table changed.
    MinorSign,
    /// Somebody waits to write to a file that is published.
    Lease,
    /// Nobody holds a file any more that was published.
    Released,
    /// Time has come.
    Time,
    /// Somebody asked for it.
    Asked,
}

impl DirectorySource {
    /// Sends what the directory holds whenever that changes, until cancelled. The first set comes after the first
    /// full reading.
    pub async fn run(
        self,
        output: watch::Sender<Option<Arc<SourceSet>>>,
        rescan: Arc<Notify>,
        cancel: CancellationToken,
    ) {
        let root = normal(&self.path);
        let signs = Arc::new(Signs::new(&root));
        let mut ears = Ears::new(Arc::clone(&signs), rescan);
        let leases = ears.lease_signal.is_some();
        let mut scan = DirectoryScan::new(root, &self, leases, signs);
        ears.released = scan.released();
        let mut wake = Wake::Time;
        loop {
            // A reading of a network file system that is down may never end; stopping does not wait for it.
            let started = Instant::now();
            let reading = tokio::select! {
                () = cancel.cancelled() => return,
                reading = read(scan, wake) => reading,
            };
            let Some((returned, reading)) = reading else { return };
            scan = returned;
            let finished = Instant::now();
            let next = finished + pause_after(finished.duration_since(started));
            let deadline = self.deadline(&reading, finished, next);
            reading.set.publish(&output);
            wake = tokio::select! {
                () = cancel.cancelled() => return,
                wake = ears.wake(finished, next, deadline) => wake,
            };
        }
    }

    fn deadline(&self, reading: &Reading, now: Instant, next: Instant) -> Instant {
        let interval = self.scan_interval.unwrap_or(if reading.remote {
            REMOTE_INTERVAL
        } else {
            LOCAL_INTERVAL
        });
        let regular = now + interval;
        reading.due.map_or(regular, |due| due.max(next).min(regular))
    }
}

/// All that makes the directory be read once more.
struct Ears {
    /// SIGIO ends a process that does not handle it, so leases are taken only once it is handled.
    lease_signal: Option<Signal>,
    released: Arc<Notify>,
    rescan: Arc<Notify>,
    signs: Arc<Signs>,
    mounts: Option<MountTable>,
}

impl Ears {
    fn new(signs: Arc<Signs>, rescan: Arc<Notify>) -> Self {
        let lease_signal = signal(SignalKind::io())
            .inspect_err(|error| tracing::warn!(%error, "cannot handle SIGIO, images get no lease"))
            .ok();
        let mounts = MountTable::watch()
            .inspect_err(|error| tracing::debug!(%error, "cannot listen for mounts"))
            .ok();
        Self { lease_signal, released: Arc::default(), rescan, signs, mounts }
    }

    /// Waits for the first sign after a reading that `finished` then, and for more to come with it, at least until `next`.
    /// A writer who waits for us does not wait for those.
    async fn wake(&mut self, finished: Instant, next: Instant, deadline: Instant) -> Wake {
        // Each branch is cancel-safe: a Notify keeps its permit, a signal stays pending, time stands still.
        let wake = tokio::select! {
            () = lease_break(&mut self.lease_signal) => return Wake::Lease,
            () = self.released.notified() => Wake::Released,
            () = self.rescan.notified() => return Wake::Asked,
            () = self.signs.urgent.notified() => Wake::Sign,
            () = self.signs.minor.notified() => Wake::MinorSign,
            () = mount_change(self.mounts.as_ref()) => Wake::MinorSign,
            () = sleep_until(deadline.into()) => return Wake::Time,
        };
        tokio::select! {
            () = lease_break(&mut self.lease_signal) => {}
            () = coalesce(wake, finished, next, &self.signs) => {}
        }
        wake
    }
}

/// Waits for more signs to come, until none does any more: files that are moved in at once are read at once.
async fn coalesce(wake: Wake, finished: Instant, next: Instant, signs: &Signs) {
    if wake == Wake::MinorSign {
        tokio::select! {
            () = signs.urgent.notified() => {}
            () = sleep_until((finished + COALESCE_MINOR).into()) => {}
        }
    }
    let longest = tokio::time::Instant::now() + LONGEST;
    sleep_until(next.into()).await;
    loop {
        let now = tokio::time::Instant::now();
        if now >= longest {
            return;
        }
        tokio::select! {
            () = signs.urgent.notified() => {}
            () = sleep_until((now + QUIET).min(longest)) => return,
        }
    }
}

/// Waits for the kernel to say that somebody wants to write to a leased file; for ever where it cannot.
async fn lease_break(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

/// Waits for a change of the mount table. A directory that something is mounted over, or that was mounted and is not
/// any more, is another directory at the same path, and inotify does not tell so.
async fn mount_change(mounts: Option<&MountTable>) {
    match mounts {
        Some(table) if table.changed().await.is_ok() => {}
        _ => std::future::pending().await,
    }
}

/// Reads on a blocking thread; `None` where that failed or the runtime is going down. Who asked for it, or released a
/// file, has waiting files looked at before their time.
async fn read(mut scan: DirectoryScan, wake: Wake) -> Option<(DirectoryScan, Reading)> {
    let force = matches!(wake, Wake::Asked | Wake::Released);
    let task = tokio::task::spawn_blocking(move || {
        let reading = scan.read(force);
        (scan, reading)
    });
    let log = |error: &JoinError| tracing::error!(%error, "reading a directory came to no end");
    task.await.inspect_err(log).ok()
}

/// The path as it is told and compared: absolute, without `.` and without a slash at its end.
fn normal(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path);
    absolute.as_deref().unwrap_or(path).components().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For how long signs are waited for that follow a first one every 10 ms, `count` of them.
    async fn waited_for(count: u32) -> Duration {
        let signs = Arc::new(Signs::new(Path::new("/images")));
        let start = tokio::time::Instant::now();
        let more = Arc::clone(&signs);
        tokio::spawn(async move {
            for _ in 0..count {
                tokio::time::sleep(Duration::from_millis(10)).await;
                more.urgent.notify_one();
            }
        });
        let now = start.into_std();
        coalesce(Wake::Sign, now, now, &signs).await;
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn signs_that_come_together_are_waited_for_and_an_endless_stream_is_not() {
        assert_eq!(waited_for(0).await, QUIET);
        let all = waited_for(5).await;
        assert!((70..=75).contains(&all.as_millis()), "{all:?}");
        let endless = waited_for(1000).await;
        assert!((200..=205).contains(&endless.as_millis()), "{endless:?}");
    }
}
