//! One limit for the bytes of all transfers together.

use std::{
    pin::pin,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};

/// What may be saved up while nothing comes, as a time at the full rate.
const BURST: Duration = Duration::from_millis(200);

/// A limit that can be changed at any time.
#[derive(Debug)]
pub struct Limiter {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    /// Bytes a second; `None` for no limit, 0 for a pause.
    rate: Option<u64>,
    /// Bytes that may come at once; below zero they came before their time.
    balance: f64,
    counted: Instant,
}

impl Limiter {
    /// With `rate` bytes a second; `None` for no limit, 0 to let nothing through.
    #[must_use]
    pub fn new(rate: Option<u64>) -> Self {
        let state = Mutex::new(State { rate, balance: 0.0, counted: Instant::now() });
        Self { state, changed: Notify::new() }
    }

    /// Changes the limit, also for those who wait.
    pub fn set_rate(&self, rate: Option<u64>) {
        let mut state = self.state();
        state.count();
        state.rate = rate;
        drop(state);
        self.changed.notify_waiters();
    }

    /// Accounts for `bytes` that came, and waits until they are within the limit.
    pub async fn take(&self, bytes: u64) {
        self.state().charge(bytes);
        loop {
            let mut changed = pin!(self.changed.notified());
            // From here on no change is missed.
            changed.as_mut().enable();
            let wait = self.state().remaining();
            match wait {
                Some(Duration::ZERO) => return,
                // Nothing goes through before the limit changes.
                None => changed.await,
                Some(pause) => tokio::select! { () = sleep(pause) => return, () = changed => {} },
            }
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(clippy::cast_precision_loss, reason = "bytes a second are no exact figure")]
impl State {
    fn count(&mut self) {
        let now = Instant::now();
        let rate = self.rate.unwrap_or_default() as f64;
        let earned = now.duration_since(self.counted).as_secs_f64() * rate;
        self.counted = now;
        self.balance = (self.balance + earned).min(rate * BURST.as_secs_f64());
        if self.rate.is_none() {
            self.balance = 0.0;
        }
    }

    fn charge(&mut self, bytes: u64) {
        self.count();
        self.balance -= bytes as f64;
    }

    fn remaining(&mut self) -> Option<Duration> {
        self.count();
        match self.rate {
            Some(0) if self.balance < 0.0 => None,
            Some(rate) if self.balance < 0.0 => {
                Some(Duration::from_secs_f64((-self.balance / rate as f64).min(86_400.0)))
            }
            _ => Some(Duration::ZERO),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn the_limit_holds_for_all_together() {
        let limiter = Arc::new(Limiter::new(Some(1_000_000)));
        let begun = std::time::Instant::now();
        let takers = (0..4).map(|_| {
            let limiter = Arc::clone(&limiter);
            tokio::spawn(async move {
                for _ in 0..10 {
                    limiter.take(10_000).await;
                }
            })
        });
        for taker in takers.collect::<Vec<_>>() {
            taker.await.unwrap();
        }
        let took = begun.elapsed();
        assert!(took >= Duration::from_millis(380) && took < Duration::from_secs(3), "{took:?}");
    }

    #[tokio::test]
    async fn a_change_holds_for_those_who_wait() {
        let limiter = Arc::new(Limiter::new(Some(0)));
        let waiting = Arc::clone(&limiter);
        let taker = tokio::spawn(async move { waiting.take(1 << 30).await });
        sleep(Duration::from_millis(50)).await;
        assert!(!taker.is_finished());
        limiter.set_rate(None);
        tokio::time::timeout(Duration::from_secs(5), taker).await.unwrap().unwrap();
    }
}
