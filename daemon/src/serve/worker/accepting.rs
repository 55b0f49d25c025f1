//! How a worker takes new connections, and how it does without for a while when there are too many.

use std::{io, net::SocketAddr, sync::atomic::Ordering};

use isomirror_core::http::{Method, Persistence, ResponseHead, Status};
use rustix::{
    event::epoll,
    fd::OwnedFd,
    io::Errno,
    net::{SendFlags, SocketFlags, acceptfrom_with, send},
};
use tracing::debug;

use super::{ACCEPTED, PAUSE, Worker};
use crate::serve::{
    connection::{Client, Connection},
    shared::Message,
};

impl Worker {
    pub(super) fn accept(&mut self, token: u64) {
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
                    let client = match address {
                        _ if listener.is_unix() => Client::OfProxy,
                        Some(address) => Client::At(address.ip()),
                        None => Client::Unknown,
                    };
                    listener.prepare(&socket, client.address());
                    self.admit(socket, client);
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

    fn admit(&mut self, socket: OwnedFd, client: Client) {
        let shared = &self.turn.shared;
        shared.accepted.fetch_add(1, Ordering::Relaxed);
        let Some(ticket) = shared.admission.admit(client.address()) else {
            return self.turn_away(&socket);
        };
        let due = self.turn.now + shared.settings.head_timeout;
        let connection = Box::new(Connection::new(socket, ticket, client, due));
        let worker = shared.least_loaded(self.index);
        shared.inbox(worker).load.fetch_add(1, Ordering::Relaxed);
        if worker == self.index {
            self.take(connection);
        } else {
            shared.inbox(worker).send(Message::Take(connection));
        }
    }

    /// Tells a client that it has enough connections. Whether it hears that is its own affair.
    pub(super) fn turn_away(&self, socket: &OwnedFd) {
        let mut response = Vec::new();
        let status = Status::ServiceUnavailable;
        ResponseHead::begin(&mut response, status, self.turn.date()).end_with_status(
            status,
            Method::Get,
            Persistence::Close,
        );
        let _ = send(socket, &response, SendFlags::NOSIGNAL);
    }

    pub(super) fn pause(&mut self) {
        if self.paused_until.is_none() {
            self.unwatch_listeners();
            self.paused_until = Some(self.turn.now + PAUSE);
        }
    }

    pub(super) fn watch_listeners(&self) -> io::Result<()> {
        for (listener, token) in self.listeners.iter().zip(1..) {
            // Exclusive, so that a connection wakes one worker up and not all.
            let flags = epoll::EventFlags::IN | epoll::EventFlags::EXCLUSIVE;
            epoll::add(&self.epoll, listener.as_ref(), epoll::EventData::new_u64(token), flags)?;
        }
        Ok(())
    }

    pub(super) fn unwatch_listeners(&self) {
        for listener in &self.listeners {
            let _ = epoll::delete(&self.epoll, listener.as_ref());
        }
    }
}
