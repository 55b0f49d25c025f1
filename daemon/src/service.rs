//! What the service manager is told: ready, status, still alive, stopping. Without one, nothing happens.

use std::{future::pending, time::Duration};

use sd_notify::NotifyState;
use tokio::time::sleep;
use tracing::debug;

/// The connection to the service manager.
#[derive(Clone, Copy, Debug, Default)]
pub struct Service;

impl Service {
    /// The first round is done.
    pub fn ready(self) {
        notify(&[NotifyState::Ready]);
    }

    /// A configuration is being read again; [`Service::ready`] ends it.
    pub fn reloading(self) {
        notify(&[NotifyState::Reloading]);
    }

    /// The process is about to end in order.
    pub fn stopping(self) {
        notify(&[NotifyState::Stopping]);
    }

    /// One line for `systemctl status`.
    pub fn status(self, text: &str) {
        notify(&[NotifyState::Status(text)]);
    }

    /// The loop still goes round.
    pub fn alive(self) {
        notify(&[NotifyState::Watchdog]);
    }

    /// Says so for as long as it is polled: by the event loop on which all depends, which then goes round. Never ends.
    pub async fn stay_alive(self) {
        let Some(interval) = self.watchdog_interval() else { return pending().await };
        loop {
            self.alive();
            sleep(interval).await;
        }
    }

    /// How often [`Service::alive`] has to be said: half of what the service manager allows. `None` where it does
    /// not watch.
    #[must_use]
    pub fn watchdog_interval(self) -> Option<Duration> {
        sd_notify::watchdog_enabled().map(|timeout| timeout / 2)
    }
}

fn notify(states: &[NotifyState]) {
    if let Err(error) = sd_notify::notify(states) {
        debug!(%error, "the service manager cannot be told");
    }
}
