//! Two hosts on one machine: a network namespace at the other end of a pair of virtual Ethernet devices (`veth(4)`).
//!
//! What is sent over the loopback passes no device, no queue and no segmentation, and we spare clients there the host's
//! congestion control. Over a link everything is as between two machines, but for the wire.

use std::{
    fs::File,
    io,
    net::{IpAddr, Ipv4Addr},
    os::fd::AsFd,
    process, thread,
};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::tool;

/// Addresses of both ends, out of those for measurements (RFC 2544, appendix C.2.2).
const HERE: Ipv4Addr = Ipv4Addr::new(198, 18, 77, 1);
const THERE: Ipv4Addr = Ipv4Addr::new(198, 18, 77, 2);

/// The link. It goes with the value, and with it all that is connected over it.
#[derive(Debug)]
pub(super) struct Link {
    namespace: String,
}

impl Link {
    /// Sets it up, as root.
    pub(super) fn new() -> io::Result<Self> {
        let namespace = format!("isomirror-{}", process::id());
        ip(&["netns", "add", &namespace])?;
        let link = Self { namespace };
        let (here, there) = (format!("im{}", process::id()), "there");
        ip(&[
            "link",
            "add",
            &here,
            "type",
            "veth",
            "peer",
            "name",
            there,
            "netns",
            &link.namespace,
        ])?;
        ip(&["address", "add", &format!("{HERE}/30"), "dev", &here])?;
        ip(&["link", "set", &here, "up"])?;
        ip(&["-n", &link.namespace, "address", "add", &format!("{THERE}/30"), "dev", there])?;
        ip(&["-n", &link.namespace, "link", "set", there, "up"])?;
        Ok(link)
    }

    /// The address of the end where servers are.
    pub(super) fn address() -> IpAddr {
        HERE.into()
    }

    /// Runs `client`, and the programs that it starts, at the other end.
    pub(super) fn run_there<T: Send>(
        &self,
        client: impl FnOnce() -> io::Result<T> + Send,
    ) -> io::Result<T> {
        let namespace = File::open(format!("/run/netns/{}", self.namespace))?;
        let run = || {
            let network = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(namespace.as_fd(), network)?;
            client()
        };
        let done = thread::scope(|scope| scope.spawn(run).join());
        done.unwrap_or_else(|_| Err(io::Error::other("a client at the other end panicked")))
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let _ = ip(&["netns", "delete", &self.namespace]);
    }
}

fn ip(arguments: &[&str]) -> io::Result<()> {
    tool::run("ip", |command| command.args(arguments)).map(drop)
}
