//! What can be set.

use std::{net::SocketAddr, path::PathBuf, thread::available_parallelism, time::Duration};

use isomirror_core::config::ListenAddress;

/// Where the server listens, and how much it takes from its clients.
#[derive(Clone, Debug)]
pub struct ServeSettings {
    /// Addresses to listen on.
    pub listen: Vec<ListenAddress>,
    /// Event loops; at least one is run.
    pub workers: usize,
    /// For how long responses from a medium that has left may go on.
    pub drain: Duration,
    /// Connections in all. Further ones wait in the kernel's queue.
    pub connections: usize,
    /// Connections from one IPv4 address or one IPv6 /64. Further ones are answered 503. Who comes by a Unix socket is a
    /// reverse proxy, which has clients of its own and limits for them.
    pub connections_per_address: usize,
    /// Whether the latter holds for this host's own addresses too, where reverse proxies are.
    pub limit_loopback: bool,
    /// Connections that are told of changes. Further ones are answered 503, and their browsers look by themselves.
    pub listeners: usize,
    /// Time for a request head to come in whole.
    pub head_timeout: Duration,
    /// Time that a connection may be without a request.
    pub idle_timeout: Duration,
    /// Time in which a client has to take at least one byte.
    pub stall_timeout: Duration,
    /// Bytes a second that a client has to take, over a stretch of `stall_timeout` in which it is waited for, once three
    /// quarters of `connections` are open; 0 for as slowly as it likes.
    pub minimum_speed: u64,
    /// The kernel's congestion control for all connections; `None` for this host's own, and an unpaced one between two
    /// ends on this host.
    pub congestion_control: Option<String>,
    /// File to which a line is appended for every response.
    pub access_log: Option<PathBuf>,
}

impl Default for ServeSettings {
    fn default() -> Self {
        Self {
            listen: vec![ListenAddress::Tcp(SocketAddr::from(([127, 0, 0, 1], 8080)))],
            workers: available_parallelism().map_or(2, usize::from).clamp(2, 8),
            drain: Duration::from_millis(2500),
            connections: 16_384,
            connections_per_address: 256,
            limit_loopback: false,
            listeners: 1024,
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_mins(1),
            stall_timeout: Duration::from_mins(1),
            minimum_speed: 1 << 10,
            congestion_control: None,
            access_log: None,
        }
    }
}
