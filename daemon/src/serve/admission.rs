//! Who may connect: a bound on all connections, and one for each client.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::ServeSettings;

/// Counts connections. Every one that was admitted holds a [`Ticket`].
#[derive(Debug)]
pub(super) struct Admission {
    limit: usize,
    limit_per_client: usize,
    limit_loopback: bool,
    open: AtomicUsize,
    clients: Mutex<HashMap<IpAddr, usize>>,
}

/// The place of one connection, given back when dropped.
#[derive(Debug)]
pub(super) struct Ticket {
    admission: Arc<Admission>,
    client: Option<IpAddr>,
}

impl Admission {
    pub(super) fn new(settings: &ServeSettings) -> Self {
        Self {
            limit: settings.connections.max(1),
            limit_per_client: settings.connections_per_address.max(1),
            limit_loopback: settings.limit_loopback,
            open: AtomicUsize::new(0),
            clients: Mutex::default(),
        }
    }

    /// Number of connections that are open.
    pub(super) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Whether nobody can be admitted now.
    pub(super) fn is_full(&self) -> bool {
        self.open() >= self.limit
    }

    /// Whether so few places are left that nobody should have one for long who makes little of it.
    pub(super) fn is_scarce(&self) -> bool {
        self.open() >= self.limit - self.limit / 4
    }

    /// A place for a connection from `address`; `None` where its client has enough of them.
    pub(super) fn admit(self: &Arc<Self>, address: Option<IpAddr>) -> Option<Ticket> {
        let client = address.map(client_of).filter(|ip| self.limit_loopback || !ip.is_loopback());
        if let Some(client) = client {
            let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
            let open = clients.entry(client).or_default();
            if *open >= self.limit_per_client {
                return None;
            }
            *open += 1;
        }
        self.open.fetch_add(1, Ordering::Relaxed);
        Some(Ticket { admission: Arc::clone(self), client })
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.admission.open.fetch_sub(1, Ordering::Relaxed);
        let Some(client) = self.client else { return };
        let mut clients = self.admission.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = clients.get_mut(&client) {
            *open -= 1;
            if *open == 0 {
                clients.remove(&client);
            }
        }
    }
}

/// What one client is: an IPv4 address, or the /64 that one IPv6 host can have all addresses of.
fn client_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => {
            let network = u128::from(v6) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(network))
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(limit_loopback: bool) -> Arc<Admission> {
        Arc::new(Admission::new(&ServeSettings {
            connections: 3,
            connections_per_address: 2,
            limit_loopback,
            ..ServeSettings::default()
        }))
    }

    #[test]
    fn one_client_gets_its_share_and_gives_it_back() {
        let admission = admission(true);
        for (first, second, third) in [
            ("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::2", "2001:db8::ffff:0:0:1"),
            ("127.0.0.1", "127.0.0.1", "127.0.0.1"),
        ] {
            let admit = |address: &str| admission.admit(Some(address.parse().unwrap()));
            let (one, two) = (admit(first).unwrap(), admit(second).unwrap());
            assert!(admit(third).is_none());
            assert!(admit("198.51.100.1").is_some());
            assert_eq!(admission.open(), 2);
            drop(one);
            assert!(admit(third).is_some());
            drop(two);
        }
        assert_eq!(admission.open(), 0);
        assert!(admission.clients.lock().unwrap().is_empty());
    }

    #[test]
    fn the_limit_for_all_counts_those_without_a_limit_of_their_own() {
        let admission = admission(false);
        let local = Some(IpAddr::from([127, 0, 0, 1]));
        let tickets: Vec<_> =
            [local, local, None].into_iter().map(|ip| admission.admit(ip).unwrap()).collect();
        assert!(admission.is_full() && admission.is_scarce());
        drop(tickets);
        assert!(!admission.is_full() && !admission.is_scarce());
    }
}
