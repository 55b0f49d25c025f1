//! What the server makes of requests: statuses, ranges, conditions, connections.

use std::{fs, io::Write, net::Shutdown, os::unix::fs::MetadataExt, sync::Arc};

use isomirror::serve::Server;
use isomirror_core::http::format_date;
use isomirror_tests::images::iso9660::bytes;

use crate::http_fixture::{Client, Workshop, exports, medium, server, settings};

fn with_medium() -> (Workshop, Server, Client) {
    let workshop = Workshop::with_files();
    let (server, address) = server(&settings());
    server.publish(exports([("LABEL", medium(&workshop.image("a.iso")))]));
    (workshop, server, Client::connect(address))
}

#[test]
fn every_path_of_the_web_root_answers_as_it_should() {
    let (_workshop, _server, mut client) = with_medium();
    for (target, status) in [
        ("/", 200),
        ("/index.html", 200),
        ("/index.json", 200),
        ("/healthz", 200),
        ("/LABEL", 301),
        ("/LABEL/", 200),
        ("/LABEL/dir", 301),
        ("/LABEL/dir/", 200),
        ("/LABEL/small.txt", 200),
        ("/LABEL/small.txt/", 404),
        ("/LABEL/small.txt/x", 404),
        ("/LABEL/missing", 404),
        ("/LABEL/dir/a%20b%23%3F%25.txt", 200),
        ("/LABEL/dir/../small.txt?query", 200),
        ("http://any.example/LABEL/small.txt", 200),
        ("/OTHER/", 404),
        ("/label/", 404),
        ("/_/", 404),
        ("/_/LABEL.iso", 200),
        ("/_/LABEL.json", 200),
        ("/_/OTHER.iso", 404),
        ("/_/OTHER.json", 404),
        ("/../etc/passwd", 400),
        ("/LABEL/../../etc/passwd", 400),
        ("/LABEL/%2e%2e/%2e%2e/etc/passwd", 400),
        ("/LABEL/dir%2Fa", 400),
        ("/LABEL/%00", 400),
        ("/LABEL/%zz", 400),
    ] {
        for method in ["GET", "HEAD"] {
            assert_eq!(client.request(method, target, "").status, status, "{method} {target}");
        }
    }
}

#[test]
fn head_has_the_head_of_get_and_no_body() {
    let (_workshop, _server, mut client) = with_medium();
    for target in [
        "/",
        "/index.json",
        "/healthz",
        "/LABEL",
        "/LABEL/",
        "/LABEL/small.txt",
        "/LABEL/large.bin",
        "/LABEL/empty",
        "/LABEL/missing",
        "/_/LABEL.iso",
        "/_/LABEL.json",
    ] {
        let head = client.request("HEAD", target, "");
        let get = client.get(target);
        let undated = |head: &str| {
            head.lines().filter(|line| !line.starts_with("Date: ")).collect::<Vec<_>>().join("\n")
        };
        assert_eq!(undated(&head.head), undated(&get.head), "{target}");
        assert_eq!(get.field("Content-Length").unwrap(), get.body.len().to_string(), "{target}");
    }
}

#[test]
fn files_come_with_their_bytes_and_what_identifies_them() {
    let (workshop, _server, mut client) = with_medium();
    for (name, media_type) in [
        ("small.txt", "text/plain; charset=utf-8"),
        ("large.bin", "application/octet-stream"),
        ("empty", "application/octet-stream"),
        ("dir/README", "text/plain; charset=utf-8"),
    ] {
        let path = workshop.tree.join(name);
        let response = client.get(&format!("/LABEL/{name}"));
        assert_eq!(response.status, 200);
        assert_eq!(response.body, fs::read(&path).unwrap(), "{name}");
        assert_eq!(response.field("Content-Type"), Some(media_type), "{name}");
        assert_eq!(response.field("Accept-Ranges"), Some("bytes"));
        assert_eq!(response.field("X-Content-Type-Options"), Some("nosniff"));
        assert_eq!(response.field("Server"), Some("isomirror"));
        let modified = format_date(fs::metadata(&path).unwrap().mtime()).unwrap();
        assert_eq!(response.field("Last-Modified"), Some(modified.as_str()), "{name}");
        let tag = response.field("ETag").unwrap();
        assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}");
    }
    let image = client.get("/_/LABEL.iso");
    assert_eq!(image.body, fs::read(workshop.directory.path().join("a.iso")).unwrap());
    assert_eq!(image.field("Content-Type"), Some("application/x-iso9660-image"));
}

