//! Downloads begin one after the other, as many at once as is allowed.

use std::sync::{Mutex, MutexGuard, PoisonError};

use isomirror_core::transfer::turns::{Limits, Waiting, next};
use tokio::sync::Notify;

/// Downloads from one host at once.
pub(super) const MOST_PER_HOST: usize = 2;

/// Those who wait and those who had their turn.
#[derive(Debug)]
pub(super) struct Turns {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    limits: Limits,
    waiting: Vec<Waiting>,
    running: Vec<(u64, String)>,
    tickets: u64,
}

/// A place among those that run, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    ticket: u64,
}

impl Turns {
    pub(super) fn new(limits: Limits) -> Self {
        let state = State { limits, waiting: Vec::new(), running: Vec::new(), tickets: 0 };
        Self { state: Mutex::new(state), changed: Notify::new() }
    }

    /// Changes what may run at once, for those that have not begun.
    pub(super) fn limit(&self, limits: Limits) {
        if std::mem::replace(&mut self.state().limits, limits) != limits {
            self.changed.notify_waiters();
        }
    }

    /// Waits for a turn. Who gives up waiting is forgotten.
    pub(super) async fn take(&self, rank: usize, is_urgent: bool, host: &str) -> Turn<'_> {
        let ticket = {
            let mut state = self.state();
            state.tickets += 1;
            let ticket = state.tickets;
            state.waiting.push(Waiting { ticket, is_urgent, rank, host: host.to_owned() });
            ticket
        };
        // Whether it waits or runs, dropping this takes it off the lists.
        let turn = Turn { turns: self, ticket };
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if self.state().begin(ticket) {
                // Another one may have its turn too.
                self.changed.notify_waiters();
                return turn;
            }
            changed.await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Lets the download begin, if it is the next.
    fn begin(&mut self, ticket: u64) -> bool {
        let hosts: Vec<_> = self.running.iter().map(|(_, host)| host.clone()).collect();
        let Some(index) = next(&self.waiting, &hosts, self.limits) else { return false };
        if self.waiting[index].ticket != ticket {
            return false;
        }
        let waiting = self.waiting.remove(index);
        self.running.push((ticket, waiting.host));
        true
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.turns.state();
        state.waiting.retain(|waiting| waiting.ticket != self.ticket);
        state.running.retain(|(ticket, _)| *ticket != self.ticket);
        drop(state);
        self.turns.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use tokio::time::timeout;

    use super::*;

    const LIMITS: Limits = Limits { most: 1, most_per_host: 1, is_open: true };
    const SOON: Duration = Duration::from_millis(100);

    #[tokio::test]
    async fn one_after_the_other_and_who_gives_up_is_not_waited_for() {
        let turns = Arc::new(Turns::new(LIMITS));
        let first = turns.take(0, false, "a").await;
        assert!(timeout(SOON, turns.take(1, false, "a")).await.is_err());
        let second = tokio::spawn({
            let turns = Arc::clone(&turns);
            async move { drop(turns.take(2, false, "a").await) }
        });
        tokio::time::sleep(SOON).await;
        assert!(!second.is_finished());
        drop(first);
        timeout(SOON, second).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn limits_that_change_hold_for_those_who_wait() {
        let turns = Arc::new(Turns::new(Limits { is_open: false, ..LIMITS }));
        assert!(timeout(SOON, turns.take(0, false, "a")).await.is_err());
        let waiting = tokio::spawn({
            let turns = Arc::clone(&turns);
            async move { drop(turns.take(0, false, "a").await) }
        });
        tokio::time::sleep(SOON).await;
        turns.limit(LIMITS);
        timeout(SOON, waiting).await.unwrap().unwrap();
    }
}
