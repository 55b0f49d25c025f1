//! Server-sent events: who listens hears of every change, costs nothing else, and is let go of in order.

use std::{
    io::{ErrorKind, Read},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

use isomirror::serve::{Exports, ServeSettings, Server};
use isomirror_core::state::StateDocument;

use crate::http_fixture::{Client, server, settings, within};

const PATIENCE: Duration = Duration::from_secs(10);

fn publish(server: &Server, revision: u64) {
    let state = StateDocument { schema: 1, revision, ..StateDocument::default() };
    server.publish(Exports { state: Arc::new(state), ..Exports::default() });
}

/// A client that listens, after the head.
fn listener(address: SocketAddr, fields: &str) -> (Client, String) {
    let mut client = Client::connect(address);
    client.send(format!("GET /events HTTP/1.1\r\nHost: test\r\n{fields}\r\n"));
    let head = client.head().unwrap();
    (client, head)
}

/// Receives until the text ends with `end`.
fn until(client: &mut Client, end: &str) -> String {
    loop {
        let text = String::from_utf8(client.received.clone()).unwrap();
        if text.ends_with(end) {
            client.received.clear();
            return text;
        }
        assert!(client.receive(), "ended after {text:?}");
    }
}

/// The id of the last event in `text`.
fn id(text: &str) -> &str {
    text.lines().rev().find_map(|line| line.strip_prefix("id: ")).unwrap()
}

#[test]
fn every_change_is_told_to_everybody_who_listens() {
    let (server, address) = server(&settings());
    publish(&server, 1);
    let mut clients: Vec<Client> = (0..20)
        .map(|_| {
            let (mut client, head) = listener(address, "");
            assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
            assert!(head.contains("Content-Type: text/event-stream\r\n"), "{head}");
            assert!(head.contains("Cache-Control: no-cache\r\n"), "{head}");
            let text = until(&mut client, "data: 1\n\n");
            assert!(text.starts_with("retry: 2000\n\n") && text.contains("event: revision\n"));
            client
        })
        .collect();
    for revision in 2..6 {
        publish(&server, revision);
        for client in &mut clients {
            until(client, &format!("data: {revision}\n\n"));
        }
    }
    // The document that is told of is the one that is given out.
    let document = Client::connect(address).get("/index.json").text();
    assert!(document.contains("\"revision\": 5"), "{document}");
}

#[test]
fn who_comes_back_is_told_only_what_is_new() {
    let (server, address) = server(&settings());
    publish(&server, 1);
    let (mut client, _) = listener(address, "");
    let text = until(&mut client, "data: 1\n\n");
    let known = format!("Last-Event-ID: {}\r\n", id(&text));
    drop(client);
    let (mut client, _) = listener(address, &known);
    assert_eq!(until(&mut client, "\n\n"), "retry: 2000\n\n");
    client.stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let error = client.stream.read(&mut [0; 64]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    publish(&server, 2);
    client.stream.set_read_timeout(Some(PATIENCE)).unwrap();
    until(&mut client, "data: 2\n\n");
    // Of a server that was started anew nobody knows anything yet.
    let (mut client, _) = listener(address, "Last-Event-ID: 1-2\r\n");
    until(&mut client, "data: 2\n\n");
}

#[test]
fn listeners_are_bounded_and_their_places_given_back() {
    let (server, address) = server(&ServeSettings { listeners: 2, ..settings() });
    publish(&server, 1);
    let (first, second) = (listener(address, "").0, listener(address, "").0);
    assert!(listener(address, "").1.starts_with("HTTP/1.1 503 "));
    let mut client = Client::connect(address);
    assert_eq!(client.request("HEAD", "/events", "").status, 503);
    drop(first);
    second.stream.shutdown(Shutdown::Write).unwrap();
    assert!(within(PATIENCE, || {
        let metrics = Client::connect(address).get("/metrics").text();
        metrics.lines().any(|line| line == "isomirror_http_listeners 0")
    }));
    let mut client = Client::connect(address);
    let head = client.request("HEAD", "/events", "");
    assert_eq!((head.status, head.field("Content-Type")), (200, Some("text/event-stream")));
    assert!(listener(address, "").1.starts_with("HTTP/1.1 200 "));
}

#[test]
fn a_server_that_stops_ends_its_listeners_in_order_and_at_once() {
    let (server, address) = server(&settings());
    publish(&server, 1);
    let (mut client, _) = listener(address, "");
    until(&mut client, "data: 1\n\n");
    let start = Instant::now();
    server.shutdown(Duration::from_secs(20));
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    // An end, not a reset.
    assert_eq!(client.stream.read(&mut [0; 64]).unwrap(), 0);
}

#[test]
fn a_listener_that_takes_nothing_is_cut_and_holds_nobody_up() {
    let stall_timeout = Duration::from_millis(500);
    let (server, address) = server(&ServeSettings { stall_timeout, ..settings() });
    publish(&server, 1);
    let socket = rustix::net::socket(
        rustix::net::AddressFamily::INET,
        rustix::net::SocketType::STREAM,
        None,
    )
    .unwrap();
    rustix::net::sockopt::set_socket_recv_buffer_size(&socket, 2048).unwrap();
    rustix::net::connect(&socket, &address).unwrap();
    let slow = TcpStream::from(socket);
    std::io::Write::write_all(&mut &slow, b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let (mut quick, _) = listener(address, "");
    let listeners = || {
        let metrics = Client::connect(address).get("/metrics").text();
        let prefix = "isomirror_http_listeners ";
        metrics.lines().find_map(|line| line.strip_prefix(prefix)?.parse::<u32>().ok()).unwrap()
    };
    assert!(within(PATIENCE, || listeners() == 2));
    // What the kernel takes for it fills up; then it is cut, while the other one hears everything.
    let end = Instant::now() + Duration::from_mins(1);
    let mut revision = 1;
    while listeners() == 2 {
        for _ in 0..2000 {
            revision += 1;
            publish(&server, revision);
        }
        until(&mut quick, &format!("data: {revision}\n\n"));
        assert!(Instant::now() < end, "it is cut");
    }
    assert_eq!(listeners(), 1);
    publish(&server, revision + 1);
    until(&mut quick, &format!("data: {}\n\n", revision + 1));
}
