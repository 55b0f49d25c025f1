//! Clients that are there, and take little or nothing.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// Bytes that a slow client takes at a time, twenty times a second.
const SIP: usize = 16 << 10;

/// Open connections; dropped, they end.
#[derive(Debug)]
pub(super) struct Crowd {
    idle: Vec<TcpStream>,
    sipping: Option<JoinHandle<()>>,
    is_over: Arc<AtomicBool>,
}

impl Crowd {
    /// `count` connections that each got `path` once, a small file.
    pub(super) fn idle(port: u16, path: &str, count: usize) -> io::Result<Self> {
        let mut idle = Vec::with_capacity(count);
        let mut buffer = [0; 4096];
        for _ in 0..count {
            let mut stream = ask(port, path)?;
            if stream.read(&mut buffer)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            idle.push(stream);
        }
        Ok(Self { idle, sipping: None, is_over: Arc::default() })
    }

    /// `count` connections that get `path`, a large file, slowly.
    pub(super) fn slow(port: u16, path: &str, count: usize) -> io::Result<Self> {
        let streams: io::Result<Vec<_>> = (0..count).map(|_| ask(port, path)).collect();
        let (mut streams, is_over) = (streams?, Arc::new(AtomicBool::new(false)));
        let until = Arc::clone(&is_over);
        let sipping = thread::spawn(move || {
            let mut buffer = [0; SIP];
            while !until.load(Ordering::Relaxed) {
                streams.retain_mut(|stream| stream.read(&mut buffer).is_ok_and(|count| count > 0));
                thread::sleep(Duration::from_millis(50));
            }
        });
        Ok(Self { idle: Vec::new(), sipping: Some(sipping), is_over })
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.idle.clear();
        if let Some(sipping) = self.sipping.take() {
            let _ = sipping.join();
        }
    }
}

fn ask(port: u16, path: &str) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")?;
    Ok(stream)
}
