//! One event loop: waits for sockets, deadlines and messages, and gives connections their turns.
//!
//! It sleeps until something happens or the nearest deadline comes; a server without connections never wakes up.

use std::{
    collections::{HashMap, VecDeque},
    io,
    net::{SocketAddr, TcpListener},
    sync::{Arc, Weak, atomic::Ordering},
    time::{Duration, Instant},
};

use isomirror_core::http::{Method, Persistence, ResponseHead, Status};
use rustix::{
    buffer::spare_capacity,
    event::{Timespec, epoll},
    fd::OwnedFd,
    io::Errno,
    net::{SendFlags, SocketFlags, acceptfrom_with, send, sockopt::set_tcp_nodelay},
};
use tracing::{debug, warn};

use super::{
    connection::{Connection, Next, abort},
    deadlines::Deadlines,
    drive::Job,
    published::Served,
    shared::{Message, Shared},
    turn::Turn,
};

/// Events that are fetched at once.
const EVENTS: usize = 256;

/// Connections that are accepted before those that are open have their turns.
const ACCEPTED: usize = 32;

/// For how long nobody is accepted when descriptors or places have run out.
const PAUSE: Duration = Duration::from_millis(100);

/// Tokens below this are those of the bell (0) and the listeners.
const FIRST_TOKEN: u64 = 1 << 16;

/// A connection, or the place of one that is with a drive's thread.
#[derive(Debug)]
enum Slot {
    Here(Box<Connection>),
    Away { socket: Arc<OwnedFd>, medium: Weak<Served> },
}

/// One event loop with the connections that it has.
#[derive(Debug)]
pub(super) struct Worker {
    index: usize,
    epoll: OwnedFd,
    listeners: Vec<Arc<TcpListener>>,
    paused_until: Option<Instant>,
    slots: HashMap<u64, Slot>,
    ready: VecDeque<u64>,
    deadlines: Deadlines,
    next_token: u64,
    generation: u64,
    is_ending: bool,
    turn: Turn,
}

