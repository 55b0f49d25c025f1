//! What happens to clients when media come, go and change.

use std::{
    sync::{Arc, Weak},
    thread,
    time::{Duration, Instant},
};

use isomirror::{
    open_medium::OpenMedium,
    serve::{Exports, ServeSettings},
};
use isomirror_tests::images::iso9660::bytes;
use rustix::net::sockopt::socket_send_buffer_size;

use crate::http_fixture::{Client, Workshop, exports, medium, server, settings, within};

const DRAIN: Duration = Duration::from_millis(400);

/// More than all buffers between a server and a client that does not read.
const LARGE: usize = 48 << 20;

fn short_drain() -> ServeSettings {
    ServeSettings { drain: DRAIN, ..settings() }
}

fn workshop(seed: u64, length: usize) -> Workshop {
    let workshop = Workshop::new();
    workshop.file("file", &bytes(seed, length));
    workshop
}

fn is_dropped(medium: &Weak<OpenMedium>, limit: Duration) -> bool {
    within(limit, || medium.strong_count() == 0)
}

#[test]
fn a_medium_that_left_is_gone_for_every_new_request() {
    let workshop = workshop(1, 100_000);
    let path = workshop.image("a.iso");
    let (server, address) = server(&short_drain());
    let mut clients: Vec<_> = (0..8).map(|_| Client::connect(address)).collect();
    for _ in 0..20 {
        let opened = medium(&path);
        let weak = Arc::downgrade(&opened);
        server.publish(exports([("A", opened)]));
        for client in &mut clients {
            assert_eq!(client.get("/A/file").body.len(), 100_000);
        }
        server.publish(exports([]));
        for client in &mut clients {
            for target in ["/A/file", "/A/", "/_/A.iso", "/_/A.json"] {
                assert_eq!(client.get(target).status, 404, "{target}");
            }
        }
        assert!(is_dropped(&weak, DRAIN), "connections that are idle hold nothing");
    }
}

#[test]
fn a_set_says_how_long_responses_from_what_leaves_with_it_may_go_on() {
    let workshop = workshop(1, LARGE);
    let long = ServeSettings { drain: Duration::from_mins(1), ..settings() };
    let (server, address) = server(&long);
    let opened = medium(&workshop.image("a.iso"));
    let weak = Arc::downgrade(&opened);
    server.publish(exports([("A", opened)]));
    let mut client = Client::connect(address);
    client.send("GET /A/file HTTP/1.1\r\nHost: a\r\n\r\n");
    client.head().unwrap();
    let left = Exports { drain: Some(DRAIN), ..exports([]) };
    server.publish(left);
    thread::sleep(DRAIN / 4);
    assert!(weak.strong_count() > 0, "the response goes on for a while");
    assert!(is_dropped(&weak, DRAIN * 2));
}

#[test]
fn another_medium_under_the_same_name_is_another_file() {
    for length in [50_000, 1000] {
        is_another_file(length);
    }
}

fn is_another_file(length: usize) {
    let (first, second) = (workshop(1, length), workshop(2, length));
    let (server, address) = server(&short_drain());
    let mut client = Client::connect(address);
    server.publish(exports([("A", medium(&first.image("a.iso")))]));
    let old = client.get("/A/file");
    let tag = old.field("ETag").unwrap();
    server.publish(exports([("A", medium(&second.image("a.iso")))]));
    let new = client.get("/A/file");
    assert_eq!(new.body, bytes(2, length));
    assert_ne!(new.field("ETag"), Some(tag));
    let fields = format!("Range: bytes=100-\r\nIf-Range: {tag}\r\n");
    let resumed = client.request("GET", "/A/file", &fields);
    assert_eq!((resumed.status, resumed.body.len()), (200, length));
    let fields = format!("If-None-Match: {tag}\r\n");
    assert_eq!(client.request("GET", "/A/file", &fields).status, 200);
}

#[test]
fn a_slow_client_of_a_medium_that_left_is_cut_and_never_gets_other_bytes() {
    let (first, second) = (workshop(1, LARGE), workshop(2, LARGE));
    let (server, address) = server(&short_drain());
    for target in ["/A/file", "/_/A.iso"] {
        let opened = medium(&first.image("a.iso"));
        let weak = Arc::downgrade(&opened);
        server.publish(exports([("A", opened)]));
        let mut client = Client::connect(address);
        client.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let head = client.head().unwrap();
        let published = Instant::now();
        server.publish(exports([("A", medium(&second.image("b.iso")))]));
        thread::sleep(DRAIN / 4);
        assert!(weak.strong_count() > 0, "the response goes on for a while");
        assert!(is_dropped(&weak, DRAIN * 2));
        assert!(published.elapsed() >= DRAIN, "not before its time");
        while client.receive() {}
        let length: usize = head
            .lines()
            .find_map(|line| line.strip_prefix("Content-Length: "))
            .unwrap()
            .parse()
            .unwrap();
        assert!(client.received.len() < length, "cut short");
        let image = std::fs::read(first.directory.path().join("a.iso")).unwrap();
        let expected = if target == "/A/file" { bytes(1, LARGE) } else { image };
        assert!(client.received == expected[..client.received.len()], "{target}");
    }
}

