//! A web server that has one page and nothing else.

use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// The server. Its thread ends with the test's process.
pub(crate) struct StaticSite {
    address: SocketAddr,
    page: Arc<Mutex<Vec<u8>>>,
}

impl StaticSite {
    pub(crate) fn start(page: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let page = Arc::new(Mutex::new(page));
        let shown = Arc::clone(&page);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let page = shown.lock().unwrap().clone();
                thread::spawn(move || answer(stream, &page));
            }
        });
        Self { address, page }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    pub(crate) fn replace(&self, page: Vec<u8>) {
        *self.page.lock().unwrap() = page;
    }
}

fn answer(mut stream: TcpStream, page: &[u8]) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let Some(request) = lines.next() else { return };
    lines.find(String::is_empty);
    let (status, kind, body) = match request.split(' ').nth(1) {
        Some("/") => ("200 OK", "text/html; charset=utf-8", page),
        _ => ("404 Not Found", "text/plain", &b"none"[..]),
    };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(&[head.as_bytes(), body].concat()).ok();
}
