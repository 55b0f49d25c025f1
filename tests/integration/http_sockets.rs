//! Where the server listens: addresses of both families, Unix sockets, and what is different about each.

use std::{
    fs,
    io::{Read, Write},
    net::SocketAddr,
    os::unix::{fs::PermissionsExt, net::UnixStream},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use isomirror::serve::{Exports, ServeSettings, Server};
use isomirror_core::config::ListenAddress;
use isomirror_tests::images::iso9660::bytes;

use crate::http_fixture::{Client, Workshop, exports, medium, settings, within};

fn listening_on(list: &[&str]) -> ServeSettings {
    let listen = list.iter().map(|text| text.parse().unwrap()).collect();
    ServeSettings { listen, ..settings() }
}

/// One request on a connection of its own: status and body, as far as they came.
fn ask(socket: &Path, target: &str, fields: &str) -> (String, Vec<u8>) {
    let mut stream = UnixStream::connect(socket).unwrap();
    write!(stream, "GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{fields}\r\n")
        .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    (String::from_utf8(answer[..end].to_vec()).unwrap(), answer[end..].to_vec())
}

#[test]
fn every_address_of_the_list_is_answered_on() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("http.sock");
    let unix = format!("unix:{}", socket.display());
    let settings = listening_on(&["127.0.0.1:0", "[::1]:0", &unix]);
    let server = Server::start(Server::bind(&settings).unwrap()).unwrap();
    let [v4, v6] = server.local_addresses() else { panic!("{:?}", server.local_addresses()) };
    for address in [v4, v6] {
        assert_eq!(Client::connect(*address).get("/healthz").body, b"ok\n", "{address}");
    }
    assert!(v6.is_ipv6());
    assert_eq!(ask(&socket, "/healthz", "").1, b"ok\n");
    assert_eq!(server.places(), [format!("http://{v4}/"), format!("http://{v6}/"), unix]);
}

#[test]
fn one_port_is_taken_for_both_families_or_listed_for_each() {
    let everywhere = Server::start(Server::bind(&listening_on(&["[::]:0"])).unwrap()).unwrap();
    let port = everywhere.local_addresses()[0].port();
    for address in
        [SocketAddr::from(([127, 0, 0, 1], port)), ([0, 0, 0, 0, 0, 0, 0, 1], port).into()]
    {
        assert_eq!(Client::connect(address).get("/healthz").status, 200, "{address}");
    }
    drop(everywhere);
    let both = [format!("0.0.0.0:{port}"), format!("[::]:{port}")];
    let settings = listening_on(&[&both[0], &both[1]]);
    let listed = Server::start(Server::bind(&settings).unwrap()).unwrap();
    assert_eq!(listed.local_addresses().len(), 2);
}

#[test]
fn a_socket_in_the_file_system_comes_and_goes_with_the_server() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("http.sock");
    let settings = listening_on(&[&format!("unix:{}", socket.display())]);
    for _ in 0..2 {
        let server = Server::start(Server::bind(&settings).unwrap()).unwrap();
        assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o666);
        let error = Server::bind(&settings).unwrap_err().to_string();
        assert_eq!(error, format!("cannot listen on `unix:{}`", socket.display()));
        assert!(ask(&socket, "/healthz", "").0.starts_with("HTTP/1.1 200"));
        server.shutdown(Duration::ZERO);
        assert!(!socket.exists());
        // What a server leaves that was killed is in nobody's way.
        drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    }
}

