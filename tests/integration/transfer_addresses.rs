//! IPv6, and hosts of which one address is dead.

use std::{
    fs,
    net::{Ipv6Addr, SocketAddr, TcpStream},
    os::fd::OwnedFd,
    thread,
    time::{Duration, Instant},
};

use isomirror_tests::fault_server::{Fault, FaultServer, image};
use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
};
use rustix::net::{AddressFamily, SocketType, bind, listen, socket, sockopt};

use crate::transfer_fixture::{Fixture, MIB, download, fetch_process};

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn an_address_of_ipv6_is_as_good_as_any() {
    let content = image(3 * MIB, 1);
    let server = FaultServer::at("[::1]:0", content.clone()).unwrap();
    server.script([Fault::ClosedAt(MIB)], Fault::None);
    assert!(server.url().starts_with("http://[::1]:"));
    Fixture::new().publishes(&download(&content, &[server.url()]), &content).await;
}

/// A port on which every attempt to connect is left without an answer, as behind a router that drops packets: the queue
/// of those whom nobody has accepted yet is full.
struct DeadPort {
    _listener: OwnedFd,
    _waiting: Vec<TcpStream>,
}

impl DeadPort {
    fn new(address: SocketAddr) -> Self {
        let family = if address.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
        let listener = socket(family, SocketType::STREAM, None).unwrap();
        if address.is_ipv6() {
            sockopt::set_ipv6_v6only(&listener, true).unwrap();
        }
        bind(&listener, &address).unwrap();
        listen(&listener, 0).unwrap();
        let mut waiting = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
            waiting.push(stream);
            assert!(waiting.len() < 20, "it answers everybody");
        }
        Self { _listener: listener, _waiting: waiting }
    }
}

#[test]
pub(crate) fn a_host_whose_first_address_is_dead_is_reached_by_the_other() {
    let content = image(3 * MIB, 1);
    let server = FaultServer::start(content.clone()).unwrap();
    let port = server.address().port();
    let _dead = DeadPort::new((Ipv6Addr::LOCALHOST, port).into());
    let directory = tempfile::tempdir().unwrap();
    let hosts = directory.path().join("hosts");
    fs::write(&hosts, "::1 both.example\n127.0.0.1 both.example\n").unwrap();
    let url = format!("http://both.example:{port}/image.iso");
    let fetching = move || {
        // Names are those of this thread and the process that it starts.
        unshare(CloneFlags::CLONE_NEWNS).unwrap();
        let none = None::<&str>;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).unwrap();
        mount(Some(&hosts), "/etc/hosts", none, MsFlags::MS_BIND, none).unwrap();
        let begun = Instant::now();
        fetch_process(&content, &[url], |command| command).assert_published(&content);
        begun.elapsed()
    };
    let took = thread::spawn(fetching).join().unwrap();
    // The patience for a connection is fifteen seconds.
    assert!(took > Duration::from_millis(200) && took < Duration::from_secs(5), "{took:?}");
    assert!(!server.seen().is_empty());
}

#[test]
pub(crate) fn a_host_that_is_dead_altogether_is_given_up() {
    let content = image(MIB, 1);
    let server = FaultServer::start(content.clone()).unwrap();
    let free = FaultServer::start(Vec::new()).unwrap().address();
    let address = SocketAddr::new(Ipv6Addr::LOCALHOST.into(), free.port());
    let _dead = DeadPort::new(address);
    let urls = [format!("http://{address}/image.iso"), server.url()];
    fetch_process(&content, &urls, |command| command).assert_published(&content);
}
