//! Drives as a source: all are looked at at start, on every event of one, when a look is due, and every scan interval
//! whatever was heard.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use isomirror_core::{drive::DriveSelection, medium::IdentityKey};
use tokio::{
    sync::{Notify, watch},
    task::{JoinError, JoinSet, spawn_blocking},
    time::sleep_until,
};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{
    SourceSet,
    drive_list::{DriveFilter, list},
    drive_look::{Look, look},
    drive_monitor::DriveMonitor,
    drive_slots::DriveSlots,
};
use crate::{
    logging::Chain,
    pace::pause_after,
    sys::{loop_device, medium_file::MediumFile},
    withheld::Withheld,
};

/// Time between full enumerations: libudev loses events without a word.
const SCAN_INTERVAL: Duration = Duration::from_mins(1);
/// The same while a drive has not come to rest.
const UNSETTLED_INTERVAL: Duration = Duration::from_secs(1);

/// The drives of this machine.
#[derive(Clone, Debug)]
pub struct DriveSource {
    /// Which of them.
    pub drives: DriveFilter,
    /// Media that are to be let go of, though they are in their drives.
    pub withheld: watch::Receiver<Arc<Withheld>>,
}

impl DriveSource {
    /// Sends what the drives hold whenever that changes, until cancelled. The first set comes when all drives have
    /// been looked into, or have had time enough.
    pub async fn run(
        mut self,
        output: watch::Sender<Option<Arc<SourceSet>>>,
        rescan: Arc<Notify>,
        cancel: CancellationToken,
    ) {
        if self.drives == DriveFilter::Selection(DriveSelection::None) {
            SourceSet::default().publish(&output);
            return cancel.cancelled().await;
        }
        // It listens before the first enumeration, so that nothing falls between.
        let something_happened = Arc::new(Notify::new());
        let monitor = DriveMonitor::start(self.drives.clone(), Arc::clone(&something_happened));
        let mut rounds = Rounds::new(monitor.as_ref().err().map(deaf));
        loop {
            if rounds.next_list <= Instant::now() {
                rounds.list(&self.drives).await;
            }
            rounds.slots.withhold(&self.withheld.borrow_and_update(), Instant::now());
            rounds.start_looks();
            rounds.publish(&output);
            let wake = rounds.wake();
            // Each branch is cancel-safe: a Notify keeps its permit, the looks stay in their set.
            tokio::select! {
                () = cancel.cancelled() => return,
                Ok(()) = self.withheld.changed() => {}
                Some(done) = rounds.looks.join_next() => rounds.finish(done),
                () = something_happened.notified() => {
                    rounds.cut_off_changed();
                    rounds.list_after(rounds.pause);
                }
                () = rescan.notified() => rounds.list_after(Duration::ZERO),
                () = sleep_until(wake.into()) => {}
            }
        }
    }
}

/// A look that has ended, with the name and number of its drive.
type DoneLook = (String, u64, Look);

/// What is kept from one round of the loop to the next.
struct Rounds {
    slots: DriveSlots,
    looks: JoinSet<DoneLook>,
    last_list: Instant,
    /// The first event acts at once; those that follow within this time after a list act together.
    pause: Duration,
    next_list: Instant,
    monitor_problem: Option<String>,
    list_problem: Option<String>,
}

impl Rounds {
    fn new(monitor_problem: Option<String>) -> Self {
        let now = Instant::now();
        Self {
            slots: DriveSlots::default(),
            looks: JoinSet::new(),
            last_list: now,
            pause: Duration::ZERO,
            next_list: now,
            monitor_problem,
            list_problem: None,
        }
    }

    /// Lists all drives; where that fails, what is known of them stays.
    async fn list(&mut self, filter: &DriveFilter) {
        let filter = filter.clone();
        let started = Instant::now();
        let task = tokio::task::spawn_blocking(move || list(&filter));
        let listed = task.await.map_err(io::Error::other).and_then(|listed| listed);
        self.last_list = Instant::now();
        self.pause = pause_after(self.last_list.duration_since(started));
        self.next_list = self.last_list + SCAN_INTERVAL;
        self.list_problem = listed.as_ref().err().map(blind);
        if let Ok(listed) = listed {
            self.slots.update(listed, self.last_list);
        }
    }

    /// Wants a list, and not sooner than `pause` after the last one.
    fn list_after(&mut self, pause: Duration) {
        self.next_list = self.next_list.min(self.last_list + pause);
    }

    /// Before the drives are listed and looked into, which takes longer: with the event the kernel gives out bytes of the
    /// next disc.
    fn cut_off_changed(&self) {
        let held = self.slots.held();
        spawn_blocking(move || held.iter().for_each(|(name, file)| cut_off_changed(name, file)));
    }

    fn start_looks(&mut self) {
        for errand in self.slots.errands(Instant::now()) {
            self.looks.spawn_blocking(move || {
                if let Some(held) = &errand.held {
                    cut_off_changed(&errand.name, held);
                }
                let look = look(&errand.drive, errand.held.as_ref(), errand.impatient);
                if let Some(gone) = errand.known.filter(|known| look.found.key() != Some(*known)) {
                    cut_off(&errand.name, gone);
                }
                (errand.name, errand.number, look)
            });
        }
    }

    fn finish(&mut self, done: Result<DoneLook, JoinError>) {
        if let Ok((name, number, look)) = done {
            self.slots.finish(&name, number, look, Instant::now());
        }
        if self.slots.is_unsettled() {
            self.list_after(UNSETTLED_INTERVAL);
        }
    }

    fn publish(&self, output: &watch::Sender<Option<Arc<SourceSet>>>) {
        if let Some(mut set) = self.slots.set(Instant::now()) {
            set.problems.extend(self.monitor_problem.iter().chain(&self.list_problem).cloned());
            set.publish(output);
        }
    }

    fn wake(&self) -> Instant {
        let look = self.slots.wake(Instant::now());
        look.map_or(self.next_list, |look| look.min(self.next_list))
    }
}

/// Asks nobody but the kernel, and not the drive.
fn cut_off_changed(drive: &str, held: &MediumFile) {
    if matches!(held.is_unchanged(), Ok(false)) {
        cut_off(drive, held.key());
    }
}

/// Before anything else is done about a disc that is gone: whoever has one of its files open would be given bytes of
/// the next one.
fn cut_off(drive: &str, gone: IdentityKey) {
    let mark = gone.mark();
    if let Err(error) = loop_device::cut_off(|device| device.mark == mark) {
        warn!(drive, error = %Chain(&error), "readers of a disc that is gone cannot be cut off");
    }
}

fn deaf(error: &io::Error) -> String {
    format!(
        "events of drives cannot be heard ({error}), changes are noticed within {} s: allow \
         isomirrord AF_NETLINK and the network namespace of the host",
        SCAN_INTERVAL.as_secs()
    )
}

fn blind(error: &io::Error) -> String {
    format!("drives cannot be listed: {error}: see that `/sys` is mounted and readable")
}
