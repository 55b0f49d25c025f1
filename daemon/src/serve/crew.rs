//! The threads of a server: each runs a worker of its own, and those of others that wait for a processor.
//!
//! Where clients are on the same machine, or much else is, two threads may share a processor while a third never rests.
//! The one that runs is then given new requests without an end, and the kernel takes the processor from it only with a
//! tick, some milliseconds later. So a thread that works for long looks whether the others' workers have anything to do.

use std::{
    io,
    os::fd::OwnedFd,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use rustix::{
    buffer::spare_capacity,
    event::{Timespec, epoll},
    io::Errno,
};

use super::{listen::Listener, shared::Shared, worker::Worker};

/// Events that are fetched at once.
const EVENTS: usize = 256;

/// How often a thread looks after the others' workers.
const ROUND: Duration = Duration::from_micros(200);

/// All workers.
#[derive(Debug)]
pub(super) struct Crew(Box<[Member]>);

/// A worker, and where its events are waited for.
#[derive(Debug)]
struct Member {
    events: Arc<OwnedFd>,
    worker: Mutex<Worker>,
}

impl Crew {
    /// As many as `shared` has inboxes.
    pub(super) fn new(shared: &Arc<Shared>, listeners: &[Arc<Listener>]) -> io::Result<Self> {
        let member = |index| {
            let events = Arc::new(epoll::create(epoll::CreateFlags::CLOEXEC)?);
            let worker =
                Worker::new(index, Arc::clone(&events), Arc::clone(shared), listeners.to_vec())?;
            Ok(Member { events, worker: Mutex::new(worker) })
        };
        (0..shared.inboxes().len()).map(member).collect::<io::Result<_>>().map(Self)
    }

    /// Runs the worker `own` until the server ends and all of its connections have.
    pub(super) fn run(&self, own: usize) {
        let mut events = Vec::with_capacity(EVENTS);
        let mut timeout = Some(Duration::ZERO);
        let mut looked_at = Instant::now();
        let member = &self.0[own];
        loop {
            member.wait(timeout, &mut events);
            let mut worker = member.lock();
            worker.round(&mut events);
            if worker.has_ended() {
                return;
            }
            let now = worker.now();
            timeout = worker.rest();
            drop(worker);
            if now.saturating_duration_since(looked_at) >= ROUND {
                looked_at = now;
                self.help_others(own, &mut events);
            }
        }
    }

    /// Does what the others' workers have to do now, unless somebody is about it.
    fn help_others(&self, own: usize, events: &mut Vec<epoll::Event>) {
        let others = self.0.iter().enumerate().filter(|(index, _)| *index != own);
        for (_, member) in others {
            let Ok(mut worker) = member.worker.try_lock() else { continue };
            member.wait(Some(Duration::ZERO), events);
            if !events.is_empty() {
                worker.round(events);
                worker.wake_thread();
            }
        }
    }
}

impl Member {
    /// Waits for events, for at most `timeout`. Who has taken some has to have the worker handle them.
    fn wait(&self, timeout: Option<Duration>, events: &mut Vec<epoll::Event>) {
        let timeout = timeout.map(|timeout| Timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(timeout.subsec_nanos()),
        });
        match epoll::wait(&self.events, spare_capacity(events), timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => unreachable!("epoll cannot wait: {error}"),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Worker> {
        self.worker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