#[test]
fn what_comes_by_a_socket_is_what_comes_by_a_port() {
    let workshop = Workshop::with_files();
    let socket = workshop.directory.path().join("http.sock");
    let settings = listening_on(&["127.0.0.1:0", &format!("unix:{}", socket.display())]);
    let server = Server::start(Server::bind(&settings).unwrap()).unwrap();
    server.publish(exports([("LABEL", medium(&workshop.image("a.iso")))]));
    let mut client = Client::connect(server.local_addresses()[0]);
    for (target, fields) in [
        ("/LABEL/large.bin", ""),
        ("/LABEL/large.bin", "Range: bytes=1-2500000\r\n"),
        ("/LABEL/small.txt", ""),
        ("/LABEL/empty", ""),
        ("/_/LABEL.iso", ""),
        ("/LABEL/", ""),
        ("/nothing", ""),
    ] {
        let by_port = client.request("GET", target, fields);
        let (head, body) = ask(&socket, target, fields);
        assert_eq!(head[9..12].parse(), Ok(by_port.status), "{target}");
        assert!(body == by_port.body, "{target} {fields}");
    }
}

#[test]
fn a_proxy_is_not_limited_as_one_client() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("http.sock");
    let settings = ServeSettings {
        connections_per_address: 2,
        limit_loopback: true,
        ..listening_on(&[&format!("unix:{}", socket.display())])
    };
    let server = Server::start(Server::bind(&settings).unwrap()).unwrap();
    let _held: Vec<_> = (0..20).map(|_| UnixStream::connect(&socket).unwrap()).collect();
    assert!(ask(&socket, "/healthz", "").0.starts_with("HTTP/1.1 200"));
    assert_eq!(server.statistics().accepted, 21);
}

#[test]
fn nothing_of_a_medium_is_left_in_a_socket_that_was_let_go_of() {
    const LENGTH: usize = 24 << 20;
    let workshop = Workshop::new();
    let content = bytes(1, LENGTH);
    workshop.file("file", &content);
    let image = workshop.image("a.iso");
    let socket = workshop.directory.path().join("http.sock");
    let settings = ServeSettings {
        drain: Duration::from_millis(200),
        ..listening_on(&[&format!("unix:{}", socket.display())])
    };
    let server = Server::start(Server::bind(&settings).unwrap()).unwrap();
    let a = medium(&image);
    server.publish(exports([("A", a.clone())]));
    let mut stream = UnixStream::connect(&socket).unwrap();
    stream.write_all(b"GET /A/file HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    // Enough that the server waits for us.
    thread::sleep(Duration::from_millis(200));
    server.publish(Exports::default());
    assert!(within(Duration::from_secs(3), || std::sync::Arc::strong_count(&a) == 1));
    // The next medium has the place of the one that was let go of.
    fs::write(&image, vec![0xEE; fs::metadata(&image).unwrap().len().try_into().unwrap()]).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let body = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let received = &answer[body..];
    assert!(!received.is_empty() && received.len() < LENGTH, "{} bytes", received.len());
    assert!(received == &content[..received.len()], "bytes of two media");
}

#[test]
fn a_client_of_a_socket_that_takes_nothing_is_cut() {
    let workshop = Workshop::new();
    workshop.file("file", &bytes(1, 8 << 20));
    let socket = workshop.directory.path().join("http.sock");
    let settings = ServeSettings {
        stall_timeout: Duration::from_millis(300),
        ..listening_on(&[&format!("unix:{}", socket.display())])
    };
    let server = Server::start(Server::bind(&settings).unwrap()).unwrap();
    server.publish(exports([("A", medium(&workshop.image("a.iso")))]));
    let mut stream = UnixStream::connect(&socket).unwrap();
    stream.write_all(b"GET /A/file HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let start = Instant::now();
    assert!(within(Duration::from_secs(1), || server.statistics().connections == 1));
    assert!(within(Duration::from_secs(3), || server.statistics().connections == 0));
    assert!(start.elapsed() >= Duration::from_millis(250), "{:?}", start.elapsed());
}

#[test]
fn addresses_that_cannot_be_had_are_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    for (listen, text) in [
        (address.to_string(), format!("cannot listen on `{address}`")),
        ("unix:/nonexistent/a.sock".into(), "cannot listen on `unix:/nonexistent/a.sock`".into()),
    ] {
        let listen: ListenAddress = listen.parse().unwrap();
        let settings = ServeSettings { listen: vec![listen], ..settings() };
        assert_eq!(Server::bind(&settings).unwrap_err().to_string(), text);
    }
}
