//! A conversation over one connection: messages in frames, one after the other in each direction.

use std::{io, os::fd::BorrowedFd, os::fd::OwnedFd, sync::Arc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use tokio::{net::UnixStream, sync::mpsc, task::JoinHandle, time::timeout};
use tracing::debug;

use super::frame;
use crate::logging::Chain;

/// Messages that came in and wait to be dealt with.
const WAITING: usize = 32;

/// How long the other end may take to take in a message before it counts as one that hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// A message that came in, with what came beside it.
#[derive(Debug)]
pub(super) struct Heard<T> {
    pub(super) message: T,
    pub(super) descriptor: Option<OwnedFd>,
}

/// One end of a conversation in which `T` is heard. Dropped, it hangs up.
#[derive(Debug)]
pub(super) struct Conversation<T> {
    stream: Arc<UnixStream>,
    heard: mpsc::Receiver<Heard<T>>,
    listening: JoinHandle<()>,
}

impl<T: DeserializeOwned + Send + 'static> Conversation<T> {
    /// Over `stream`; a message that has more than `longest` bytes, or is none, ends it.
    pub(super) fn new(stream: UnixStream, longest: usize) -> Self {
        let stream = Arc::new(stream);
        let (sender, heard) = mpsc::channel(WAITING);
        // A task of its own, so that whoever waits for several things at once loses no part of a frame.
        let listening = tokio::spawn(listen(Arc::clone(&stream), longest, sender));
        Self { stream, heard, listening }
    }

    /// The next message; `None` where the other end has hung up or is not understood. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<Heard<T>> {
        self.heard.recv().await
    }
}

impl<T> Conversation<T> {
    /// Says it, with a descriptor beside it or none. Not cancel-safe.
    ///
    /// # Errors
    /// The other end has hung up, or does not listen.
    pub(super) async fn say(
        &self,
        message: &impl Serialize,
        descriptor: Option<BorrowedFd<'_>>,
    ) -> io::Result<()> {
        let body = serde_json::to_vec(message)?;
        let sent = timeout(PATIENCE, frame::send(&self.stream, &body, descriptor)).await;
        sent.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<T> Drop for Conversation<T> {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen<T: DeserializeOwned>(
    stream: Arc<UnixStream>,
    longest: usize,
    sender: mpsc::Sender<Heard<T>>,
) {
    loop {
        let frame = match frame::receive(&stream, longest).await {
            Ok(Some(frame)) => frame,
            Ok(None) => return,
            Err(error) => return debug!(error = %Chain(&error), "another role has hung up"),
        };
        let message = match serde_json::from_slice(&frame.body) {
            Ok(message) => message,
            Err(error) => return debug!(%error, "another role is not understood"),
        };
        if sender.send(Heard { message, descriptor: frame.descriptor }).await.is_err() {
            return;
        }
    }
}
