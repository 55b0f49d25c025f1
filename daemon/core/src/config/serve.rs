//! The section `serve`: the HTTP server.

use std::{
    net::{Ipv4Addr, SocketAddr},
    num::NonZeroU32,
};

use serde::{Deserialize, Serialize};

use super::{BaseUrl, ByteSize, CongestionControl, ListenAddresses, LogFile};

/// The section `serve`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields, expecting = "keys and values")]
pub struct ServeConfig {
    /// Where the HTTP server listens: one address, or a list of them. Sockets that systemd hands over stand
    /// in for all of it.
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [["[::]:80", "unix:/run/isomirror/http.sock"]])))]
    pub listen: ListenAddresses,
    /// URL under which clients reach the server, where it is not the one that they ask; null for that.
    pub base_url: Option<BaseUrl>,
    /// File to which a line in the combined log format is appended for every response; null for none. A
    /// reload begins a new file where this one was renamed. Of requests by the Unix socket it names the
    /// client that the reverse proxy tells of (the last of X-Forwarded-For), and nobody else is believed
    /// that.
    pub access_log: Option<LogFile>,
    /// Connections at once; further ones wait.
    pub connections: NonZeroU32,
    /// Connections at once from one IPv4 address or one /64 of IPv6; further ones are answered 503. This
    /// machine itself and the Unix socket, where reverse proxies come from, have no such limit.
    pub connections_per_address: NonZeroU32,
    /// Bytes a second that a client has to take, over a minute, once three quarters of all connections are
    /// open: whoever takes less is cut, so that nobody holds a place for ever. `0B` for no such limit.
    pub minimum_speed: ByteSize,
    /// The kernel's congestion control for all connections; null for what `net.ipv4.tcp_congestion_control`
    /// says, but for clients on this machine itself, which nothing is gained by pacing.
    pub congestion_control: Option<CongestionControl>,
}

impl Default for ServeConfig {
    fn default() -> Self {
        let number = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MAX);
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)).into(),
            base_url: None,
            access_log: None,
            connections: number(16_384),
            connections_per_address: number(256),
            minimum_speed: ByteSize::from_bytes(1 << 10),
            congestion_control: None,
        }
    }
}
