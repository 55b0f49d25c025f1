//! The half of a connection that answers: responses go out a turn at a time, and what the kernel still queues is
//! known until it is acknowledged.

use std::{
    ops::ControlFlow::{self, Break, Continue},
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use rustix::{
    fd::AsFd,
    net::{SendFlags, Shutdown, send, shutdown},
};

use super::{
    Afterwards, Client, Connection, ENDING_CHECK, FIRST_TURN, KEPT, Next, Phase, TURN,
    TURN_ON_DRIVE,
};
use crate::{
    serve::{
        body::{Body, Step, failure},
        events::HEARTBEAT,
        published::Served,
        turn::Turn,
    },
    sys::send_queue::unacknowledged,
};

impl Connection {
    pub(super) fn respond(&mut self, turn: &mut Turn) -> ControlFlow<Next> {
        if !self.ready.writable {
            return Break(Next::Wait);
        }
        self.pace.resume(turn.now);
        let mut sent = 0;
        let step = self.send(turn, &mut sent);
        self.passed += sent;
        turn.shared.bytes.fetch_add(sent, Ordering::Relaxed);
        if let Some(entry) = &mut self.entry {
            entry.sent += sent;
        }
        match step {
            Ok(Step::Done) => self.finish(turn),
            Ok(Step::More) => Break(Next::Again),
            Ok(Step::Broken) => Break(Next::Abort),
            // Who listens says nothing more, so the end of its side is the end of its listening.
            Ok(Step::Idle) if self.ready.peer_ended => Break(Next::Close),
            Ok(Step::Idle) => {
                self.due = turn.now + HEARTBEAT;
                Break(Next::Wait)
            }
            Ok(Step::Blocked) => {
                self.ready.writable = false;
                self.due = turn.now + turn.shared.settings.stall_timeout;
                self.pace.wait(turn.now);
                let left = self.observe_queue(turn.now);
                Break(if self.is_to_give_way(turn, left) { Next::Abort } else { Next::Wait })
            }
            Err(served) => Break(Next::OnDrive(served)),
        }
    }

    /// A listener heard nothing for long: it is told so, unless it did not even take what it was told before.
    pub(super) fn beat(&mut self) -> Next {
        let Body::Events(events) = &mut self.body else { return Next::Wait };
        if unacknowledged(self.socket.as_fd()).is_ok_and(|left| left > 0) {
            return Next::Abort;
        }
        events.beat();
        Next::Again
    }

    /// Sends what is ready in memory, then a step of the body. `Err` where the body can only go on elsewhere.
    pub(super) fn send(&mut self, turn: &Turn, sent: &mut u64) -> Result<Step, Arc<Served>> {
        let more = match self.body {
            Body::None | Body::Events(_) => SendFlags::NOSIGNAL,
            _ => SendFlags::NOSIGNAL | SendFlags::MORE,
        };
        let begins = !self.outgoing.is_empty();
        while self.sent < self.outgoing.len() {
            match send(&self.socket, &self.outgoing[self.sent..], more) {
                Ok(count) => {
                    self.sent += count;
                    *sent += count as u64;
                }
                Err(error) => {
                    if let Some(step) = failure(error) {
                        return Ok(step);
                    }
                }
            }
        }
        self.outgoing.clear();
        self.sent = 0;
        let mut budget = if begins { FIRST_TURN } else { TURN };
        if let Some(served) = self.body.medium() {
            if !turn.may_read(served) {
                return Err(Arc::clone(served));
            }
            if served.drive.is_some() {
                budget = TURN_ON_DRIVE;
            }
        }
        Ok(self.body.step(self.socket.as_fd(), &mut self.outgoing, budget, sent))
    }

    pub(super) fn finish(&mut self, turn: &mut Turn) -> ControlFlow<Next> {
        self.body = Body::None;
        self.log(turn);
        for buffer in [&mut self.received, &mut self.outgoing] {
            if buffer.is_empty() && buffer.capacity() > KEPT {
                *buffer = Vec::new();
            }
        }
        if self.afterwards == Afterwards::KeepAlive {
            self.phase = Phase::Idle;
            self.due = turn.now + turn.shared.settings.idle_timeout;
            return Continue(());
        }
        if self.afterwards == Afterwards::Close && self.lent.is_empty() {
            return Break(Next::Close);
        }
        // To close at once could lose the response to a client that is still sending, and would lose sight of the
        // pages in the queue.
        let _ = shutdown(&self.socket, Shutdown::Write);
        self.phase = Phase::Ending;
        self.due = turn.now + ENDING_CHECK;
        self.pace.wait(turn.now);
        self.observe_queue(turn.now);
        Continue(())
    }

    /// The client may be taking bytes that were sent long ago: what counts is whether the queue became shorter.
    pub(super) fn expire_sending(&mut self, turn: &Turn) -> Next {
        let stall_timeout = turn.shared.settings.stall_timeout;
        let left = self.observe_queue(turn.now);
        if self.phase == Phase::Ending && left == 0 {
            return Next::Close;
        }
        let stalled_at = self.queue.1 + stall_timeout;
        if stalled_at <= turn.now || self.is_to_give_way(turn, left) {
            return Next::Abort;
        }
        self.due = match self.phase {
            Phase::Ending => stalled_at.min(turn.now + ENDING_CHECK),
            _ => stalled_at,
        };
        Next::Wait
    }

    /// Whether its client, which has not taken the last `left` bytes yet, trickles while others are short of places.
    fn is_to_give_way(&mut self, turn: &Turn, left: u64) -> bool {
        let settings = &turn.shared.settings;
        let taken = self.passed.saturating_sub(left);
        self.pace.was_below(settings.minimum_speed, settings.stall_timeout, (taken, turn.now))
            && turn.shared.admission.is_scarce()
    }

    /// Readies a body of stored bytes. A Unix socket cannot be reset, so what its peer has not taken yet would stay there
    /// after the medium was let go of: it gets copies.
    pub(super) fn lend_or_copy(&mut self) {
        if self.client == Client::OfProxy {
            self.body = std::mem::replace(&mut self.body, Body::None).copied();
        } else {
            self.lend();
        }
    }

    /// Notes that pages of the body's medium are about to stand in the send queue.
    fn lend(&mut self) {
        let Some(served) = self.body.medium() else { return };
        if self.lent.iter().any(|lent| Arc::ptr_eq(lent, served)) {
            return;
        }
        let served = Arc::clone(served);
        if !self.lent.is_empty() && unacknowledged(self.socket.as_fd()).is_ok_and(|left| left == 0)
        {
            self.lent.clear();
        }
        self.lent.push(served);
    }

    /// Length of the send queue; notes when it last became shorter.
    pub(super) fn observe_queue(&mut self, now: Instant) -> u64 {
        let length = unacknowledged(self.socket.as_fd()).unwrap_or(0);
        if length != self.queue.0 {
            self.queue = (length, now);
        }
        length
    }

    /// Lets go of media that have left, as far as that is possible now, and notes when it has to be.
    pub(in crate::serve) fn release(&mut self) {
        let holds_retired = self.lent.iter().any(|served| served.cut_at().is_some());
        if holds_retired
            && !matches!(self.body, Body::Stored(_))
            && unacknowledged(self.socket.as_fd()).is_ok_and(|left| left == 0)
        {
            self.lent.clear();
        }
        let held = self.lent.iter().chain(self.body.medium());
        self.cut_at = held.filter_map(|served| served.cut_at()).min();
    }
}