#[test]
fn a_quick_client_of_a_medium_that_left_gets_all_of_it() {
    let workshop = workshop(1, LARGE);
    let (server, address) = server(&ServeSettings { drain: Duration::from_secs(20), ..settings() });
    let opened = medium(&workshop.image("a.iso"));
    let weak = Arc::downgrade(&opened);
    server.publish(exports([("A", opened)]));
    let mut client = Client::connect(address);
    client.send("GET /A/file HTTP/1.1\r\nHost: a\r\n\r\nGET /A/file HTTP/1.1\r\nHost: a\r\n\r\n");
    client.head().unwrap();
    server.publish(exports([]));
    assert!(client.take(LARGE).unwrap() == bytes(1, LARGE));
    assert_eq!(client.response(false).status, 404, "the next request came too late");
    assert!(is_dropped(&weak, Duration::from_secs(2)), "long before the drain is over");
}

#[test]
fn a_response_goes_on_while_its_medium_stays() {
    let workshop = workshop(1, LARGE);
    let (server, address) = server(&short_drain());
    let opened = medium(&workshop.image("a.iso"));
    server.publish(exports([("A", opened.clone())]));
    let mut client = Client::connect(address);
    client.send("GET /A/file HTTP/1.1\r\nHost: a\r\n\r\n");
    client.head().unwrap();
    server.publish(exports([("A", opened.clone()), ("B", opened)]));
    thread::sleep(DRAIN * 2);
    assert!(client.take(LARGE).unwrap() == bytes(1, LARGE));
}

#[test]
fn bytes_that_wait_in_the_send_queue_are_not_sent_after_their_medium_was_let_go() {
    let workshop = workshop(1, 1 << 20);
    let (server, address) = server(&short_drain());
    let opened = medium(&workshop.image("a.iso"));
    let weak = Arc::downgrade(&opened);
    server.publish(exports([("A", opened)]));
    let mut client = Client::with_buffer(address, 4096);
    assert!(socket_send_buffer_size(&client.stream).unwrap() > 0);
    client.send("GET /A/file HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(within(Duration::from_secs(5), || server.statistics().bytes > 1 << 19));
    server.publish(exports([]));
    thread::sleep(DRAIN / 2);
    assert!(weak.strong_count() > 0, "what is in the queue are its pages");
    assert!(is_dropped(&weak, DRAIN * 2));
    while client.receive() {}
    let head = client.received.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
    let body = &client.received[head..];
    assert!(body.len() < 1 << 20, "the rest was thrown away");
    assert_eq!(body, &bytes(1, 1 << 20)[..body.len()]);
}

#[test]
fn media_that_come_and_go_under_load_are_never_mixed() {
    let first = workshop(1, 700_000);
    let second = workshop(2, 700_000);
    let paths = [first.image("a.iso"), second.image("b.iso")];
    let contents = Arc::new([bytes(1, 700_000), bytes(2, 700_000)]);
    let (server, address) = server(&short_drain());
    server.publish(exports([("A", medium(&paths[0]))]));
    let end = Instant::now() + Duration::from_secs(3);
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let contents = Arc::clone(&contents);
            thread::spawn(move || {
                let mut whole = 0;
                let mut client = Client::connect(address);
                while Instant::now() < end {
                    client.send("GET /A/file HTTP/1.1\r\nHost: a\r\n\r\n");
                    match client.try_response(false) {
                        Some(response) if response.status == 200 => {
                            assert!(contents.contains(&response.body), "mixed bytes");
                            whole += 1;
                        }
                        Some(response) => assert_eq!(response.status, 404),
                        None => client = Client::connect(address),
                    }
                }
                whole
            })
        })
        .collect();
    let mut media = Vec::new();
    let mut round = 0;
    while Instant::now() < end {
        round += 1;
        let opened = medium(&paths[round % 2]);
        media.push(Arc::downgrade(&opened));
        server.publish(exports([("A", opened)]));
        thread::sleep(Duration::from_millis(7));
    }
    let whole: usize = clients.into_iter().map(|client| client.join().unwrap()).sum();
    assert!(whole > 50, "{whole} responses");
    server.publish(exports([]));
    assert!(media.iter().all(|medium| is_dropped(medium, DRAIN * 2)));
}

#[test]
fn a_server_that_ends_lets_running_responses_finish_and_waits_for_nobody_else() {
    let workshop = workshop(1, LARGE);
    let (server, address) = server(&settings());
    let opened = medium(&workshop.image("a.iso"));
    let weak = Arc::downgrade(&opened);
    server.publish(exports([("A", opened)]));
    let mut idle = Client::connect(address);
    assert_eq!(idle.get("/healthz").status, 200);
    let mut busy = Client::connect(address);
    busy.send("GET /A/file HTTP/1.1\r\nHost: a\r\n\r\n");
    busy.head().unwrap();
    let ending = thread::spawn(move || {
        let start = Instant::now();
        server.shutdown(Duration::from_secs(20));
        start.elapsed()
    });
    assert!(idle.is_ended());
    assert!(busy.take(LARGE).unwrap() == bytes(1, LARGE));
    drop(busy);
    assert!(ending.join().unwrap() < Duration::from_secs(10));
    assert!(std::net::TcpStream::connect(address).is_err());
    assert_eq!(weak.strong_count(), 0);
}

#[test]
fn a_server_that_ends_cuts_those_who_do_not_finish() {
    let workshop = workshop(1, LARGE);
    let (server, address) = server(&settings());
    server.publish(exports([("A", medium(&workshop.image("a.iso")))]));
    let mut slow = Client::connect(address);
    slow.send("GET /A/file HTTP/1.1\r\nHost: a\r\n\r\n");
    slow.head().unwrap();
    let start = Instant::now();
    server.shutdown(Duration::from_millis(200));
    assert!((200..2000).contains(&start.elapsed().as_millis()));
    while slow.receive() {}
    assert!(slow.received.len() < LARGE);
}
