//! One connection: reads requests, and sends what is answered, one turn at a time.
//!
//! A connection knows no other and does not wait: a turn ends when the socket has nothing to give or to take, or when
//! the others should have theirs. Whoever runs the turn decides what happens then.

mod logging;
mod pace;
mod sending;

use std::{
    net::IpAddr,
    ops::ControlFlow::{self, Break, Continue},
    sync::Arc,
    time::{Duration, Instant},
};

use isomirror_core::http::{Method, Persistence, Received, ResponseHead, Status, receive};
use rustix::{
    fd::OwnedFd,
    io::Errno,
    net::{RecvFlags, Shutdown, connect_unspec, recv, shutdown, sockopt::set_socket_linger},
};

use super::{
    admission::Ticket,
    answer::{Answer, answer},
    body::Body,
    published::Served,
    turn::Turn,
};
use logging::Entry;
use pace::Pace;

/// Responses of one turn, for clients that send many requests at once.
const RESPONSES: usize = 16;

/// Bytes of a body that are sent in one turn.
const TURN: u64 = 1 << 20;

/// The same for the turn in which it begins: those have theirs all together, so that nobody waits for a first byte.
const FIRST_TURN: u64 = 128 << 10;

/// The same for a medium in a drive, where 1 MiB can take a while.
const TURN_ON_DRIVE: u64 = 256 << 10;

/// Memory that a connection without a request keeps for the next.
const KEPT: usize = 1 << 10;

/// How often a connection that is to end is looked at.
const ENDING_CHECK: Duration = Duration::from_secs(2);

/// How often to look whether a medium that left still has bytes in the send queue.
const RELEASE_CHECK: Duration = Duration::from_millis(50);

/// Bytes that are read and forgotten after a request was refused.
const DISCARDED: usize = 1 << 20;

/// What a connection waits for after a turn.
#[derive(Debug)]
pub(super) enum Next {
    /// Its socket, or its deadline.
    Wait,
    /// Its next turn.
    Again,
    /// A turn on the thread of this medium.
    OnDrive(Arc<Served>),
    /// Nothing: it ends in order.
    Close,
    /// Nothing: it ends, and what was not sent yet is not to be sent any more.
    Abort,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Between requests.
    Idle,
    /// A head is expected, or has begun to come in.
    Head,
    /// A response is being sent.
    Responding,
    /// All was sent; the client is given time to take it.
    Ending,
}

/// What follows the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Afterwards {
    /// The next request.
    KeepAlive,
    /// The end.
    Close,
    /// The end, but the client may still be sending what was refused.
    Refused,
}

/// What the socket is ready for, as far as events and failed calls have told.
#[derive(Clone, Copy, Debug)]
struct Readiness {
    readable: bool,
    writable: bool,
    /// The client has ended its side, or the connection broke: no event will come any more.
    peer_ended: bool,
}

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Client {
    /// Somebody with this address.
    At(IpAddr),
    /// Whoever a reverse proxy asks for, which came by a Unix socket.
    OfProxy,
    /// Somebody who was gone when it was asked.
    Unknown,
}

impl Client {
    pub(super) fn address(self) -> Option<IpAddr> {
        match self {
            Self::At(address) => Some(address),
            Self::OfProxy | Self::Unknown => None,
        }
    }
}

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    socket: Arc<OwnedFd>,
    _ticket: Ticket,
    client: Client,
    phase: Phase,
    received: Vec<u8>,
    outgoing: Vec<u8>,
    sent: usize,
    body: Body,
    afterwards: Afterwards,
    discarded: usize,
    /// What the access log gets when the response has ended.
    entry: Option<Box<Entry>>,
    /// Media that sendfile put pages of into the send queue. Until the client has them, the media must not change.
    lent: Vec<Arc<Served>>,
    /// When a medium that it holds has to be let go of.
    cut_at: Option<Instant>,
    /// When the phase has taken too long.
    due: Instant,
    /// Length of the send queue, and since when the client has taken nothing from it.
    queue: (u64, Instant),
    /// Bytes that were sent in all, and how fast the client takes those of this response.
    passed: u64,
    pace: Pace,
    ready: Readiness,
    /// What came of the last turn on a drive's thread.
    away: Next,
    /// The moment for which its worker has an entry among its deadlines.
    pub(super) scheduled: Option<Instant>,
    /// Whether it stands among those that are to have a turn.
    pub(super) queued: bool,
}

