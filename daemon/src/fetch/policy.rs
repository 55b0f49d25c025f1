//! How patient transfers are.

use std::time::Duration;

use isomirror_core::{config::FetchConfig, transfer::connections, transfer::waiting::Backoff};

/// Times and limits of all transfers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Until a connection is there.
    pub connect: Duration,
    /// Until the header of an answer is there.
    pub header: Duration,
    /// Silence in a body after which it is given up, and the time over which `minimum_speed` counts.
    pub stall: Duration,
    /// Bytes a second; 0 for no such limit.
    pub minimum_speed: u64,
    /// Pauses between attempts.
    pub backoff: Backoff,
    /// The longest that a transfer waits for a host by itself; beyond that it is held.
    pub patience: Duration,
    /// Connections for one file.
    pub connections: u64,
    /// Time over which the number of connections is judged.
    pub measure: Duration,
    /// Bytes that are written between two checkpoints.
    pub checkpoint: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            header: Duration::from_secs(30),
            stall: Duration::from_mins(1),
            minimum_speed: 10 << 10,
            backoff: Backoff::default(),
            patience: Duration::from_mins(2),
            connections: connections::MOST,
            measure: Duration::from_millis(250),
            checkpoint: 64 << 20,
        }
    }
}

impl Policy {
    /// As the configuration says.
    #[must_use]
    pub fn of_config(config: &FetchConfig) -> Self {
        Self {
            stall: config.stall_timeout.duration(),
            minimum_speed: config.minimum_speed.bytes(),
            ..Self::default()
        }
    }
}
