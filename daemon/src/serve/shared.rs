//! What the threads of one server share.

use std::{
    io,
    os::fd::OwnedFd,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use rustix::event::{EventfdFlags, eventfd};

use isomirror_core::view::HttpFigures;

use super::{
    ServeSettings,
    access_log::AccessLog,
    admission::Admission,
    connection::Connection,
    events::News,
    published::{Published, Served},
};

/// Figures since the server's start, but for `connections`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Connections that are open now.
    pub connections: u64,
    /// Connections that were accepted.
    pub accepted: u64,
    /// Requests that were answered, whatever the status.
    pub requests: u64,
    /// Bytes sent, heads included.
    pub bytes: u64,
}

/// What the threads of one server share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) settings: ServeSettings,
    pub(super) admission: Arc<Admission>,
    pub(super) access_log: AccessLog,
    pub(super) accepted: AtomicU64,
    /// Responses by the first digit of their status, from 1 to 5.
    responses: [AtomicU64; 5],
    pub(super) bytes: AtomicU64,
    /// Grows with every set, so that a worker sees that it has to look for responses of media that left.
    pub(super) generation: AtomicU64,
    /// When the last responses are cut because the server ends.
    pub(super) ends_at: OnceLock<Instant>,
    /// What those are told who listen to changes.
    pub(super) news: Arc<News>,
    published: Mutex<Published>,
    inboxes: Box<[Inbox]>,
}

/// Where a worker is told something.
#[derive(Debug)]
pub(super) struct Inbox {
    /// Connections that the worker has, or will have when it looks.
    pub(super) load: AtomicUsize,
    messages: Mutex<Vec<Message>>,
    bell: OwnedFd,
}

/// What a worker is told.
#[derive(Debug)]
pub(super) enum Message {
    /// A new connection.
    Take(Box<Connection>),
    /// A connection is back from the thread of a drive.
    Back(u64, Box<Connection>),
}

impl Shared {
    pub(super) fn new(settings: ServeSettings) -> io::Result<Self> {
        let started = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_secs());
        let inboxes = (0..settings.workers.max(1)).map(|_| Inbox::new());
        Ok(Self {
            admission: Arc::new(Admission::new(&settings)),
            access_log: AccessLog::default(),
            accepted: AtomicU64::new(0),
            responses: Default::default(),
            bytes: AtomicU64::new(0),
            generation: AtomicU64::new(0),
            ends_at: OnceLock::new(),
            news: Arc::new(News::new(settings.listeners, started)),
            published: Mutex::default(),
            inboxes: inboxes.collect::<io::Result<_>>()?,
            settings,
        })
    }

    pub(super) fn published(&self) -> MutexGuard<'_, Published> {
        self.published.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The medium of this name, if it is in the set right now.
    pub(super) fn find(&self, name: &[u8]) -> Option<Arc<Served>> {
        self.published().find(name)
    }

    pub(super) fn inbox(&self, worker: usize) -> &Inbox {
        &self.inboxes[worker]
    }

    pub(super) fn inboxes(&self) -> &[Inbox] {
        &self.inboxes
    }

    /// The worker with the fewest connections; of several, `preferred` if it is one.
    pub(super) fn least_loaded(&self, preferred: usize) -> usize {
        let load = |worker: usize| self.inboxes[worker].load.load(Ordering::Relaxed);
        (0..self.inboxes.len())
            .min_by_key(|worker| (load(*worker), *worker != preferred))
            .unwrap_or(preferred)
    }

    /// Takes note of a response whose head stands at the beginning of `out`: `HTTP/1.1 200 OK`.
    pub(super) fn count_response(&self, out: &[u8]) {
        let class = out.get(9).map_or(0, |digit| usize::from(digit.wrapping_sub(b'1')));
        if let Some(responses) = self.responses.get(class) {
            responses.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn figures(&self) -> HttpFigures {
        HttpFigures {
            connections: self.admission.open() as u64,
            accepted: self.accepted.load(Ordering::Relaxed),
            listeners: self.news.listeners() as u64,
            bytes: self.bytes.load(Ordering::Relaxed),
            responses: self.responses.each_ref().map(|count| count.load(Ordering::Relaxed)),
            started: self.news.started,
        }
    }

    pub(super) fn statistics(&self) -> Statistics {
        Statistics {
            connections: self.admission.open() as u64,
            accepted: self.accepted.load(Ordering::Relaxed),
            requests: self.figures().responses.iter().sum(),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }
}

impl Inbox {
    fn new() -> io::Result<Self> {
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { load: AtomicUsize::new(0), messages: Mutex::default(), bell })
    }

    /// What becomes readable when there is something to look at.
    pub(super) fn bell(&self) -> &OwnedFd {
        &self.bell
    }

    /// Makes the worker look.
    pub(super) fn ring(&self) {
        // It fails only where 2^64 - 2 rings are unheard, and then the bell rings already.
        let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
    }

    pub(super) fn send(&self, message: Message) {
        self.lock().push(message);
        self.ring();
    }

    /// Takes what was sent, and quiets the bell first: whatever is sent from now on rings it again.
    pub(super) fn receive(&self) -> Vec<Message> {
        let _ = rustix::io::read(&self.bell, &mut [0; 8]);
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Message>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
