//! The server as its owner sees it.

use std::{
    io,
    net::SocketAddr,
    path::Path,
    sync::{Arc, atomic::Ordering},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{BindError, Bound, Exports, ServeSettings, Statistics, shared::Shared, worker::Worker};

/// Why the server cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The kernel refuses an event queue or a descriptor.
    #[error("cannot set up an event loop of the HTTP server")]
    EventLoop(#[source] io::Error),
    /// The kernel refuses a thread.
    #[error("cannot start a thread of the HTTP server")]
    Thread(#[source] io::Error),
}

/// A running server. It ends when it is shut down or dropped.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    addresses: Vec<SocketAddr>,
    places: Vec<String>,
    workers: Vec<JoinHandle<()>>,
}

impl Server {
    /// Listens on the addresses of `settings`, without answering anybody yet.
    pub fn bind(settings: &ServeSettings) -> Result<Bound, BindError> {
        Bound::bind(settings)
    }

    /// Begins to answer. Until something is published there are no media.
    pub fn start(bound: Bound) -> Result<Self, StartError> {
        Self::start_with(bound, Exports::default())
    }

    /// Begins to answer, with these media from the first request on.
    pub fn start_with(bound: Bound, exports: Exports) -> Result<Self, StartError> {
        let (addresses, places) = (bound.local_addresses(), bound.places());
        let listeners: Vec<_> = bound.listeners.into_iter().map(Arc::new).collect();
        let shared = Arc::new(Shared::new(bound.settings).map_err(StartError::EventLoop)?);
        shared.access_log.direct(shared.settings.access_log.as_deref());
        shared.published().replace(exports, Instant::now());
        let mut server = Self { shared, addresses, places, workers: Vec::new() };
        for index in 0..server.shared.inboxes().len() {
            let worker = Worker::new(index, Arc::clone(&server.shared), listeners.clone())
                .map_err(StartError::EventLoop)?;
            let run = move || {
                let _indispensable = Indispensable;
                worker.run();
            };
            let thread = thread::Builder::new().name(format!("serve-{index}")).spawn(run);
            server.workers.push(thread.map_err(StartError::Thread)?);
        }
        Ok(server)
    }

    /// Where it is listened, as texts for people: URLs, and Unix sockets as `unix:PATH`.
    #[must_use]
    pub fn places(&self) -> &[String] {
        &self.places
    }

    /// Appends a line for every response to the file at `path` from now on; to none where there is no path. A file that
    /// was renamed is left for the new one under its name. Where the file cannot be opened, nothing is logged from then on,
    /// and the daemon's log says why.
    pub fn log_to(&self, path: Option<&Path>) {
        self.shared.access_log.direct(path);
    }

    /// The IP addresses that are listened on, with the ports that the kernel chose.
    #[must_use]
    pub fn local_addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Replaces all that is served. When it returns, no request gets anything from a medium that is not in
    /// `exports`; responses that were begun before have the settings' `drain` to end, are cut then, and by that
    /// time the server holds the medium no longer. Only the thread of a drive may hold its medium longer: as long as
    /// the kernel does not answer its read.
    pub fn publish(&self, exports: Exports) {
        let cut_at = Instant::now() + exports.drain.unwrap_or(self.shared.settings.drain);
        let revision = exports.state.revision;
        self.shared.published().replace(exports, cut_at);
        self.shared.news.tell(revision);
        self.shared.generation.fetch_add(1, Ordering::Release);
        self.ring();
    }

    /// What the server did so far.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.shared.statistics()
    }

    /// Stops accepting, ends idle connections, gives responses `drain` to end, then cuts them. Blocks until all
    /// have ended.
    pub fn shutdown(mut self, drain: Duration) {
        self.end(drain);
    }

    fn end(&mut self, drain: Duration) {
        let _ = self.shared.ends_at.set(Instant::now() + drain);
        self.shared.news.end();
        self.ring();
        for worker in self.workers.drain(..) {
            let _ = worker.join();
        }
    }

    fn ring(&self) {
        self.shared.inboxes().iter().for_each(super::shared::Inbox::ring);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end(Duration::ZERO);
    }
}

/// Ends the process should its thread panic: its connections would hang for ever, and new ones be lost to it. Whoever
/// supervises the process starts it anew, with all threads.
struct Indispensable;

impl Drop for Indispensable {
    fn drop(&mut self) {
        if thread::panicking() {
            std::process::abort();
        }
    }
}
