//! Proxies, as the environment's variables name them: HTTP, tunnels for HTTPS, SOCKS.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    process::Command,
    sync::{Arc, Mutex},
    thread,
};

use isomirror_tests::fault_server::{Fault, FaultServer, image};

use crate::{
    transfer_fixture::{MIB, fetch_process},
    transfer_tls::Https,
};

/// A proxy that leads every name to one server, and notes what it was asked for. It goes with the process.
struct Proxy {
    address: SocketAddr,
    seen: Arc<Noted>,
}

/// What it does with a connection, for the server behind it, having noted what it was asked for.
type Serve = fn(TcpStream, SocketAddr, &Noted) -> io::Result<()>;

type Noted = Mutex<Vec<String>>;

impl Proxy {
    fn start(behind: SocketAddr, serve: Serve) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let noted = Arc::clone(&noted);
                // However a connection ends, it is the client's to cope with.
                thread::spawn(move || drop(serve(stream, behind, &noted)));
            }
        });
        Self { address, seen }
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

/// RFC 9112 section 3.2: `absolute-form`, and `CONNECT`.
fn http(mut client: TcpStream, behind: SocketAddr, noted: &Noted) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let asked = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    noted.lock().unwrap().push(asked.clone());
    let mut server = TcpStream::connect(behind)?;
    if asked.starts_with("CONNECT ") {
        while reader.read_line(&mut line)? > 2 {}
        client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?;
    } else {
        server.write_all(b"GET /image.iso HTTP/1.1\r\nConnection: close\r\n")?;
        server.write_all(reader.buffer())?;
    }
    relay(client, server)
}

/// RFC 1928, with names that the proxy resolves.
fn socks(mut client: TcpStream, behind: SocketAddr, noted: &Noted) -> io::Result<()> {
    let mut head = [0; 2];
    client.read_exact(&mut head)?;
    client.read_exact(&mut vec![0; head[1].into()])?;
    client.write_all(&[5, 0])?;
    let mut request = [0; 5];
    client.read_exact(&mut request)?;
    let mut name = vec![0; usize::from(request[4]) + 2];
    client.read_exact(&mut name)?;
    name.truncate(name.len() - 2);
    let asked = format!("kind {} {}", request[3], String::from_utf8_lossy(&name));
    noted.lock().unwrap().push(asked);
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
    relay(client, TcpStream::connect(behind)?)
}

/// A proxy that wants a password first.
fn closed(client: TcpStream, _: SocketAddr, noted: &Noted) -> io::Result<()> {
    let answer =
        "HTTP/1.1 407 Log in\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>";
    page(client, answer, noted)
}

/// One that tells of its troubles as if that were the image.
fn confused(client: TcpStream, _: SocketAddr, noted: &Noted) -> io::Result<()> {
    let answer = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>";
    page(client, answer, noted)
}

fn page(mut client: TcpStream, answer: &str, noted: &Noted) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    while reader.read_line(&mut String::new())? > 2 {}
    noted.lock().unwrap().push(line);
    client.write_all(answer.as_bytes())
}

fn relay(client: TcpStream, server: TcpStream) -> io::Result<()> {
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    let (mut from_server, mut to_client) = (server, client);
    let _ = io::copy(&mut from_server, &mut to_client);
    let _ = to_client.shutdown(Shutdown::Both);
    Ok(())
}

fn by<'a>(
    command: &'a mut Command,
    variable: &str,
    scheme: &str,
    proxy: &Proxy,
) -> &'a mut Command {
    command.env(variable, format!("{scheme}://{}", proxy.address))
}

/// A name that only a proxy knows.
const URL: &str = "http://mirror.invalid/image.iso";

#[test]
pub(crate) fn an_image_is_fetched_through_a_proxy_that_knows_its_name() {
    let content = image(3 * MIB, 1);
    let server = FaultServer::with(content.clone(), [Fault::ClosedAt(MIB)], Fault::None).unwrap();
    let proxy = Proxy::start(server.address(), http);
    let fetched = fetch_process(&content, &[URL.to_owned()], |command| {
        by(command, "http_proxy", "http", &proxy)
    });
    fetched.assert_published(&content);
    assert_eq!(proxy.seen()[0], format!("GET {URL}"));
    assert!(server.seen()[1].range.is_some(), "{:?}", server.seen());
}

#[test]
pub(crate) fn what_needs_no_proxy_is_fetched_without_one() {
    let content = image(MIB, 1);
    let server = FaultServer::start(content.clone()).unwrap();
    let proxy = Proxy::start(server.address(), closed);
    let fetched = fetch_process(&content, &[server.url()], |command| {
        by(command, "http_proxy", "http", &proxy).env("no_proxy", "127.0.0.1,mirror.invalid")
    });
    fetched.assert_published(&content);
    assert_eq!(proxy.seen(), [""; 0]);
}

#[test]
pub(crate) fn https_goes_through_a_proxy_unseen() {
    let content = image(MIB, 1);
    let server = FaultServer::start(content.clone()).unwrap();
    let https = Https::before("mirror.invalid", "1 minute ago", &server);
    let proxy = Proxy::start(https.address(), http);
    let fetched =
        fetch_process(&content, &["https://mirror.invalid/image.iso".into()], |command| {
            by(command, "https_proxy", "http", &proxy).env("SSL_CERT_FILE", https.authority())
        });
    fetched.assert_published(&content);
    assert_eq!(proxy.seen()[0], "CONNECT mirror.invalid:443");
}

#[test]
pub(crate) fn socks_is_spoken_too() {
    let content = image(MIB, 1);
    let server = FaultServer::start(content.clone()).unwrap();
    let proxy = Proxy::start(server.address(), socks);
    let fetched = fetch_process(&content, &[URL.to_owned()], |command| {
        by(command, "all_proxy", "socks5h", &proxy)
    });
    fetched.assert_published(&content);
    assert_eq!(proxy.seen()[0], "kind 3 mirror.invalid");
}

#[test]
pub(crate) fn a_proxy_that_answers_for_the_mirror_is_told_as_that() {
    let content = image(MIB, 1);
    let server = FaultServer::start(content.clone()).unwrap();
    let nobody = Proxy { address: ([127, 0, 0, 1], 1).into(), seen: Arc::default() };
    for (proxy, told) in [
        (Proxy::start(server.address(), closed), "look whether a login or a proxy is needed"),
        (Proxy::start(server.address(), confused), "it sent a web page"),
        (nobody, "no mirror can be reached"),
    ] {
        let held = fetch_process(&content, &[URL.to_owned()], |command| {
            by(command, "http_proxy", "http", &proxy)
        });
        held.assert_held(told);
    }
}
