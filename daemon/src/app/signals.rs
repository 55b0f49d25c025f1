//! The signals that the daemon answers.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::RunError;

/// What the daemon is told by a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// To read its configuration again.
    Reload,
    /// To end.
    End,
}

/// SIGHUP, SIGINT and SIGTERM.
#[derive(Debug)]
pub(super) struct Signals {
    hangup: Signal,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Listens to them from now on.
    pub(super) fn listen() -> Result<Self, RunError> {
        let listen =
            |kind| signal(kind).map_err(|source| RunError::System { what: "signals", source });
        Ok(Self {
            hangup: listen(SignalKind::hangup())?,
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// The next one. Cancel-safe.
    pub(super) async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.hangup.recv() => Told::Reload,
            _ = self.interrupt.recv() => Told::End,
            _ = self.terminate.recv() => Told::End,
        }
    }
}