#[test]
fn ranges_give_exactly_the_bytes_that_they_name() {
    let (_workshop, _server, mut client) = with_medium();
    let content = bytes(2, 3_000_001);
    let size = content.len();
    for (value, part) in [
        ("bytes=0-0", 0..1),
        ("bytes=0-16383", 0..16384),
        ("bytes=1-16385", 1..16386),
        ("bytes=2999999-", 2_999_999..size),
        ("bytes=-100000", size - 100_000..size),
        ("bytes=4095-2999998", 4095..2_999_999),
        ("bytes=0-99999999999999999999", 0..size),
    ] {
        let response = client.request("GET", "/LABEL/large.bin", &format!("Range: {value}\r\n"));
        assert_eq!(response.status, 206, "{value}");
        let field = format!("bytes {}-{}/{size}", part.start, part.end - 1);
        assert_eq!(response.field("Content-Range"), Some(field.as_str()));
        assert_eq!(response.body, content[part], "{value}");
    }
    for value in ["bytes=u-u", "bytes=2-1", "bytes=0-0,2-2", "items=0-1", ""] {
        let response = client.request("GET", "/LABEL/large.bin", &format!("Range: {value}\r\n"));
        assert_eq!((response.status, response.body.len()), (200, size), "{value}");
    }
    for (target, value, total) in
        [("large.bin", "bytes=3000001-", size), ("empty", "bytes=0-", 0), ("empty", "bytes=-0", 0)]
    {
        let fields = format!("Range: {value}\r\n");
        let response = client.request("GET", &format!("/LABEL/{target}"), &fields);
        assert_eq!(response.status, 416, "{value}");
        let field = format!("bytes */{total}");
        assert_eq!(response.field("Content-Range"), Some(field.as_str()));
    }
    let head = client.request("HEAD", "/LABEL/large.bin", "Range: bytes=0-0\r\n");
    assert_eq!((head.status, head.field("Content-Length")), (200, Some("3000001")));
}

#[test]
fn a_range_is_right_whatever_was_asked_of_the_file_before() {
    let (workshop, _server, mut client) = with_medium();
    for name in ["small.txt", "large.bin"] {
        let content = fs::read(workshop.tree.join(name)).unwrap();
        for (start, end) in [(5, 9), (5, 10), (5, 9), (0, 9), (0, content.len() - 1), (6, 9)] {
            let field = format!("Range: bytes={start}-{end}\r\n");
            let response = client.request("GET", &format!("/LABEL/{name}"), &field);
            assert_eq!(response.status, 206);
            assert!(response.body == content[start..=end], "{name} {start}-{end}");
        }
        assert!(client.get(&format!("/LABEL/{name}")).body == content);
    }
}

#[test]
fn conditions_are_answered_with_what_the_client_has() {
    let (_workshop, _server, mut client) = with_medium();
    let known = client.get("/LABEL/small.txt");
    let tag = known.field("ETag").unwrap();
    let date = known.field("Last-Modified").unwrap();
    let past = "Sun, 06 Nov 1994 08:49:37 GMT";
    for (fields, status) in [
        (format!("If-None-Match: {tag}\r\n"), 304),
        (format!("If-None-Match: \"x\", W/{tag}\r\n"), 304),
        ("If-None-Match: \"x\"\r\n".into(), 200),
        (format!("If-Modified-Since: {date}\r\n"), 304),
        (format!("If-Modified-Since: {past}\r\n"), 200),
        (format!("If-Match: {tag}\r\n"), 200),
        ("If-Match: \"x\"\r\n".into(), 412),
        (format!("If-Unmodified-Since: {past}\r\n"), 412),
        (format!("Range: bytes=0-1\r\nIf-Range: {tag}\r\n"), 206),
        (format!("Range: bytes=0-1\r\nIf-Range: {date}\r\n"), 206),
        ("Range: bytes=0-1\r\nIf-Range: \"x\"\r\n".into(), 200),
        (format!("Range: bytes=0-1\r\nIf-Range: {past}\r\n"), 200),
        (format!("Range: bytes=0-1\r\nIf-None-Match: {tag}\r\n"), 304),
    ] {
        let response = client.request("GET", "/LABEL/small.txt", &fields);
        assert_eq!(response.status, status, "{fields}");
        if status == 304 {
            assert_eq!(response.field("ETag"), Some(tag));
        }
    }
    for target in ["/", "/index.json", "/_/LABEL.json", "/_/LABEL.iso"] {
        let tag = client.request("HEAD", target, "").field("ETag").unwrap().to_owned();
        let again = client.request("GET", target, &format!("If-None-Match: {tag}\r\n"));
        assert_eq!(again.status, 304, "{target}");
    }
}

#[test]
fn redirects_stay_on_this_server() {
    let workshop = Workshop::with_files();
    workshop.file("dir/\\evil.example/x", b"");
    let (server, address) = server(&settings());
    server.publish(exports([("LABEL", medium(&workshop.image("a.iso")))]));
    let mut client = Client::connect(address);
    for (target, location) in [
        ("/LABEL", "/LABEL/"),
        ("//LABEL", "/LABEL/"),
        ("/LABEL?//evil.example", "/LABEL/"),
        ("http://evil.example/LABEL", "/LABEL/"),
        ("///evil.example/..//LABEL/dir", "/LABEL/dir/"),
        ("/LABEL/dir/%5Cevil.example", "/LABEL/dir/%5Cevil.example/"),
    ] {
        let response = client.get(target);
        assert_eq!(
            (response.status, response.field("Location")),
            (301, Some(location)),
            "{target}"
        );
    }
}

