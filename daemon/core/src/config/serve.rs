//! The section `serve`: the HTTP server.

use std::{
    net::{Ipv4Addr, SocketAddr},
    num::NonZeroU32,
};

use serde::{Deserialize, Serialize};

use super::{BaseUrl, ByteSize, CongestionControl, ListenAddresses, LogFile};

/// The section `serve`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "keys and values")]
pub struct ServeConfig {
    /// Where the HTTP server listens, unless it is given sockets when it starts.
    pub listen: ListenAddresses,
    /// The address in generated files; `None` for the one that the client asked.
    pub base_url: Option<BaseUrl>,
    /// Where a line is written for every response; `None` for nowhere.
    pub access_log: Option<LogFile>,
    /// Connections that are open at once.
    pub connections: NonZeroU32,
    /// Connections of one client.
    pub connections_per_address: NonZeroU32,
    /// Bytes a second below which a client is cut when connections are scarce; 0 for no such limit.
    pub minimum_speed: ByteSize,
    /// How fast the kernel sends; `None` for what this host does, but on the host itself.
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
