//! Who listens where the server is to.

use std::{
    io::ErrorKind,
    net::{SocketAddr, TcpListener},
    os::unix::net::UnixStream,
    path::Path,
};

use isomirror_core::{
    config::{Config, ListenAddress},
    doctor::{Listening, Server},
};
use rustix::net::sockopt::socket_peercred;

use super::{
    files::text,
    processes::{DAEMON, holder_of_socket, name_of},
};
use crate::environment::RUNTIME_DIRECTORY;

/// State of a listening socket in `/proc/net/tcp` (`linux/tcp_states.h`).
const LISTEN: &str = "0A";

/// Looks at every address that is to be listened on. An ordinary user does not see whose a socket is: it is taken for
/// ours where a daemon runs.
pub(super) fn look(config: &Config, is_root: bool, is_running: bool) -> Vec<Listening> {
    let any_port = |address: &&ListenAddress| address.tcp().is_some_and(|tcp| tcp.port() == 0);
    let addresses = config.serve.listen.as_slice().iter().filter(|address| !any_port(address));
    addresses
        .map(|address| {
            let server = match address {
                ListenAddress::Tcp(tcp) => tcp_server(*tcp, is_root, is_running),
                ListenAddress::Unix(path) => unix_server(path),
            };
            Listening { address: address.clone(), server }
        })
        .collect()
}

fn tcp_server(address: SocketAddr, is_root: bool, is_running: bool) -> Server {
    match TcpListener::bind(address) {
        Ok(_) => Server::Nobody,
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            let name = listener(address.port()).and_then(holder_of_socket).and_then(name_of);
            match name {
                None if !is_root && is_running => Server::Ours,
                name => whose(name),
            }
        }
        // Ports below 1024 are root's, and so is the daemon.
        Err(error) if error.kind() == ErrorKind::PermissionDenied && !is_root => Server::Nobody,
        Err(error) => Server::Refused(error.to_string()),
    }
}

fn whose(name: Option<String>) -> Server {
    match name.as_deref() {
        Some(DAEMON | "systemd") => Server::Ours,
        _ => Server::Another(name),
    }
}

/// The inode of the socket that listens on a port.
fn listener(port: u16) -> Option<u64> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(text).concat();
    let ends_with_port = format!(":{port:04X}");
    tables.lines().find_map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let [_, local, _, LISTEN, ..] = fields.as_slice() else { return None };
        local.ends_with(&ends_with_port).then(|| fields.get(9)?.parse().ok())?
    })
}

fn unix_server(path: &Path) -> Server {
    // That one is made when the daemon starts.
    if !path.starts_with(RUNTIME_DIRECTORY) && !path.parent().is_some_and(Path::is_dir) {
        return Server::Refused("the directory of the socket does not exist".to_owned());
    }
    let Ok(stream) = UnixStream::connect(path) else { return Server::Nobody };
    let pid = socket_peercred(stream)
        .ok()
        .and_then(|peer| u32::try_from(peer.pid.as_raw_nonzero().get()).ok());
    whose(pid.and_then(name_of))
}
