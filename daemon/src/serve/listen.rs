//! Listening sockets: those of the configuration, or those that the service manager hands in.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use isomirror_core::config::ListenAddress;
use rustix::net::{
    AddressFamily, SocketFlags, SocketType, bind, getsockname, listen, socket_with,
    sockopt::{
        set_ipv6_v6only, set_socket_reuseaddr, set_tcp_nodelay, socket_acceptconn, socket_type,
    },
};

use super::{ServeSettings, congestion::Congestion, socket_file::SocketFile};
use crate::sys::inherited_sockets::InheritedSocket;

/// Connections that the kernel keeps until they are accepted; it caps this at `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address is taken, not this host's, or not for this user.
    #[error("cannot listen on `{address}`")]
    Listen {
        /// The address.
        address: ListenAddress,
        /// The kernel's reason.
        #[source]
        source: io::Error,
    },
    /// A socket that was handed in cannot be used.
    #[error(
        "cannot use the socket `{name}` of the service manager: it has to be a listening stream socket"
    )]
    Inherited {
        /// Its name.
        name: String,
        /// What is wrong with it.
        #[source]
        source: io::Error,
    },
}

/// Sockets that listen, before anybody answers.
#[derive(Debug)]
pub struct Bound {
    pub(super) listeners: Vec<Listener>,
    pub(super) settings: ServeSettings,
}

/// A socket that listens.
#[derive(Debug)]
pub(super) struct Listener {
    socket: OwnedFd,
    /// Its address; `None` for a Unix socket.
    address: Option<SocketAddr>,
    congestion: Option<Congestion>,
    place: String,
    _file: Option<SocketFile>,
}

impl Bound {
    /// Listens on the addresses of `settings`.
    pub(super) fn bind(settings: &ServeSettings) -> Result<Self, BindError> {
        let mut listeners = Vec::with_capacity(settings.listen.len());
        for address in &settings.listen {
            let failed = |source| BindError::Listen { address: address.clone(), source };
            let (socket, file) = match address {
                ListenAddress::Tcp(tcp) => (bind_tcp(*tcp, settings), None),
                ListenAddress::Unix(path) => match SocketFile::bind(path) {
                    Ok((socket, file)) => (Ok(socket), Some(file)),
                    Err(error) => (Err(error), None),
                },
            };
            listeners.push(Listener::new(socket.map_err(failed)?, file, settings).map_err(failed)?);
        }
        Ok(Self { listeners, settings: settings.clone() })
    }

    /// Takes over sockets that listen already, like those of systemd's socket activation.
    pub fn from_inherited(
        sockets: Vec<InheritedSocket>,
        settings: &ServeSettings,
    ) -> Result<Self, BindError> {
        let take = |InheritedSocket { name, socket }| {
            check(&socket)
                .and_then(|()| Listener::new(socket, None, settings))
                .map_err(|source| BindError::Inherited { name, source })
        };
        let listeners = sockets.into_iter().map(take).collect::<Result<_, _>>()?;
        Ok(Self { listeners, settings: settings.clone() })
    }

    /// The IP addresses that the sockets have, with the ports that the kernel chose.
    #[must_use]
    pub fn local_addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(|listener| listener.address).collect()
    }

    /// Where the sockets can be reached, as texts for people.
    #[must_use]
    pub fn places(&self) -> Vec<String> {
        self.listeners.iter().map(|listener| listener.place.clone()).collect()
    }
}

impl Listener {
    /// Makes `socket`, which is bound, listen.
    fn new(
        socket: OwnedFd,
        file: Option<SocketFile>,
        settings: &ServeSettings,
    ) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&socket, true)?;
        // To listen once more only changes the length of the queue.
        listen(&socket, BACKLOG)?;
        let name = getsockname(&socket)?;
        let address = SocketAddr::try_from(name.clone()).ok();
        let place = match address {
            Some(address) => format!("http://{address}/"),
            None => format!("unix:{}", unix_path(name)),
        };
        let chosen = settings.congestion_control.as_deref();
        let congestion = address.map(|address| Congestion::choose(&socket, address.ip(), chosen));
        Ok(Self { socket, address, congestion, place, _file: file })
    }

    /// Prepares a connection that came in here from `peer`.
    pub(super) fn prepare(&self, connection: &OwnedFd, peer: Option<IpAddr>) {
        let Some(congestion) = &self.congestion else { return };
        // What is to wait for more is held back by MSG_MORE, and nothing else is. A cork was measured to be a third
        // slower, Nagle's algorithm a tenth.
        let _ = set_tcp_nodelay(connection, true);
        congestion.prepare(connection, peer);
    }

    /// Whether reverse proxies of this host connect here, and nobody else.
    pub(super) fn is_unix(&self) -> bool {
        self.address.is_none()
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn bind_tcp(address: SocketAddr, settings: &ServeSettings) -> io::Result<OwnedFd> {
    let family = if address.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    // A port whose last connections are still being forgotten is free.
    set_socket_reuseaddr(&socket, true)?;
    if shares_port(address, &settings.listen) {
        set_ipv6_v6only(&socket, true)?;
    }
    bind(&socket, &address)?;
    Ok(socket)
}

/// Whether `address` is IPv6 and has its port together with an IPv4 address of the list. `[::]` alone takes IPv4 too.
fn shares_port(address: SocketAddr, list: &[ListenAddress]) -> bool {
    let is_twin = |other: SocketAddr| other.is_ipv4() && other.port() == address.port();
    address.is_ipv6()
        && address.port() != 0
        && list.iter().filter_map(ListenAddress::tcp).any(is_twin)
}

fn check(socket: &OwnedFd) -> io::Result<()> {
    if socket_type(socket)? != SocketType::STREAM || !socket_acceptconn(socket)? {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let name = getsockname(socket)?;
    match name.address_family() {
        AddressFamily::INET | AddressFamily::INET6 | AddressFamily::UNIX => Ok(()),
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}

fn unix_path(name: rustix::net::SocketAddrAny) -> String {
    let path = rustix::net::SocketAddrUnix::try_from(name).ok();
    let path = path.and_then(|path| path.path().map(|path| path.to_string_lossy().into_owned()));
    path.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv6_leaves_ipv4_alone_only_where_that_is_listed() {
        let list: Vec<ListenAddress> =
            ["0.0.0.0:80", "[::]:80", "[::1]:81", "[::1]:0", "127.0.0.1:0"]
                .map(|text| text.parse().unwrap())
                .into();
        for (address, shares) in
            [("[::]:80", true), ("0.0.0.0:80", false), ("[::1]:81", false), ("[::1]:0", false)]
        {
            assert_eq!(shares_port(address.parse().unwrap(), &list), shares, "{address}");
        }
    }
}
