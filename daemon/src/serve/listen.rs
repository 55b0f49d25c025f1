//! Listening sockets.

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use super::ServeSettings;

/// Connections that the kernel keeps until they are accepted; it caps this at `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address is taken, not this host's, or not for this user.
    #[error("cannot listen on `{address}`")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The kernel's reason.
        #[source]
        source: io::Error,
    },
    /// A socket that was handed in cannot be used.
    #[error("cannot use the listening socket that was handed in")]
    Inherited(#[source] io::Error),
}

/// Sockets that listen, before anybody answers.
#[derive(Debug)]
pub struct Bound {
    pub(super) listeners: Vec<TcpListener>,
    pub(super) settings: ServeSettings,
}

impl Bound {
    /// Listens on the addresses of `settings`.
    pub(super) fn bind(settings: &ServeSettings) -> Result<Self, BindError> {
        let bind = |address: &SocketAddr| {
            let failed = |source| BindError::Listen { address: *address, source };
            let listener = TcpListener::bind(address).map_err(failed)?;
            prepare(&listener).map_err(failed)?;
            Ok(listener)
        };
        let listeners = settings.listen.iter().map(bind).collect::<Result<_, _>>()?;
        Ok(Self { listeners, settings: settings.clone() })
    }

    /// Takes over sockets that listen already, like those of systemd's socket activation.
    pub fn from_listeners(
        listeners: Vec<TcpListener>,
        settings: &ServeSettings,
    ) -> Result<Self, BindError> {
        listeners.iter().try_for_each(prepare).map_err(BindError::Inherited)?;
        Ok(Self { listeners, settings: settings.clone() })
    }

    /// The addresses that the sockets have, with the ports that the kernel chose.
    #[must_use]
    pub fn local_addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }
}

fn prepare(listener: &TcpListener) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    // A second listen() only changes the length of the queue; the standard library's is short.
    Ok(rustix::net::listen(listener, BACKLOG)?)
}
