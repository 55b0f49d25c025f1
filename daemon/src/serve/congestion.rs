//! How fast the kernel sends on a connection.
//!
//! A pacing congestion control spreads what is sent over time, so that a network is not flooded. Between two ends on this
//! host there is no network, and pacing only halves what they get. A connection that began paced stays so, whatever it is
//! told later; so where the host paces, the listening socket does not, and clients elsewhere are given the host's own
//! before the first byte is sent to them.

use std::{
    net::{IpAddr, SocketAddr},
    os::fd::OwnedFd,
};

use rustix::net::{
    getsockname,
    sockopt::{set_tcp_congestion, tcp_congestion},
};
use tracing::warn;

/// A congestion control that every kernel has and that does not pace.
const UNPACED: &str = "reno";

/// What the names of those that pace begin with.
const PACING: &str = "bbr";

/// What connections of one listening socket get.
#[derive(Debug)]
pub(super) struct Congestion {
    /// The host's own, for clients elsewhere, where connections begin without it.
    elsewhere: Option<String>,
}

impl Congestion {
    /// Sets what connections begin with: the `chosen` one, or what is best for the listening socket at `address`.
    pub(super) fn choose(listener: &OwnedFd, address: IpAddr, chosen: Option<&str>) -> Self {
        if let Some(chosen) = chosen {
            if let Err(error) = set_tcp_congestion(listener, chosen) {
                warn!(
                    algorithm = %chosen, %error,
                    "the congestion control cannot be had, this host's own is used: \
                     see `sysctl net.ipv4.tcp_allowed_congestion_control`"
                );
            }
            return Self { elsewhere: None };
        }
        let own = tcp_congestion(listener).ok().filter(|own| own.starts_with(PACING));
        let is_unpaced = own.is_some() && set_tcp_congestion(listener, UNPACED).is_ok();
        Self { elsewhere: own.filter(|_| is_unpaced && !address.to_canonical().is_loopback()) }
    }

    /// Gives a new connection to `peer` what it is to have. One that a route has its own for (`ip route`, `congctl`)
    /// keeps that.
    pub(super) fn prepare(&self, connection: &OwnedFd, peer: Option<IpAddr>) {
        let Some(elsewhere) = &self.elsewhere else { return };
        let is_here = peer.is_some_and(|peer| is_local(peer, connection));
        if !is_here && tcp_congestion(connection).is_ok_and(|current| current == UNPACED) {
            let _ = set_tcp_congestion(connection, elsewhere);
        }
    }
}

/// Whether both ends of a connection are on this host.
fn is_local(peer: IpAddr, connection: &OwnedFd) -> bool {
    let own = || SocketAddr::try_from(getsockname(connection).ok()?).ok();
    peer.to_canonical().is_loopback() || own().is_some_and(|own| own.ip() == peer)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const EVERYWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
    const ELSEWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn listener() -> OwnedFd {
        TcpListener::bind((LOOPBACK, 0)).unwrap().into()
    }

    /// What a connection by `listener` has that is told to come from `peer`.
    fn of_connection(congestion: &Congestion, listener: &OwnedFd, peer: IpAddr) -> String {
        let listener: TcpListener = listener.try_clone().unwrap().into();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let connection: OwnedFd = listener.accept().unwrap().0.into();
        congestion.prepare(&connection, Some(peer));
        tcp_congestion(&connection).unwrap()
    }

    #[test]
    fn only_clients_on_this_host_are_never_paced() {
        let listener = listener();
        let own = tcp_congestion(&listener).unwrap();
        let unpaced = if own.starts_with(PACING) { UNPACED.to_owned() } else { own.clone() };
        let everywhere = Congestion::choose(&listener, EVERYWHERE, None);
        assert_eq!(of_connection(&everywhere, &listener, LOOPBACK), unpaced);
        assert_eq!(of_connection(&everywhere, &listener, ELSEWHERE), own);
    }

    #[test]
    fn what_a_pacing_host_gives_goes_to_clients_elsewhere() {
        // As on a host that paces, whatever this one does.
        let listener = listener();
        set_tcp_congestion(&listener, UNPACED).unwrap();
        let Some(other) = ["cubic", "bbr"].into_iter().find(|name| is_available(name)) else {
            panic!("this kernel has nothing but {UNPACED}")
        };
        let congestion = Congestion { elsewhere: Some(other.to_owned()) };
        assert_eq!(of_connection(&congestion, &listener, LOOPBACK), UNPACED);
        assert_eq!(of_connection(&congestion, &listener, ELSEWHERE), other);
    }

    #[test]
    fn what_was_chosen_is_for_all_and_what_cannot_be_had_changes_nothing() {
        let listener = listener();
        let own = tcp_congestion(&listener).unwrap();
        let missing = Congestion::choose(&listener, EVERYWHERE, Some("no_such"));
        assert_eq!(of_connection(&missing, &listener, ELSEWHERE), own);
        let chosen = Congestion::choose(&listener, EVERYWHERE, Some(UNPACED));
        assert_eq!(of_connection(&chosen, &listener, LOOPBACK), UNPACED);
        assert_eq!(of_connection(&chosen, &listener, ELSEWHERE), UNPACED);
    }

    fn is_available(name: &str) -> bool {
        set_tcp_congestion(listener(), name).is_ok()
    }
}
