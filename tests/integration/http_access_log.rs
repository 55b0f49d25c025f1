//! What the access log says, and when it says nothing.

use std::{
    fs,
    io::{Read, Write},
    os::unix::{fs::PermissionsExt, net::UnixStream},
    path::Path,
    time::Duration,
};

use isomirror::serve::{ServeSettings, Server};
use isomirror_core::config::ListenAddress;

use crate::http_fixture::{Client, Workshop, disc, exports, medium, server, settings, within};

/// The lines of a log once there are `count`, without their moments.
fn lines(path: &Path, count: usize) -> Vec<String> {
    let read = || fs::read_to_string(path).unwrap_or_default();
    assert!(within(Duration::from_secs(3), || read().lines().count() >= count), "{}", read());
    let undated = |line: &str| {
        let (before, rest) = line.split_once(" [").unwrap();
        let (moment, after) = rest.split_once("] ").unwrap();
        assert_eq!(moment.len(), "06/Nov/1994:08:49:37 +0000".len(), "{line}");
        format!("{before} {after}")
    };
    read().lines().map(undated).collect()
}

#[test]
fn every_response_has_a_line_with_what_came_of_it() {
    let workshop = Workshop::with_files();
    let log = workshop.directory.path().join("access.log");
    let settings = ServeSettings { access_log: Some(log.clone()), ..settings() };
    let (server, address) = server(&settings);
    let image = workshop.image("a.iso");
    server.publish(exports([("A", medium(&image)), ("D", disc(&image))]));
    let mut client = Client::connect(address);
    client.request("GET", "/A/small.txt", "User-Agent: a \"b\"\r\nReferer: http://c/\r\n");
    client.request("HEAD", "/A/large.bin", "");
    client.request("GET", "/A/large.bin", "Range: bytes=0-99999\r\nX-Forwarded-For: 1.2.3.4\r\n");
    client.request("GET", "/D/large.bin", "");
    client.get("/nothing");
    client.send("GET / HTTP/1.1\r\n\r\n");
    client.response(false);
    assert_eq!(
        lines(&log, 6),
        [
            "127.0.0.1 - - \"GET /A/small.txt HTTP/1.1\" 200 1024 \"http://c/\" \"a \\x22b\\x22\"",
            "127.0.0.1 - - \"HEAD /A/large.bin HTTP/1.1\" 200 0 \"-\" \"-\"",
            "127.0.0.1 - - \"GET /A/large.bin HTTP/1.1\" 206 100000 \"-\" \"-\"",
            "127.0.0.1 - - \"GET /D/large.bin HTTP/1.1\" 200 3000001 \"-\" \"-\"",
            "127.0.0.1 - - \"GET /nothing HTTP/1.1\" 404 14 \"-\" \"-\"",
            "127.0.0.1 - - \"-\" 400 16 \"-\" \"-\"",
        ]
    );
    assert_eq!(fs::metadata(&log).unwrap().permissions().mode() & 0o777, 0o640);
}

#[test]
fn a_response_that_was_cut_has_a_line_with_the_bytes_that_were_sent() {
    let workshop = Workshop::new();
    workshop.file("file", &vec![1; 64 << 20]);
    let log = workshop.directory.path().join("access.log");
    let settings = ServeSettings { access_log: Some(log.clone()), ..settings() };
    let (server, address) = server(&settings);
    server.publish(exports([("A", medium(&workshop.image("a.iso")))]));
    let mut client = Client::connect(address);
    client.send("GET /A/file HTTP/1.1\r\nHost: a\r\n\r\n");
    client.head().unwrap();
    drop(client);
    let line = lines(&log, 1).remove(0);
    let bytes = line.split(' ').nth(7).unwrap().parse::<usize>().unwrap();
    assert!(bytes < 64 << 20, "{line}");
}

#[test]
fn a_log_that_is_renamed_goes_on_under_its_name_and_one_that_is_not_wanted_is_none() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("access.log");
    let (server, address) = server(&settings());
    let mut client = Client::connect(address);
    client.get("/healthz");
    server.log_to(Some(&log));
    client.get("/healthz");
    assert_eq!(lines(&log, 1).len(), 1);
    let old = directory.path().join("access.log.1");
    fs::rename(&log, &old).unwrap();
    client.get("/index.json");
    assert_eq!(lines(&old, 2).len(), 2);
    server.log_to(Some(&log));
    client.get("/healthz");
    assert_eq!(lines(&log, 1).len(), 1);
    server.log_to(None);
    client.get("/healthz");
    server.log_to(Some(Path::new("/nonexistent/a")));
    client.get("/healthz");
    drop(server);
    assert_eq!((lines(&old, 2).len(), lines(&log, 1).len()), (2, 1));
}

#[test]
fn whom_a_proxy_asks_for_is_believed_of_the_unix_socket_alone() {
    let directory = tempfile::tempdir().unwrap();
    let (log, socket) = (directory.path().join("access.log"), directory.path().join("http.sock"));
    let tcp = ListenAddress::Tcp(([127, 0, 0, 1], 0).into());
    let settings = ServeSettings {
        listen: vec![tcp, ListenAddress::Unix(socket.clone())],
        access_log: Some(log.clone()),
        ..settings()
    };
    let server = Server::start(Server::bind(&settings).unwrap()).unwrap();
    let fields = "X-Forwarded-For: 192.0.2.9, 2001:db8::7\r\n";
    Client::connect(server.local_addresses()[0]).request("GET", "/healthz", fields);
    lines(&log, 1);
    for (fields, count) in [(fields, 2), ("", 3), ("X-Forwarded-For: nobody\r\n", 4)] {
        let mut stream = UnixStream::connect(&socket).unwrap();
        write!(stream, "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{fields}\r\n")
            .unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
        lines(&log, count);
    }
    let clients: Vec<_> =
        lines(&log, 4).iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(clients, ["127.0.0.1", "2001:db8::7", "-", "-"]);
}
