//! An HTTP server that does everything that servers should not.
//!
//! Each request takes the next fault of the script, and the steady one when that is used up. What was asked is noted.

mod answer;
mod fault;

use std::{
    collections::VecDeque,
    io::{self, BufRead, BufReader},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

pub use fault::Fault;

/// A running server; it ends with the value.
#[derive(Debug)]
pub struct FaultServer {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    stopped: AtomicBool,
}

#[derive(Debug)]
struct State {
    content: Arc<Vec<u8>>,
    etag: Option<String>,
    script: VecDeque<Fault>,
    steady: Fault,
    seen: Vec<Seen>,
}

/// A request that was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Its path.
    pub path: String,
    /// `Range`, verbatim.
    pub range: Option<String>,
    /// `If-Range`, verbatim.
    pub if_range: Option<String>,
    /// `Accept-Encoding`, verbatim.
    pub accept_encoding: Option<String>,
}

impl FaultServer {
    /// Serves `content` under every path, with the tag `"1"` and without faults.
    ///
    /// # Errors
    /// Where there is no loopback.
    pub fn start(content: Vec<u8>) -> io::Result<Self> {
        Self::at("127.0.0.1:0", content)
    }

    /// At an address of this machine.
    ///
    /// # Errors
    /// Where it is not to be had.
    pub fn at(address: &str, content: Vec<u8>) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let state = State {
            content: Arc::new(content),
            etag: Some("\"1\"".to_owned()),
            script: VecDeque::new(),
            steady: Fault::None,
            seen: Vec::new(),
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), stopped: AtomicBool::new(false) });
        let serving = Arc::clone(&shared);
        thread::spawn(move || accept(&listener, &serving));
        Ok(Self { address, shared })
    }

    /// With a script, and what follows it.
    ///
    /// # Errors
    /// As [`FaultServer::start`].
    pub fn with(
        content: Vec<u8>,
        script: impl IntoIterator<Item = Fault>,
        steady: Fault,
    ) -> io::Result<Self> {
        let server = Self::start(content)?;
        server.script(script, steady);
        Ok(server)
    }

    /// Where the image is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/image.iso", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Replaces the script.
    pub fn script(&self, script: impl IntoIterator<Item = Fault>, steady: Fault) {
        let mut state = self.shared.state();
        state.script = script.into_iter().collect();
        state.steady = steady;
    }

    /// Replaces the content and its tag, as a new release under the old name does.
    pub fn replace(&self, content: Vec<u8>, etag: Option<&str>) {
        let mut state = self.shared.state();
        state.content = Arc::new(content);
        state.etag = etag.map(str::to_owned);
    }

    /// The requests so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.state().seen.clone()
    }

    /// Forgets them.
    pub fn forget(&self) {
        self.shared.state().seen.clear();
    }
}

impl Drop for FaultServer {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.is_stopped() {
            return;
        }
        let Ok(stream) = stream else { continue };
        let shared = Arc::clone(shared);
        // However a connection ends, it is the client's to cope with.
        thread::spawn(move || drop(serve(&stream, &shared)));
    }
}

fn serve(stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_mins(1)))?;
    let mut reader = BufReader::new(stream);
    while let Some(seen) = read_head(&mut reader)? {
        let (content, etag, fault) = {
            let mut state = shared.state();
            state.seen.push(seen.clone());
            let fault = state.script.pop_front().unwrap_or_else(|| state.steady.clone());
            (Arc::clone(&state.content), state.etag.clone(), fault)
        };
        let job = answer::Job { stream, shared, content: &content, etag: etag.as_deref() };
        if !job.answer(&seen, &fault)? {
            break;
        }
    }
    Ok(())
}

fn read_head(reader: &mut impl BufRead) -> io::Result<Option<Seen>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let path = line.split(' ').nth(1).unwrap_or("/").to_owned();
    let mut seen = Seen { path, ..Seen::default() };
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let Some((name, value)) = line.trim_end().split_once(':') else { return Ok(Some(seen)) };
        let value = Some(value.trim().to_owned());
        match name.to_ascii_lowercase().as_str() {
            "range" => seen.range = value,
            "if-range" => seen.if_range = value,
            "accept-encoding" => seen.accept_encoding = value,
            _ => {}
        }
    }
}

/// An image of `size` bytes (at least 34 KiB) that no other seed has, with the identifier of ISO 9660 where it belongs.
#[must_use]
pub fn image(size: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        // xorshift64* by Vigna: random enough to tell any two offsets apart.
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        bytes.extend_from_slice(&state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
    }
    bytes.truncate(size);
    if let Some(identifier) = bytes.get_mut(0x8001..0x8006) {
        identifier.copy_from_slice(b"CD001");
    }
    bytes
}
