//! One event loop: waits for sockets, deadlines and messages, and gives connections their turns.
//!
//! It sleeps until something happens or the nearest deadline comes; a server without connections never wakes up.

mod accepting;

use std::{
    collections::{HashMap, VecDeque},
    io,
    sync::{Arc, Weak, atomic::Ordering},
    time::{Duration, Instant},
};

use rustix::{
    buffer::spare_capacity,
    event::{Timespec, epoll},
    fd::OwnedFd,
    io::Errno,
};
use tracing::{debug, warn};

use super::{
    connection::{Connection, Next, abort},
    deadlines::Deadlines,
    drive::Job,
    listen::Listener,
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
    listeners: Vec<Arc<Listener>>,
    paused_until: Option<Instant>,
    slots: HashMap<u64, Slot>,
    /// Connections that are to have a turn: those that may have a request, and those that are amid a body.
    ready: VecDeque<u64>,
    amid_body: VecDeque<u64>,
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
        listeners: Vec<Arc<Listener>>,
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
            amid_body: VecDeque::new(),
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
            self.round(&mut events);
        }
    }

    /// Handles `events` and what is due, and gives connections their turns. Between two turns of those that are amid a
    /// body, all have theirs who have a request.
    fn round(&mut self, events: &mut Vec<epoll::Event>) {
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
        if let Some(token) = self.amid_body.pop_front() {
            self.give_turn(token);
        }
        self.turn.write_log();
    }

    fn timeout(&self) -> Option<Duration> {
        if !self.ready.is_empty() || !self.amid_body.is_empty() {
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
            let queue =
                if connection.is_amid_body() { &mut self.amid_body } else { &mut self.ready };
            queue.push_back(token);
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

    /// Gives every connection that holds a medium which has left its deadline, and listeners their turns.
    fn look_for_retired(&mut self) {
        let tokens: Vec<u64> = self.slots.keys().copied().collect();
        for token in tokens {
            match self.slots.get_mut(&token) {
                Some(Slot::Here(connection)) => {
                    connection.release();
                    let is_listener = connection.is_listener();
                    self.schedule(token);
                    if is_listener {
                        self.enqueue(token);
                    }
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
        let listens = |slot: &Slot| matches!(slot, Slot::Here(c) if c.is_listener());
        let tokens: Vec<u64> =
            self.slots.iter().filter(|(_, slot)| listens(slot)).map(|(token, _)| *token).collect();
        for token in tokens {
            self.enqueue(token);
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
            connection.log(&mut self.turn);
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
        if let Some(slot) = self.slots.remove(&token) {
            if let Slot::Here(mut connection) = slot {
                connection.log(&mut self.turn);
            }
            self.leave();
        }
    }

    fn leave(&self) {
        self.turn.shared.inbox(self.index).load.fetch_sub(1, Ordering::Relaxed);
    }
}
