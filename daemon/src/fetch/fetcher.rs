//! What all transfers of a process share.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use isomirror_core::transfer::mirrors::{Choice, Event, Mirror, Mirrors};
use reqwest::{Client, redirect};

use super::{
    ClientError, Limiter, Policy,
    client::{self, MOST_REDIRECTS},
};
use crate::sys::allocator::give_back_large_buffers;

/// The client, the limit, and the memory of hosts. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Fetcher(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    client: Client,
    limiter: Limiter,
    policy: Policy,
    mirrors: Mutex<Mirrors>,
    begun: Instant,
}

impl Fetcher {
    /// With a limit of `bandwidth` bytes a second for all transfers together.
    ///
    /// # Errors
    /// Where the system's certificates cannot be used.
    pub fn new(policy: Policy, bandwidth: Option<u64>) -> Result<Self, ClientError> {
        give_back_large_buffers();
        Ok(Self(Arc::new(Shared {
            client: client::build(&policy, redirect::Policy::limited(MOST_REDIRECTS))?,
            limiter: Limiter::new(bandwidth),
            policy,
            mirrors: Mutex::new(Mirrors::new(policy.backoff)),
            begun: Instant::now(),
        })))
    }

    /// The limit, which can be changed at any time.
    #[must_use]
    pub fn limiter(&self) -> &Limiter {
        &self.0.limiter
    }

    pub(super) fn client(&self) -> &Client {
        &self.0.client
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.0.policy
    }

    /// The moment, as the memory of hosts counts it.
    pub(super) fn now(&self) -> Duration {
        self.0.begun.elapsed()
    }

    pub(super) fn mirrors(&self) -> MutexGuard<'_, Mirrors> {
        self.0.mirrors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn report(&self, mirror: &mut Mirror, event: Event) {
        self.mirrors().report(mirror, event, self.now(), chance());
    }

    pub(super) fn choose(&self, mirrors: &[Mirror], busy: &[u64]) -> Choice {
        self.mirrors().choose(mirrors, busy, self.now())
    }
}

/// Uniform in 0.0 to 1.0. Only pauses depend on it.
pub(crate) fn chance() -> f64 {
    let random = RandomState::new().build_hasher().finish() >> 32;
    #[expect(clippy::cast_precision_loss, reason = "32 bits fit into the mantissa")]
    let random = random as f64;
    random / f64::from(u32::MAX)
}