#[test]
fn requests_that_were_sent_at_once_are_answered_in_order() {
    let (_workshop, _server, mut client) = with_medium();
    let targets = ["/healthz", "/LABEL/small.txt", "/LABEL/large.bin", "/nothing", "/LABEL/"];
    let sent: Vec<u8> = (0..40)
        .flat_map(|round| {
            let target = targets[round % targets.len()];
            format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes()
        })
        .collect();
    let mut writer = client.stream.try_clone().unwrap();
    let sending = std::thread::spawn(move || writer.write_all(&sent).unwrap());
    for round in 0..40 {
        let response = client.response(false);
        match targets[round % targets.len()] {
            "/healthz" => assert_eq!(response.body, b"ok\n"),
            "/LABEL/small.txt" => assert_eq!(response.body, bytes(1, 1024)),
            "/LABEL/large.bin" => assert_eq!(response.body, bytes(2, 3_000_001)),
            "/nothing" => assert_eq!(response.status, 404),
            _ => assert!(response.text().contains("large.bin")),
        }
    }
    sending.join().unwrap();
}

#[test]
fn a_head_may_come_byte_by_byte() {
    let (_workshop, _server, mut client) = with_medium();
    for byte in b"\r\nGET /LABEL/small.txt HTTP/1.1\r\nHost: a\r\n\r\n" {
        client.send([*byte]);
    }
    assert_eq!(client.response(false).body, bytes(1, 1024));
}

#[test]
fn a_connection_goes_on_as_long_as_both_sides_want() {
    let (_workshop, server, _client) = with_medium();
    let address = server.local_addresses()[0];
    for (head, goes_on) in [
        ("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", true),
        ("GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false),
        ("GET /healthz HTTP/1.0\r\n\r\n", false),
        ("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true),
        ("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", true),
        ("GET /LABEL/large.bin HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false),
    ] {
        let mut client = Client::connect(address);
        client.send(head);
        let response = client.response(false);
        if goes_on {
            assert_ne!(response.field("Connection"), Some("close"), "{head}");
            assert_eq!(client.get("/healthz").body, b"ok\n", "{head}");
        } else {
            assert_eq!(response.field("Connection"), Some("close"), "{head}");
            client.stream.shutdown(Shutdown::Write).unwrap();
            assert!(client.is_ended(), "{head}");
        }
    }
}

#[test]
fn a_client_that_stops_sending_still_gets_its_response() {
    let (_workshop, _server, mut client) = with_medium();
    client.send("GET /LABEL/large.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    client.stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.response(false).body.len(), 3_000_001);
    assert!(client.is_ended());
}

#[test]
fn what_two_servers_could_read_differently_ends_the_connection() {
    let (_workshop, server, _client) = with_medium();
    let address = server.local_addresses()[0];
    let follower = "GET /LABEL/small.txt HTTP/1.1\r\nHost: a\r\n\r\n";
    for (head, status) in [
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\nHost: a\n\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX : a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 44\r\nContent-Length: 0\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +44\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 44, 44\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n", 413),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n", 405),
        ("DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        ("BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        ("nonsense\r\n\r\n", 400),
        ("\u{16}\u{3}\u{1}\u{2}", 400),
    ] {
        let mut client = Client::connect(address);
        client.send(format!("{head}{follower}"));
        let response = client.response(false);
        assert_eq!(response.status, status, "{head:?}");
        assert_eq!(response.field("Connection"), Some("close"));
        assert_eq!(response.field("Allow").is_some(), status == 405, "{head:?}");
        assert!(!response.text().contains('/'), "no path in {}", response.text());
        client.stream.shutdown(Shutdown::Write).unwrap();
        assert!(client.is_ended(), "something followed {head:?}");
    }
    let mut client = Client::connect(address);
    client.send(format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(20_000)));
    assert_eq!(client.response(false).status, 414);
    let mut client = Client::connect(address);
    client.send(format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "a".repeat(20_000)));
    assert_eq!(client.response(false).status, 431);
}

#[test]
fn a_hundred_clients_at_once_get_the_same_bytes() {
    let (workshop, server, _client) = with_medium();
    let address = server.local_addresses()[0];
    let image = Arc::new(fs::read(workshop.directory.path().join("a.iso")).unwrap());
    let clients: Vec<_> = (0..100)
        .map(|number: usize| {
            let image = Arc::clone(&image);
            std::thread::spawn(move || {
                let mut client = Client::connect(address);
                for round in 0..5 {
                    let start = (number * 7919 + round * 104_729) % image.len();
                    let fields = format!("Range: bytes={start}-\r\n");
                    let response = client.request("GET", "/_/LABEL.iso", &fields);
                    assert!(response.body == image[start..], "bytes from {start} on");
                    assert_eq!(client.get("/LABEL/small.txt").body, bytes(1, 1024));
                }
            })
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
    let statistics = server.statistics();
    assert_eq!((statistics.accepted, statistics.requests), (101, 1000));
    assert!(statistics.bytes > 500 * 1024);
}