impl Connection {
    pub(super) fn new(socket: OwnedFd, ticket: Ticket, client: Client, due: Instant) -> Self {
        Self {
            socket: Arc::new(socket),
            _ticket: ticket,
            client,
            phase: Phase::Head,
            received: Vec::new(),
            outgoing: Vec::new(),
            sent: 0,
            body: Body::None,
            afterwards: Afterwards::KeepAlive,
            discarded: 0,
            entry: None,
            lent: Vec::new(),
            cut_at: None,
            due,
            queue: (0, due),
            passed: 0,
            pace: Pace::default(),
            ready: Readiness { readable: false, writable: true, peer_ended: false },
            away: Next::Wait,
            scheduled: None,
            queued: false,
        }
    }

    pub(super) fn socket(&self) -> &Arc<OwnedFd> {
        &self.socket
    }

    /// Whether it has no request to answer.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::Idle | Phase::Head) && self.received.is_empty()
    }

    /// Whether it has a longer answer to go on with.
    pub(super) fn is_amid_body(&self) -> bool {
        self.phase == Phase::Responding && !self.is_listener()
    }

    /// Whether it waits to be told of changes.
    pub(super) fn is_listener(&self) -> bool {
        matches!(self.body, Body::Events(_))
    }

    /// Takes note of what the socket is ready for.
    pub(super) fn notice(&mut self, readable: bool, writable: bool, peer_ended: bool) {
        self.ready.readable |= readable;
        self.ready.writable |= writable;
        self.ready.peer_ended |= peer_ended;
    }

    /// Takes its turn.
    pub(super) fn advance(&mut self, turn: &mut Turn) -> Next {
        for _ in 0..RESPONSES {
            let outcome = match self.phase {
                Phase::Idle | Phase::Head => self.listen(turn),
                Phase::Responding => self.respond(turn),
                Phase::Ending => self.discard(turn),
            };
            if let Break(next) = outcome {
                return next;
            }
        }
        Next::Again
    }

    /// Takes its turn on another thread than its worker's, which sees the outcome by [`Self::take_outcome`].
    pub(super) fn advance_away(&mut self, turn: &mut Turn) {
        self.away = self.advance(turn);
    }

    /// The outcome of a turn on another thread. Events of the socket were missed meanwhile.
    pub(super) fn take_outcome(&mut self) -> Next {
        self.notice(true, true, false);
        match std::mem::replace(&mut self.away, Next::Wait) {
            Next::Wait => Next::Again,
            other => other,
        }
    }

    fn listen(&mut self, turn: &mut Turn) -> ControlFlow<Next> {
        if self.received.is_empty() {
            return self.read(turn);
        }
        match receive(&self.received) {
            Received::Partial => return self.read(turn),
            Received::Refused(status) => self.refuse(turn, status),
            Received::Request { head, length } => {
                match answer(turn, &head, &mut self.outgoing) {
                    Answer::OnDrive(served) => return Break(Next::OnDrive(served)),
                    Answer::Ready(body) => self.body = body,
                }
                if turn.shared.access_log.is_on() {
                    self.entry = Some(Box::new(Entry::begin(
                        self.client,
                        turn,
                        Some(&head),
                        &self.outgoing,
                    )));
                }
                let is_endless = matches!(self.body, Body::Events(_));
                let goes_on = head.persistent && !is_endless && turn.shared.ends_at.get().is_none();
                self.afterwards = if goes_on { Afterwards::KeepAlive } else { Afterwards::Close };
                self.received.drain(..length);
            }
        }
        if let Body::Stored(_) = &self.body {
            self.lend_or_copy();
        }
        self.pace = Pace::begin(self.passed);
        self.phase = Phase::Responding;
        Continue(())
    }

    fn refuse(&mut self, turn: &Turn, status: Status) {
        ResponseHead::begin(&mut self.outgoing, status, turn.date()).end_with_status(
            status,
            Method::Get,
            Persistence::Close,
        );
        if turn.shared.access_log.is_on() {
            self.entry = Some(Box::new(Entry::begin(self.client, turn, None, &self.outgoing)));
        }
        turn.shared.count_response(&self.outgoing);
        self.received.clear();
        self.afterwards = Afterwards::Refused;
    }

    fn read(&mut self, turn: &mut Turn) -> ControlFlow<Next> {
        if !self.ready.readable {
            return Break(Next::Wait);
        }
        match recv(&self.socket, &mut *turn.scratch, RecvFlags::empty()) {
            Ok((0, _)) => return Break(Next::Close),
            Ok((count, _)) => {
                self.received.extend_from_slice(&turn.scratch[..count]);
                // A short read has emptied the queue, and what comes from now on is told by another event; unless
                // the event for the end was the last one.
                self.ready.readable = count == turn.scratch.len() || self.ready.peer_ended;
                if self.phase == Phase::Idle {
                    self.phase = Phase::Head;
                    self.due = turn.now + turn.shared.settings.head_timeout;
                }
            }
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                self.ready.readable = false;
                return Break(Next::Wait);
            }
            Err(_) => return Break(Next::Close),
        }
        Continue(())
    }

    fn discard(&mut self, turn: &mut Turn) -> ControlFlow<Next> {
        while self.ready.readable {
            match recv(&self.socket, &mut *turn.scratch, RecvFlags::empty()) {
                Ok((0, _)) if self.lent.is_empty() || self.observe_queue(turn.now) == 0 => {
                    return Break(Next::Close);
                }
                Ok((0, _)) | Err(Errno::AGAIN) => self.ready.readable = false,
                Ok((count, _)) => {
                    self.discarded += count;
                    if self.discarded > DISCARDED {
                        return Break(Next::Abort);
                    }
                }
                Err(Errno::INTR) => {}
                Err(_) => return Break(Next::Close),
            }
        }
        Break(Next::Wait)
    }

    /// Whether it holds a medium that has left.
    pub(super) fn holds_retired(&self) -> bool {
        self.cut_at.is_some()
    }

    /// When to look at it again if nothing happens.
    pub(super) fn deadline(&self, now: Instant) -> Instant {
        match self.cut_at {
            None => self.due,
            Some(cut_at) if self.body.medium().is_some() => self.due.min(cut_at),
            Some(cut_at) => self.due.min(cut_at).min(now + RELEASE_CHECK),
        }
    }

    /// Does what its deadline is for, if it is due.
    pub(super) fn expire(&mut self, turn: &Turn) -> Next {
        if self.cut_at.is_some() {
            self.release();
        }
        if self.cut_at.is_some_and(|cut_at| cut_at <= turn.now) {
            return Next::Abort;
        }
        if turn.now < self.due {
            return Next::Wait;
        }
        match self.phase {
            Phase::Idle => Next::Close,
            Phase::Head if self.received.is_empty() => Next::Close,
            Phase::Head => {
                self.refuse(turn, Status::RequestTimeout);
                self.phase = Phase::Responding;
                Next::Again
            }
            Phase::Responding if self.is_listener() && self.outgoing.is_empty() => self.beat(),
            Phase::Responding | Phase::Ending => self.expire_sending(turn),
        }
    }

    /// Makes the end of this connection throw away what its client has not got yet. What is in the send queue are
    /// pages of the medium, not copies: after it was let go of they may change.
    pub(super) fn abort(&self) {
        abort(&self.socket);
    }
}

/// Resets a connection that may be in another thread's hands: an end in order could pass for the end of a body that
/// has no length. Disconnecting a TCP socket does so at once, whoever else has it; a Unix socket cannot be disconnected.
pub(super) fn abort(socket: &OwnedFd) {
    let _ = set_socket_linger(socket, Some(Duration::ZERO));
    if connect_unspec(socket).is_err() {
        let _ = shutdown(socket, Shutdown::Both);
    }
}