impl Worker {
    pub(super) fn new(
        index: usize,
        shared: Arc<Shared>,
        listeners: Vec<Arc<TcpListener>>,
    ) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let bell = shared.inbox(index).bell();
        epoll::add(&epoll, bell, epoll::EventData::new_u64(0), epoll::EventFlags::IN)?;
        let worker = Self {
            index,
            epoll,
            listeners,
            paused_until: None,
            slots: HashMap::new(),
            ready: VecDeque::new(),
            deadlines: Deadlines::default(),
            next_token: FIRST_TOKEN,
            generation: 0,
            is_ending: false,
            turn: Turn::on_worker(shared),
        };
        worker.watch_listeners()?;
        Ok(worker)
    }

    /// Runs until the server ends and all connections have.
    pub(super) fn run(mut self) {
        let mut events: Vec<epoll::Event> = Vec::with_capacity(EVENTS);
        while !(self.is_ending && self.slots.is_empty()) {
            let timeout = self.timeout().map(|timeout| Timespec {
                tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: i64::from(timeout.subsec_nanos()),
            });
            match epoll::wait(&self.epoll, spare_capacity(&mut events), timeout.as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => unreachable!("epoll cannot wait: {error}"),
            }
            self.turn.refresh();
            for event in events.drain(..) {
                self.handle(event.data.u64(), event.flags);
            }
            self.expire();
            for _ in 0..self.ready.len() {
                if let Some(token) = self.ready.pop_front() {
                    self.give_turn(token);
                }
            }
        }
    }

    fn timeout(&self) -> Option<Duration> {
        if !self.ready.is_empty() {
            return Some(Duration::ZERO);
        }
        let now = Instant::now();
        let until = |moment: Instant| moment.saturating_duration_since(now);
        let ends = self.is_ending.then(|| self.turn.shared.ends_at.get().copied()).flatten();
        [self.deadlines.next(now), self.paused_until.map(until), ends.map(until)]
            .into_iter()
            .flatten()
            .min()
    }

    fn handle(&mut self, token: u64, flags: epoll::EventFlags) {
        use epoll::EventFlags as Flags;
        if token == 0 {
            self.take_messages();
        } else if token < FIRST_TOKEN {
            self.accept(token);
        } else if let Some(Slot::Here(connection)) = self.slots.get_mut(&token) {
            let broken = flags.intersects(Flags::ERR | Flags::HUP);
            let peer_ended = broken || flags.contains(Flags::RDHUP);
            let readable = peer_ended || flags.contains(Flags::IN);
            connection.notice(readable, broken || flags.contains(Flags::OUT), peer_ended);
            self.enqueue(token);
        }
    }

    fn enqueue(&mut self, token: u64) {
        if let Some(Slot::Here(connection)) = self.slots.get_mut(&token)
            && !std::mem::replace(&mut connection.queued, true)
        {
            self.ready.push_back(token);
        }
    }

    fn take_messages(&mut self) {
        for message in self.turn.shared.inbox(self.index).receive() {
            match message {
                Message::Take(connection) => self.take(connection),
                Message::Back(token, connection) => self.take_back(token, connection),
            }
        }
        let generation = self.turn.shared.generation.load(Ordering::Acquire);
        if std::mem::replace(&mut self.generation, generation) != generation {
            self.look_for_retired();
        }
        if self.turn.shared.ends_at.get().is_some() && !self.is_ending {
            self.begin_ending();
        }
    }

    /// Gives every connection that holds a medium which has left its deadline.
    fn look_for_retired(&mut self) {
        let tokens: Vec<u64> = self.slots.keys().copied().collect();
        for token in tokens {
            match self.slots.get_mut(&token) {
                Some(Slot::Here(connection)) => {
                    connection.release();
                    self.schedule(token);
                }
                Some(Slot::Away { medium, .. }) => {
                    if let Some(cut_at) = medium.upgrade().and_then(|medium| medium.cut_at()) {
                        self.deadlines.push(cut_at, token);
                    }
                }
                None => {}
            }
        }
    }

    fn begin_ending(&mut self) {
        self.is_ending = true;
        self.paused_until = None;
        self.unwatch_listeners();
        self.listeners.clear();
        let idle = |slot: &Slot| matches!(slot, Slot::Here(connection) if connection.is_idle());
        let tokens: Vec<u64> =
            self.slots.iter().filter(|(_, slot)| idle(slot)).map(|(token, _)| *token).collect();
        for token in tokens {
            self.remove(token);
        }
    }

    fn accept(&mut self, token: u64) {
        let Some(listener) =
            usize::try_from(token - 1).ok().and_then(|index| self.listeners.get(index)).cloned()
        else {
            return;
        };
        for _ in 0..ACCEPTED {
            if self.turn.shared.admission.is_full() {
                return self.pause();
            }
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            match acceptfrom_with(&*listener, flags) {
                Ok((socket, address)) => {
                    let address = address.and_then(|address| SocketAddr::try_from(address).ok());
                    self.admit(socket, address);
                }
                Err(Errno::AGAIN) => return,
                Err(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => {
                    return self.pause();
                }
                // The client gave up, or something on its way failed (accept(2), "Error handling").
                Err(error) => debug!(%error, "cannot accept a connection"),
            }
        }
    }

    fn admit(&mut self, socket: OwnedFd, address: Option<SocketAddr>) {
        let shared = &self.turn.shared;
        shared.accepted.fetch_add(1, Ordering::Relaxed);
        let Some(ticket) = shared.admission.admit(address.map(|address| address.ip())) else {
            return self.turn_away(&socket);
        };
        // What is to wait for more is held back by MSG_MORE, and nothing else is. A cork was measured to be a third
        // slower, Nagle's algorithm a tenth. A Unix socket refuses.
        let _ = set_tcp_nodelay(&socket, true);
        let due = self.turn.now + shared.settings.head_timeout;
        let connection = Box::new(Connection::new(socket, ticket, due));
        let worker = shared.least_loaded(self.index);
        shared.inbox(worker).load.fetch_add(1, Ordering::Relaxed);
        if worker == self.index {
            self.take(connection);
        } else {
            shared.inbox(worker).send(Message::Take(connection));
        }
    }

    /// Tells a client that it has enough connections. Whether it hears that is its own affair.
    fn turn_away(&self, socket: &OwnedFd) {
        let mut response = Vec::new();
        let status = Status::ServiceUnavailable;
        ResponseHead::begin(&mut response, status, self.turn.date()).end_with_status(
            status,
            Method::Get,
            Persistence::Close,
        );
        let _ = send(socket, &response, SendFlags::NOSIGNAL);
    }

    fn pause(&mut self) {
        if self.paused_until.is_none() {
            self.unwatch_listeners();
            self.paused_until = Some(self.turn.now + PAUSE);
        }
    }

    fn watch_listeners(&self) -> io::Result<()> {
        for (listener, token) in self.listeners.iter().zip(1..) {
            // Exclusive, so that a connection wakes one worker up and not all.
            let flags = epoll::EventFlags::IN | epoll::EventFlags::EXCLUSIVE;
            epoll::add(&self.epoll, &**listener, epoll::EventData::new_u64(token), flags)?;
        }
        Ok(())
    }

    fn unwatch_listeners(&self) {
        for listener in &self.listeners {
            let _ = epoll::delete(&self.epoll, &**listener);
        }
    }

    fn take(&mut self, connection: Box<Connection>) {
        use epoll::EventFlags as Flags;
        let token = self.next_token;
        let flags = Flags::IN | Flags::OUT | Flags::RDHUP | Flags::ET;
        let watched = epoll::add(
            &self.epoll,
            &**connection.socket(),
            epoll::EventData::new_u64(token),
            flags,
        );
        if let Err(error) = watched {
            debug!(%error, "cannot watch a connection");
            self.leave();
            return;
        }
        self.next_token += 1;
        self.slots.insert(token, Slot::Here(connection));
        self.schedule(token);
    }

    fn take_back(&mut self, token: u64, mut connection: Box<Connection>) {
        // If its place is gone, the connection was given up while it was away.
        if !self.slots.contains_key(&token) {
            connection.abort();
            return;
        }
        connection.queued = false;
        connection.scheduled = None;
        connection.release();
        let next = connection.take_outcome();
        self.slots.insert(token, Slot::Here(connection));
        self.follow(token, next);
    }

    fn give_turn(&mut self, token: u64) {
        let Some(Slot::Here(connection)) = self.slots.get_mut(&token) else { return };
        connection.queued = false;
        let next = connection.advance(&mut self.turn);
        if connection.holds_retired() {
            connection.release();
        }
        self.follow(token, next);
    }

    fn follow(&mut self, token: u64, next: Next) {
        match next {
            Next::Wait => self.schedule(token),
            Next::Again => {
                self.schedule(token);
                self.enqueue(token);
            }
            Next::OnDrive(served) => self.send_away(token, &served),
            Next::Close => self.remove(token),
            Next::Abort => self.give_up(token),
        }
    }

    fn send_away(&mut self, token: u64, served: &Arc<Served>) {
        let Some(Slot::Here(connection)) = self.slots.remove(&token) else { return };
        let Some(drive) = &served.drive else { return self.leave() };
        let socket = Arc::clone(connection.socket());
        let shared = Arc::clone(&self.turn.shared);
        match drive.send(Job { shared, worker: self.index, token, connection }) {
            Ok(()) => {
                if let Some(cut_at) = served.cut_at() {
                    self.deadlines.push(cut_at, token);
                }
                self.slots.insert(token, Slot::Away { socket, medium: Arc::downgrade(served) });
            }
            Err(connection) => {
                warn!("too many connections wait for a drive");
                connection.abort();
                self.leave();
            }
        }
    }

    /// Makes sure that the connection is looked at when its deadline comes.
    fn schedule(&mut self, token: u64) {
        let Some(Slot::Here(connection)) = self.slots.get_mut(&token) else { return };
        let deadline = connection.deadline(self.turn.now);
        if connection.scheduled.is_none_or(|scheduled| deadline < scheduled) {
            connection.scheduled = Some(deadline);
            self.deadlines.push(deadline, token);
        }
    }

    fn expire(&mut self) {
        let now = self.turn.now;
        if self.paused_until.is_some_and(|moment| moment <= now) {
            self.paused_until = None;
            if self.watch_listeners().is_err() {
                self.pause();
            }
        }
        while let Some((moment, token)) = self.deadlines.pop(now) {
            match self.slots.get_mut(&token) {
                Some(Slot::Here(connection)) if connection.scheduled == Some(moment) => {
                    connection.scheduled = None;
                    let next = connection.expire(&self.turn);
                    self.follow(token, next);
                }
                Some(Slot::Away { medium, .. }) => {
                    let cut_at = medium.upgrade().and_then(|medium| medium.cut_at());
                    if cut_at.is_some_and(|cut_at| cut_at <= now) {
                        self.give_up(token);
                    }
                }
                Some(Slot::Here(_)) | None => {}
            }
        }
        let ends_at = self.turn.shared.ends_at.get();
        if self.is_ending && ends_at.is_some_and(|moment| *moment <= now) {
            let tokens: Vec<u64> = self.slots.keys().copied().collect();
            for token in tokens {
                self.give_up(token);
            }
        }
    }

    /// Ends a connection before all was sent.
    fn give_up(&mut self, token: u64) {
        match self.slots.get(&token) {
            Some(Slot::Here(connection)) => connection.abort(),
            Some(Slot::Away { socket, .. }) => abort(socket),
            None => return,
        }
        self.remove(token);
    }

    fn remove(&mut self, token: u64) {
        if self.slots.remove(&token).is_some() {
            self.leave();
        }
    }

    fn leave(&self) {
        self.turn.shared.inbox(self.index).load.fetch_sub(1, Ordering::Relaxed);
    }
}
